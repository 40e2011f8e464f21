#!/usr/bin/env python3
"""Prints ed25519.txt and x25519.txt, which stand beside this file, from the published test vectors.

    python3 edge_cases.py ed25519 wycheproof-ed25519.json ed25519-speccheck-cases.json > ed25519.txt
    python3 edge_cases.py x25519 wycheproof-x25519.json > x25519.txt

The vectors: github.com/C2SP/wycheproof, testvectors_v1/ed25519_test.json and x25519_test.json, and
github.com/novifinancial/ed25519-speccheck, cases.json; both Apache-2.0. The column `sodium` is asked of the libsodium
that is installed, not copied from anywhere.
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
LICENCE = "# Apache-2.0, https://www.apache.org/licenses/LICENSE-2.0. Printed by edge_cases.py; do not edit."


def ed25519(wycheproof, speccheck):
    print("# Ed25519 signatures at the edges of the scheme: facts of C2SP/wycheproof (testvectors_v1, 151 cases) and of")
    print("# novifinancial/ed25519-speccheck (15 cases; \"Taming the many EdDSAs\"), which gives no verdict.")
    print(LICENCE)
    print("#")
    print("# source-number flag verdict sodium key message signature")
    print(f"# verdict: the source's. sodium: what libsodium {VERSION} does; `length`: it would read 64 bytes whatever comes.")
    print("# `-`: nothing.")
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
    print("# X25519 agreements at the edges of the curve: facts of C2SP/wycheproof (testvectors_v1, 518 cases).")
    print(LICENCE)
    print("#")
    print("# number verdict sodium encoding secret public shared")
    print(f"# verdict: the source's (valid, acceptable). sodium: what libsodium {VERSION} does. encoding: `canonical`, or")
    print("# `other` where u is at or above p or its top bit is set. shared: `0` where it is zero.")
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
