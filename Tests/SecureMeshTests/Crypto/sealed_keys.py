#!/usr/bin/env python3
"""Prints sealed_keys.txt: secret keys with a passphrase, made from PROTOCOL.md alone and without libsodium.

Argon2id is that of argon2-cffi (the reference implementation in C), BLAKE2b that of Python, and ChaCha20-Poly1305 is
written down here from RFC 8439.

    PYTHONPATH=.build-python python3 Tests/SecureMeshTests/Crypto/sealed_keys.py

Each line has: passphrase (hex), seed (hex), passes, memory in MiB, salt (hex), text.
"""

import base64
import hashlib
import struct

from argon2.low_level import Type, hash_secret_raw

PREFIX = b"P2PSEALED1_"


def chacha20_block(key, counter, nonce):
    def rotate(value, bits):
        return (value << bits | value >> 32 - bits) & 0xFFFFFFFF

    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key), counter]
    start += struct.unpack("<3I", nonce)
    x = list(start)
    for _ in range(10):
        for a, b, c, d in [
            (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
            (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
        ]:
            for one, two, three, bits in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)]:
                x[one] = (x[one] + x[two]) & 0xFFFFFFFF
                x[three] = rotate(x[three] ^ x[one], bits)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(x, start)))


def aead_seal(key, nonce, additional, plaintext):
    stream = b"".join(chacha20_block(key, 1 + i, nonce) for i in range((len(plaintext) + 63) // 64))
    sealed = bytes(a ^ b for a, b in zip(plaintext, stream))
    one_time = chacha20_block(key, 0, nonce)
    r = int.from_bytes(one_time[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    s = int.from_bytes(one_time[16:32], "little")

    def padded(data):
        return data + bytes(-len(data) % 16)

    text = padded(additional) + padded(sealed) + struct.pack("<2Q", len(additional), len(sealed))
    sum = 0
    for i in range(0, len(text), 16):
        sum = (sum + int.from_bytes(text[i:i + 16] + b"\x01", "little")) * r % (2**130 - 5)
    return sealed + ((sum + s) % 2**128).to_bytes(16, "little")


def checksum(data):
    return hashlib.blake2b(data, digest_size=32, key=b"key text".ljust(32, b"\0")).digest()[:4]


def sealed_key(passphrase, seed, passes, memory, salt):
    header = struct.pack(">2H", passes, memory) + salt
    lanes, length = 1, 32
    key = hash_secret_raw(passphrase, salt, passes, memory * 1024, lanes, length, Type.ID)
    data = header + aead_seal(key, bytes(12), PREFIX + header, seed)
    return PREFIX + base64.urlsafe_b64encode(data + checksum(PREFIX + data))


def main():
    cases = [
        (b"correct horse battery staple", 3, 64), ("Größe # \u00e9".encode(), 1, 1), (b" x ", 10, 2), (b"\xff\x80", 2, 8),
        (b"a" * 1023, 1, 3),
    ]
    for number, (passphrase, passes, memory) in enumerate(cases):
        seed = bytes(range(number, number + 32))
        salt = bytes(range(0xA0 + number, 0xB0 + number))
        text = sealed_key(passphrase, seed, passes, memory, salt).decode()
        print(passphrase.hex(), seed.hex(), passes, memory, salt.hex(), text)


main()
