#!/usr/bin/env python3
"""Prints ed25519.txt and x25519.txt, in the folder of this file, from the published test vectors.

    python3 edge_cases.py ed25519 wycheproof-ed25519.json ed25519-speccheck-cases.json > ed25519.txt
    python3 edge_cases.py x25519 wycheproof-x25519.json > x25519.txt

The vectors: github.com/C2SP/wycheproof, testvectors_v1/ed25519_test.json and x25519_test.json, and
github.com/novifinancial/ed25519-speccheck, cases.json; both Apache-2.0. The column `sodium` is computed by the
installed libsodium.
"""
import ctypes
import ctypes.util
import json
import sys

SODIUM = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
SODIUM.sodium_init()
SODIUM.sodium_version_string.restype = ctypes.c_char_p
VERSION = SODIUM.sodium_version_string().decode()
P = 2**255 - 19
LICENSE = "# Apache-2.0, https://www.apache.org/licenses/LICENSE-2.0. Printed by edge_cases.py; do not edit."


def ed25519(wycheproof, speccheck):
    print("# Edge cases of Ed25519 signatures: the 151 cases of C2SP/wycheproof (testvectors_v1), and the 15 cases of")
    print("# novifinancial/ed25519-speccheck (\"Taming the many EdDSAs\"), which gives no verdicts.")
    print(LICENSE)
    print("#")
    print("# source-number flag verdict sodium key message signature")
    print(f"# verdict: that of the source. sodium: that of libsodium {VERSION}, or `length` if the signature does not have 64")
    print("# bytes, which libsodium cannot notice. `-`: none.")
    cases = []
    for group in json.load(open(wycheproof))["testGroups"]:
        key = group["publicKey"]["pk"]
        for test in group["tests"]:
            name = f"wycheproof-{test['tcId']}"
            cases.append((name, "+".join(test["flags"]), test["result"], key, test["msg"], test["sig"]))
    for number, case in enumerate(json.load(open(speccheck))):
        cases.append((f"speccheck-{number}", "-", "-", case["pub_key"], case["message"], case["signature"]))
    for name, flag, verdict, key, message, signature in cases:
        sodium = verify(*(bytes.fromhex(part) for part in (key, message, signature)))
        print(name, flag, verdict, sodium, key, message or "-", signature or "-")


def verify(key, message, signature):
    if len(signature) != 64:
        return "length"
    result = SODIUM.crypto_sign_verify_detached(signature, message, ctypes.c_ulonglong(len(message)), key)
    return "accepts" if result == 0 else "refuses"


def x25519(wycheproof):
    print("# Edge cases of X25519 agreements: the 518 cases of C2SP/wycheproof (testvectors_v1).")
    print(LICENSE)
    print("#")
    print("# number verdict sodium encoding secret public shared")
    print(f"# verdict: that of the source (valid, acceptable). sodium: that of libsodium {VERSION}. encoding: `canonical`, or")
    print("# `other` if u is p or more or its top bit is set. shared: `0` if it is zero.")
    for test in json.load(open(wycheproof))["testGroups"][0]["tests"]:
        secret, public, shared = (bytes.fromhex(test[part]) for part in ("private", "public", "shared"))
        output = ctypes.create_string_buffer(32)
        accepts = SODIUM.crypto_scalarmult(output, secret, public) == 0
        assert not accepts or output.raw == shared, test
        print(
            test["tcId"], test["result"], "accepts" if accepts else "refuses",
            "canonical" if int.from_bytes(public, "little") < P else "other", test["private"], test["public"],
            test["shared"] if any(shared) else "0",
        )


if __name__ == "__main__":
    {"ed25519": ed25519, "x25519": x25519}[sys.argv[1]](*sys.argv[2:])
