#!/usr/bin/env python3
"""SecureMesh protocol, version 1: a second implementation of its wire format, and its test vectors.

It is written from PROTOCOL.md alone, without reading the Swift code. So it also finds an error that
an encoder and its decoder share. It only generates vectors: its keys are fixed and public, and its
"random" numbers are constants.

    python3 Tests/SecureMeshTests/Vectors/reference.py                  prints the vectors
    python3 Tests/SecureMeshTests/Vectors/reference.py --check FILE     compares; exit 1 on a difference

It needs Python 3.9 or later and libsodium, which it calls through ctypes. Before it prints anything,
it opens every datagram with the *receiver's* secrets and decodes it. The decoders share only the
primitives with the encoders.
"""
import argparse
import base64
import ctypes
import ctypes.util
import ipaddress
import sys

# ---------------------------------------------------------------- primitives (section 3)

sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
if sodium.sodium_init() < 0:
    sys.exit("libsodium does not start")

_ptr, _len, _size = ctypes.c_char_p, ctypes.c_ulonglong, ctypes.c_size_t
for _name, _args in {
    "crypto_generichash": (_ptr, _size, _ptr, _len, _ptr, _size),
    "crypto_scalarmult": (_ptr, _ptr, _ptr),
    "crypto_scalarmult_base": (_ptr, _ptr),
    "crypto_sign_seed_keypair": (_ptr, _ptr, _ptr),
    "crypto_sign_detached": (_ptr, ctypes.c_void_p, _ptr, _len, _ptr),
    "crypto_sign_verify_detached": (_ptr, _ptr, _len, _ptr),
    "crypto_sign_ed25519_pk_to_curve25519": (_ptr, _ptr),
    "crypto_sign_ed25519_sk_to_curve25519": (_ptr, _ptr),
    "crypto_aead_chacha20poly1305_ietf_encrypt":
        (_ptr, ctypes.c_void_p, _ptr, _len, _ptr, _len, ctypes.c_void_p, _ptr, _ptr),
    "crypto_aead_chacha20poly1305_ietf_decrypt":
        (_ptr, ctypes.c_void_p, ctypes.c_void_p, _ptr, _len, _ptr, _len, _ptr, _ptr),
}.items():
    getattr(sodium, _name).argtypes = _args
    getattr(sodium, _name).restype = ctypes.c_int

def require(condition, what):
    """Checks a condition. Unlike assert, it is not removed by python -O."""
    if not condition:
        raise AssertionError(what)

def call(name, size, *args):
    """Calls a libsodium function whose first argument is an output of `size` bytes."""
    out = ctypes.create_string_buffer(max(size, 1))
    require(getattr(sodium, name)(out, *args) == 0, name + " failed")
    return out.raw[:size]

def H(label, x):
    """BLAKE2b-256 of x, keyed with the label padded with zeros to 32 bytes."""
    key = label.encode("ascii").ljust(32, b"\0")
    require(0 < len(label) and len(key) == 32, "label")
    return call("crypto_generichash", 32, 32, x, len(x), key, 32)

KDF = H  # the same function; the input of a KDF is secret

def canonical_u(point):
    """Returns True for the canonical encoding of an X25519 public key: u below p, top bit 0."""
    return len(point) == 32 and int.from_bytes(point, "little") < 2**255 - 19

def DH(secret, public):
    """X25519. Refuses a result of zero, by libsodium's return code."""
    require(len(secret) == 32 and canonical_u(public), "X25519 arguments")
    return call("crypto_scalarmult", 32, secret, public)

def x_public(secret): return call("crypto_scalarmult_base", 32, secret)

def ed_keypair(seed):
    """Returns the public key and libsodium's 64-byte secret key of an Ed25519 seed."""
    require(len(seed) == 32, "seed")
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
    require(sodium.crypto_sign_seed_keypair(public, secret, seed) == 0, "keypair")
    return public.raw, secret.raw

def sign(seed, text):
    return call("crypto_sign_detached", 64, None, text, len(text), ed_keypair(seed)[1])

def verify(signature, text, public):
    require(len(signature) == 64 and len(public) == 32, "signature arguments")
    return sodium.crypto_sign_verify_detached(signature, text, len(text), public) == 0

def nonce_of(counter): return bytes(4) + u64(counter)

def aead_seal(key, counter, aad, plain):
    return call("crypto_aead_chacha20poly1305_ietf_encrypt", len(plain) + 16, None,
                plain, len(plain), aad, len(aad), None, nonce_of(counter), key)

def aead_open(key, counter, aad, sealed):
    """Returns the plaintext, or None."""
    out = ctypes.create_string_buffer(max(len(sealed) - 16, 1))
    code = sodium.crypto_aead_chacha20poly1305_ietf_decrypt(
        out, None, None, sealed, len(sealed), aad, len(aad), nonce_of(counter), key)
    return out.raw[:len(sealed) - 16] if code == 0 else None

# ---------------------------------------------------------------- fields (sections 3 and 9)

def u8(n): return n.to_bytes(1, "big")
def u16(n): return n.to_bytes(2, "big")
def u64(n): return n.to_bytes(8, "big")

def addr19(host, port):
    """ADDR: family 4 or 6, 16 bytes (v4: 4 and zeros), port."""
    ip = ipaddress.ip_address(host)
    return u8(ip.version) + ip.packed.ljust(16, b"\0") + u16(port)

def name33(name):
    raw = name.encode("ascii")
    require(1 <= len(raw) <= 32, "name")
    return u8(len(raw)) + raw.ljust(32, b"\0")

def entry(session, identity, E, binding, addr, name):
    """ENTRY: one peer in the directory. Its name is not padded."""
    raw = name.encode("ascii")
    out = u64(session) + identity + E + binding + addr + u8(len(raw)) + raw
    require(len(out) == 156 + len(raw), "ENTRY size")
    return out

def key_text(prefix, raw):
    """Key text: the prefix, then base64url (unpadded) of the 32 bytes and a checksum of 4."""
    both = raw + H("key text", prefix.encode("ascii") + raw)[:4]
    return prefix + base64.urlsafe_b64encode(both).decode("ascii").rstrip("=")

# ---------------------------------------------------------------- a datagram (section 4)

HELLO, RETRY, WELCOME, REJECT, CONFIRM, RESUME = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
HEARTBEAT, LEAVE, PULSE, SNAPSHOT, DELTA, GOODBYE = 0x10, 0x11, 0x20, 0x21, 0x22, 0x23
MESSAGE, ACK = 0x30, 0x31

# For each kind: (bytes of delivery, bytes of clear, size of the datagram without entries, ids and body).
LAYOUT = {
    HELLO: (16, 32, 256), RETRY: (16, 8, 116), WELCOME: (0, 32, 191), REJECT: (0, 32, 143),
    CONFIRM: (0, 0, 134), RESUME: (0, 32, 172), HEARTBEAT: (0, 0, 134), LEAVE: (0, 0, 116), PULSE: (16, 0, 173),
    SNAPSHOT: (0, 0, 121), DELTA: (0, 0, 126), GOODBYE: (0, 0, 117), MESSAGE: (0, 0, 149), ACK: (0, 0, 156),
}

def make(kind, to, from_, counter, payload, seed, key, delivery=b"", clear=b"", extra=b"", variable=0):
    """Signs, seals and frames one datagram. Returns every intermediate value, in the order of printing.

    `variable` is what the table's size leaves open: the bytes of entries, ids or body.
    """
    delivery_size, clear_size, fixed = LAYOUT[kind]
    require((len(delivery), len(clear)) == (delivery_size, clear_size), "layout")
    signed = ctx + u8(kind) + u64(from_) + extra + clear + payload
    signature = sign(seed, signed)
    size = fixed + variable
    fields = dict(extra=extra, delivery=delivery, clear=clear, payload=payload)
    out = {k: v for k, v in fields.items() if v}
    out.update(signed=signed, signature=signature)
    to = to if isinstance(to, bytes) else u64(to)  # a tag is bytes already
    aad = u8(1) + u8(kind) + u16(size) + to + u64(from_) + u64(counter) + delivery + clear
    if kind == RETRY:  # the only kind that is not sealed
        datagram = aad + signature
    else:
        plain = payload + signature
        datagram = aad + aead_seal(key, counter, aad, plain)
        out.update(plaintext=plain, aad=aad, nonce=nonce_of(counter), key=key)
    require(len(datagram) == size, "size of kind %02x: %d, not %d" % (kind, len(datagram), size))
    out["datagram"] = datagram
    return out

# ---------------------------------------------------------------- fixed inputs

def ramp(first): return bytes(range(first, first + 32))

server_seed, peer_a_seed, peer_b_seed = ramp(0x00), ramp(0x20), ramp(0x40)
mesh_seed = bytes(range(0x5f, 0x3f, -1))  # M is another key than S here, so that no implementation can confuse them
e_a, e_b, e_a2, e_s_a, e_s_b = ramp(0x60), ramp(0x80), ramp(0xa0), ramp(0xc0), ramp(0xe0)
e_s_r = bytes(range(0xdf, 0xbf, -1))  # the server makes it after its restart
cookie_secret = bytes((7 + 5 * i) % 256 for i in range(32))
reject_salt = bytes((11 + 7 * i) % 256 for i in range(32))
pulse_secret = bytes((13 + 9 * i) % 256 for i in range(32))

M = ed_keypair(mesh_seed)[0]
S, _server_sk = ed_keypair(server_seed)
id_a, id_b = ed_keypair(peer_a_seed)[0], ed_keypair(peer_b_seed)[0]
S_x = call("crypto_sign_ed25519_pk_to_curve25519", 32, S)
S_x_secret = call("crypto_sign_ed25519_sk_to_curve25519", 32, _server_sk)
E_a, E_b, E_a2, E_s_a, E_s_b, E_s_r = map(x_public, (e_a, e_b, e_a2, e_s_a, e_s_b, e_s_r))
for _E in (S_x, E_a, E_b, E_a2, E_s_a, E_s_b, E_s_r):
    require(canonical_u(_E), "canonical u")
require(x_public(S_x_secret) == S_x, "the two conversions of S agree")

ctx = b"securemesh/1" + M
require(len(ctx) == 44, "ctx")

epoch = 0xe1e2e3e4e5e6e7e8
epoch_r = 0xf1f2f3f4f5f6f7f8  # the epoch of the server after its restart
s_a = 0xa1a2a3a4a5a6a7a8  # above 2^63 and above s_b; entries are sorted as unsigned numbers, so B is first
s_b = 0x1b2b3b4b5b6b7b8b
s_gone = 0x0d1d2d3d4d5d6d7d  # the session that the DELTA removes
directory_id = 0xd1d2d3d4d5d6d7d8  # with one server it would be the epoch
rotation = 1234567
name_a, name_b = "A", "peer.B-2_x"
addr_a, addr_b = addr19("192.0.2.1", 3001), addr19("2001:db8::2", 3002)
cookie_a = KDF("cookie", cookie_secret + addr_a)[:16]
no_cookie = bytes(16)

welcome_token_a, welcome_token_b = 0x0a11ce0000000001, 0x0b0b000000000002
resume_token, start = 0x0a11ce0000000003, 2

def token_of(secret, session):
    """The token of a PULSE for one receiver."""
    return int.from_bytes(KDF("token", secret + u64(session))[:8], "big")

pulse_token = token_of(pulse_secret, s_a)
times = dict(heartbeat_ms=500, lifetime_ms=1500, trust_s=60, rekey_s=3600)

# ---------------------------------------------------------------- output

sections = []

def emit(name, *parts):
    """Adds a section. Keys ending in _u64 hold integers, in _text strings, all others bytes."""
    lines = ["[%s]" % name]
    for part in parts:
        for key, value in part.items():
            if key.endswith("_u64"):
                value = "%d" % value
            elif not key.endswith("_text"):
                value = value.hex()
            require(value != "" and value == value.strip(), "value of " + key)
            lines.append("%s = %s" % (key, value))
    sections.append(lines)

PREAMBLE = """\
# SecureMesh protocol, version 1: test vectors. Printed by reference.py beside this file; do not edit.
#
# A line that starts with '#' is a comment. Empty lines have no meaning. '[name]' starts a section.
# Every other line is 'key = value', split at the first ' = '; a key occurs once in its section.
#   key ends in _u64    value is an unsigned decimal number, below 2^64
#   key ends in _text   value is ASCII text, unchanged
#   any other key       value is bytes, in lower-case hex, never empty (an empty field has no line)
#
# Every section of a datagram has the inputs, then those of these values that its kind has:
#   extra, delivery, clear, payload   the fields of PROTOCOL.md, section 4
#   signed      the bytes that the Ed25519 signature covers: ctx, kind, from, extra, clear, payload
#   signature   the signature (deterministic, made by libsodium)
#   plaintext   payload, signature
#   aad         header, delivery, clear
#   nonce, key  of ChaCha20-Poly1305-IETF
#   datagram    the whole datagram
# The sections are not a recording: [pulse] carries the token that [heartbeat] returns, and also the echo of that
# heartbeat. [reject] and [welcome] both answer [hello]. No key is used twice with one nonce. The mesh key and the
# directory id are not the server's key and the epoch, as they are with one server, so that a confusion shows.
# [resume] gives new keys to the session of [welcome], after a restart of the server. e_s_r and epoch_r_u64 are the
# ephemeral secret and the epoch of the restarted server. Only [resume] and [confirm-resume] use them.
"""

# ---------------------------------------------------------------- the handshake (section 5)

def hello(e_p, seed, identity, name, cookie):
    """HELLO. The peer has e_p and S_x."""
    E_p = x_public(e_p)
    d1 = DH(e_p, S_x)
    k0 = KDF("hello", d1 + E_p + cookie + S)
    payload = identity + name33(name) + bytes(35)
    out = make(HELLO, 0, 0, 0, payload, seed, k0, delivery=cookie, clear=E_p)
    require(len(out["signed"]) == 185, "what a HELLO's signature covers")
    return dict(name_text=name, identity=identity, cookie=cookie, E_p=E_p, d1=d1, k0=k0, **out,
                tag=H("tag", out["datagram"])[:8])

def retry(to_hello, cookie):
    """RETRY. It is signed once per rotation; the signature does not cover the tag and the cookie."""
    out = make(RETRY, to_hello["tag"], epoch, 0, b"", server_seed, None, delivery=cookie, clear=u64(rotation))
    return dict(tag=to_hello["tag"], rotation_u64=rotation, cookie=cookie, **out)

def session_keys(d1, d2, T, session, epoch):
    """The keys of a session, after the values from which they are derived. T is T_m after RESUME."""
    master = KDF("master", d2 + d1 + T)
    J = master + u64(session) + u64(epoch)
    return dict(master=master, J=J,
                k_p2s=KDF("peer to server", J), k_s2p=KDF("server to peer", J), binder=KDF("binder", J))

def session_times():
    """The four times of WELCOME and RESUME."""
    return b"".join(u16(times[k]) for k in ("heartbeat_ms", "lifetime_ms", "trust_s", "rekey_s"))

def welcome(to_hello, e_s, session, token, addr):
    """WELCOME. The server has its secret key, e_s, and the E_p of the HELLO."""
    E_s, E_p = x_public(e_s), to_hello["E_p"]
    d1, d2 = DH(S_x_secret, E_p), DH(e_s, E_p)
    T = H("transcript", ctx + S + to_hello["datagram"] + E_s)
    k1 = KDF("welcome", d2 + d1 + T)
    payload = u64(session) + u64(token) + u64(directory_id) + session_times() + addr
    out = make(WELCOME, to_hello["tag"], epoch, 0, payload, server_seed, k1, clear=E_s, extra=T)
    return dict(tag=to_hello["tag"], session_u64=session, token_u64=token, directory_u64=directory_id,
                **{k + "_u64": v for k, v in times.items()}, addr=addr, E_s=E_s,
                T=T, d1=d1, d2=d2, k1=k1, **session_keys(d1, d2, T, session, epoch), **out)

def reject(to_hello, salt, reason, retry_s):
    """REJECT."""
    d1 = DH(S_x_secret, to_hello["E_p"])
    T_r = H("transcript reject", ctx + S + to_hello["datagram"] + salt)
    k_rej = KDF("reject", d1 + T_r)
    out = make(REJECT, to_hello["tag"], epoch, 0, u8(reason) + u16(retry_s), server_seed, k_rej,
               clear=salt, extra=T_r)
    return dict(tag=to_hello["tag"], reason_u64=reason, retry_s_u64=retry_s, salt=salt,
                d1=d1, T_r=T_r, k_rej=k_rej, **out)

def resume(E, e_s, session, epoch, start, token):
    """RESUME (section 5.10). The restarted server has its secret key, e_s, and the E of the member's entry."""
    E_s = x_public(e_s)
    d1, d2 = DH(S_x_secret, E), DH(e_s, E)
    T_m = H("transcript resume", ctx + S + u64(session) + u64(epoch) + E + E_s)
    k_res = KDF("resume", d2 + d1 + T_m)
    payload = u64(start) + u64(token) + u64(directory_id) + session_times()
    out = make(RESUME, session, epoch, 0, payload, server_seed, k_res, clear=E_s, extra=T_m)
    return dict(e_s_r=e_s, epoch_r_u64=epoch, session_u64=session, start_u64=start, token_u64=token,
                directory_u64=directory_id, **{k + "_u64": v for k, v in times.items()}, E=E, E_s=E_s,
                T_m=T_m, d1=d1, d2=d2, k_res=k_res, **session_keys(d1, d2, T_m, session, epoch), **out)

hello_1 = hello(e_a, peer_a_seed, id_a, name_a, no_cookie)
hello_2 = hello(e_a2, peer_a_seed, id_a, name_a, cookie_a)
hello_b = hello(e_b, peer_b_seed, id_b, name_b, no_cookie)
retry_1 = retry(hello_1, cookie_a)
welcome_a = welcome(hello_1, e_s_a, s_a, welcome_token_a, addr_a)
welcome_b = welcome(hello_b, e_s_b, s_b, welcome_token_b, addr_b)
reject_1 = reject(hello_1, reject_salt, 2, 5)
resume_a = resume(E_a, e_s_r, s_a, epoch_r, start, resume_token)

# ---------------------------------------------------------------- membership (section 6): A and the server

def heartbeat(kind, counter, number, token, version, part, extra=b"", to=epoch, key=welcome_a["k_p2s"]):
    """CONFIRM and HEARTBEAT have one payload; only the signature of CONFIRM covers the binder and S."""
    payload = u64(number) + u64(token) + u64(version) + u16(part)
    return dict(counter_u64=counter, number_u64=number, token_u64=token, version_u64=version, part_u64=part,
                **make(kind, to, s_a, counter, payload, peer_a_seed, key, extra=extra))

def from_server(kind, counter, payload, **more):
    """PULSE, SNAPSHOT, DELTA and GOODBYE, to A."""
    return make(kind, s_a, epoch, counter, payload, server_seed, welcome_a["k_s2p"], **more)

confirm_1 = heartbeat(CONFIRM, 1, 1, welcome_token_a, 0, 0, extra=welcome_a["binder"] + S)
# After RESUME the counter begins at 1 again, and the number goes on. The numbers up to 3 are in other datagrams of A.
confirm_r = heartbeat(CONFIRM, 1, 4, resume_token, 0, 0, extra=resume_a["binder"] + S,
                      to=epoch_r, key=resume_a["k_p2s"])
heartbeat_2 = heartbeat(HEARTBEAT, 2, 2, pulse_token, 7, 3)
leave_3 = dict(counter_u64=3, number_u64=3,
               **make(LEAVE, epoch, s_a, 3, u64(3), peer_a_seed, welcome_a["k_p2s"]))

# A session begins with a HELLO. The binding of its entry is the signature of that HELLO, and E is that HELLO's E_p.
entry_a = entry(s_a, id_a, E_a, hello_1["signature"], addr_a, name_a)
entry_b = entry(s_b, id_b, E_b, hello_b["signature"], addr_b, name_b)
entries = b"".join(sorted([entry_a, entry_b]))  # a session id is the first field, big-endian: bytes sort as numbers

def bucket_hash(b, listed):
    """The hash of the entries whose sessions begin with the byte b."""
    hashes = [H("directory entry", e) for e in sorted(listed) if e[0] == b]
    return H("directory bucket", b"".join(hashes)) if hashes else bytes(32)

def group_hash(g, listed):
    return H("directory group", b"".join(bucket_hash(b, listed) for b in range(16 * g, 16 * g + 16)))

def digest_of(version, listed):
    groups = [group_hash(g, listed) for g in range(16)]
    return H("directory", u64(directory_id) + u64(version) + b"".join(groups))

# The third entry is A's entry with another session. It is in the same bucket as A's entry, and comes before A's entry.
s_c = 0xa100000000000001
entry_c = u64(s_c) + entry_a[8:]
digest_vector = dict(version_u64=8, entry_a=entry_a, entry_b=entry_b, s_c_u64=s_c, entry_c=entry_c,
                     **{"hash_" + n: H("directory entry", e)
                        for n, e in (("a", entry_a), ("b", entry_b), ("c", entry_c))},
                     bucket_ca=bucket_hash(0xa1, [entry_a, entry_b, entry_c]), bucket_b=bucket_hash(0x1b, [entry_b]),
                     group_ca=group_hash(10, [entry_a, entry_b, entry_c]), group_b=group_hash(1, [entry_b]),
                     group_empty=group_hash(0, []), digest_empty=digest_of(1, []),
                     digest=digest_of(8, [entry_a, entry_b, entry_c]))

CURRENT = 1
digest_8 = digest_of(8, [entry_a, entry_b])
pulse_1 = dict(counter_u64=1, echo_u64=2, secret=pulse_secret, token_u64=pulse_token, number_u64=1, version_u64=8,
               flags_u64=CURRENT, digest=digest_8,
               **from_server(PULSE, 1, u64(1) + u64(8) + u8(CURRENT) + digest_8, delivery=u64(2) + u64(pulse_token)))
snapshot_2 = dict(counter_u64=2, version_u64=8, part_u64=0, parts_u64=1, n_u64=2,
                  entry_a=entry_a, entry_b=entry_b,
                  **from_server(SNAPSHOT, 2, u64(8) + u16(0) + u16(1) + u8(2) + entries, variable=len(entries)))
delta_3 = dict(counter_u64=3, from_u64=6, to_u64=8, removed_u64=1, added_u64=1, removed_id_u64=s_gone,
               reason_u64=2, entry_b=entry_b,
               **from_server(DELTA, 3, u64(6) + u64(8) + u8(1) + u8(1) + u64(s_gone) + u8(2) + entry_b,
                             variable=9 + len(entry_b)))
goodbye_4 = dict(counter_u64=4, session_u64=s_a, reason_u64=1,
                 **from_server(GOODBYE, 4, u64(s_a) + u8(1)))

# ---------------------------------------------------------------- messages (section 7): A to B

d_ab = DH(e_a, E_b)
k_ab_input = d_ab + u64(s_a) + u64(s_b) + id_a + id_b + E_a + E_b + M
k_ab = KDF("message", k_ab_input)

ACKNOWLEDGE, PROBE = 1, 2

def message(counter, number, audience, flags, body):
    raw = body.encode("ascii")
    return dict(counter_u64=counter, number_u64=number, audience=audience, flags_u64=flags, body_text=body,
                d_ab=d_ab, k_ab_input=k_ab_input, k_ab=k_ab,
                **make(MESSAGE, s_b, s_a, counter, audience + u64(number) + u8(flags) + raw, peer_a_seed, k_ab,
                       variable=len(raw)))

message_1 = message(1, 1, id_b, ACKNOWLEDGE, "A_broadcast_1")
message_2 = message(2, 2, bytes(32), 0, "A_broadcast_2")
message_3 = message(3, 3, id_b, ACKNOWLEDGE | PROBE, "A_broadcast_3")

# B acknowledges A's first message. The ACK is sealed with the key of the direction from B to A.
k_ba_input = d_ab + u64(s_b) + u64(s_a) + id_b + id_a + E_b + E_a + M
k_ba = KDF("message", k_ba_input)
ack_1 = dict(counter_u64=1, audience=id_a, session_u64=s_a, number_u64=1,
             d_ab=d_ab, k_ba_input=k_ba_input, k_ba=k_ba,
             **make(ACK, s_a, s_b, 1, id_a + u64(s_a) + u64(1), peer_b_seed, k_ba))

# ---------------------------------------------------------------- the receivers' side: everything again, from the bytes

class Reader:
    """Reads fields in order."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        require(self.at + n <= len(self.data), "truncated")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), "big")

    def rest(self):
        return self.take(len(self.data) - self.at)

    def end(self):
        require(self.at == len(self.data), "trailing bytes")

def split(datagram):
    """Returns (kind, to, from, counter, delivery, clear, aad, sealed) of a datagram."""
    r = Reader(datagram)
    require(r.number(1) == 1, "version")
    kind = r.number(1)
    require(r.number(2) == len(datagram), "length")
    to, from_, counter = r.number(8), r.number(8), r.number(8)
    require((counter == 0) == (kind <= REJECT or kind == RESUME), "counter")
    require(kind < CONFIRM or (to and from_ and to != from_), "to and from")
    delivery, clear = r.take(LAYOUT[kind][0]), r.take(LAYOUT[kind][1])
    return kind, to, from_, counter, delivery, clear, datagram[:r.at], r.rest()

def opened(vector, key, signer, extra=b""):
    """Opens and verifies a datagram, and returns the payload. Checks that every bit flip is refused."""
    datagram = vector["datagram"]
    kind, _, from_, counter, _, clear, aad, sealed = split(datagram)
    plain = aead_open(key, counter, aad, sealed)
    require(plain is not None and plain == vector["plaintext"], "AEAD of kind %02x" % kind)
    payload, signature = plain[:-64], plain[-64:]
    text = b"".join([b"securemesh/1", M, bytes([kind]), from_.to_bytes(8, "big"), extra, clear, payload])
    require(text == vector["signed"] and verify(signature, text, signer), "signature of kind %02x" % kind)
    cut = len(aad)
    for bit in range(8 * len(datagram)):
        bad = bytearray(datagram)
        bad[bit // 8] ^= 1 << (bit % 8)
        bad = bytes(bad)
        require(aead_open(key, int.from_bytes(bad[20:28], "big"), bad[:cut], bad[cut:]) is None, "flipped bit")
    return payload

def check_hello(v, name, identity, cookie):
    kind, to, from_, _, delivery, E_p, _, _ = split(v["datagram"])
    require((kind, to, from_, delivery, len(v["datagram"])) == (HELLO, 0, 0, cookie, 256), "HELLO header")
    d1 = DH(S_x_secret, E_p)  # the server's side
    require(d1 == v["d1"], "D1")
    r = Reader(opened(v, KDF("hello", d1 + E_p + delivery + S), identity))
    require(r.take(32) == identity and identity not in (M, S), "HELLO identity")
    n = r.number(1)
    require(r.take(n).decode("ascii") == name and r.take(32 - n) == bytes(32 - n), "HELLO name")
    require(r.take(35) == bytes(35), "HELLO zeros")
    r.end()

def derived(secret, session, epoch):
    """Returns the keys that a peer derives from D2, D1 and T, or after RESUME from D2, D1 and T_m."""
    J = KDF("master", secret) + session.to_bytes(8, "big") + epoch.to_bytes(8, "big")
    keys = {"k_p2s": "peer to server", "k_s2p": "server to peer", "binder": "binder"}
    return {k: KDF(label, J) for k, label in keys.items()}

def check_welcome(v, v_hello, e_p, session, token, addr):
    """Handles WELCOME as a peer does, and returns the keys that the peer derives."""
    kind, _, from_, _, _, E_s, _, _ = split(v["datagram"])
    require(kind == WELCOME and v["datagram"][4:12] == H("tag", v_hello["datagram"])[:8], "WELCOME tag")
    d1, d2 = DH(e_p, S_x), DH(e_p, E_s)
    T = H("transcript", ctx + S + v_hello["datagram"] + E_s)
    r = Reader(opened(v, KDF("welcome", d2 + d1 + T), S, T))
    fields = (r.number(8), r.number(8), r.number(8), r.number(2), r.number(2), r.number(2), r.number(2), r.take(19))
    r.end()
    require(fields == (session, token, directory_id, 500, 1500, 60, 3600, addr), "WELCOME fields")
    return derived(d2 + d1 + T, session, from_)

def check_resume(v, e_p, session, old_epoch, last_start):
    """Handles RESUME as a peer does, and returns the new keys that the peer derives."""
    kind, to, from_, counter, delivery, E_s, _, _ = split(v["datagram"])
    require((kind, to, counter, delivery, len(v["datagram"])) == (RESUME, session, 0, b"", 172), "RESUME header")
    require(from_ != old_epoch and canonical_u(E_s), "RESUME epoch and E_s")
    d1, d2 = DH(e_p, S_x), DH(e_p, E_s)
    T_m = H("transcript resume", b"".join(
        [b"securemesh/1", M, S, session.to_bytes(8, "big"), from_.to_bytes(8, "big"), x_public(e_p), E_s]))
    r = Reader(opened(v, KDF("resume", d2 + d1 + T_m), S, T_m))
    require(r.number(8) > last_start, "RESUME start")
    fields = (r.number(8), r.number(8), r.number(2), r.number(2), r.number(2), r.number(2))
    r.end()
    require(fields == (resume_token, directory_id, 500, 1500, 60, 3600), "RESUME fields")
    return derived(d2 + d1 + T_m, session, from_)

def take_entry(r):
    """Reads an ENTRY and verifies its binding, over the bytes that the signature of the HELLO covers."""
    session, identity, E, binding, addr = r.number(8), r.take(32), r.take(32), r.take(64), r.take(19)
    name = r.take(r.number(1))
    text = ctx + b"\x01" + bytes(8) + E + identity + bytes([len(name)]) + name + bytes(32 - len(name)) + bytes(35)
    require(verify(binding, text, identity) and canonical_u(E), "binding")
    return dict(session=session, identity=identity, E=E, addr=addr, name=name.decode("ascii"))

def self_test():
    check_hello(hello_1, name_a, id_a, no_cookie)
    check_hello(hello_2, name_a, id_a, cookie_a)
    check_hello(hello_b, name_b, id_b, no_cookie)
    require(KDF("cookie", cookie_secret + bytes([4, 192, 0, 2, 1]) + bytes(12) + b"\x0b\xb9")[:16] == cookie_a, "cookie")

    kind, _, from_, _, cookie, clear, _, signature = split(retry_1["datagram"])
    require((kind, from_, cookie, int.from_bytes(clear, "big")) == (RETRY, epoch, cookie_a, rotation), "RETRY")
    require(retry_1["datagram"][4:12] == hello_1["tag"], "RETRY tag")
    require(verify(signature, ctx + b"\x02" + from_.to_bytes(8, "big") + clear, S), "RETRY signature")

    a = check_welcome(welcome_a, hello_1, e_a, s_a, welcome_token_a, addr_a)
    b = check_welcome(welcome_b, hello_b, e_b, s_b, welcome_token_b, addr_b)
    # A's entry in the SNAPSHOT has the E from which the restarted server derives the keys. A has its secret half.
    require(entry_a[40:72] == resume_a["E"], "RESUME E")
    a_r = check_resume(resume_a, e_a, s_a, split(welcome_a["datagram"])[2], 1)
    for mine, theirs in ((a, welcome_a), (b, welcome_b), (a_r, resume_a)):
        require(all(theirs[k] == mine[k] for k in mine), "session keys")
    require(not set(a.values()) & set(a_r.values()), "RESUME gives new keys")

    salt = split(reject_1["datagram"])[5]
    T_r = H("transcript reject", ctx + S + hello_1["datagram"] + salt)
    require(opened(reject_1, KDF("reject", DH(e_a, S_x) + T_r), S, T_r) == b"\x02\x00\x05", "REJECT")

    # The server has the keys of [welcome] or [resume]; `a` and `a_r` have the keys that the peer derived.
    for v, kind, to, counter, key, extra, fields in (
            (confirm_1, CONFIRM, epoch, 1, welcome_a["k_p2s"], a["binder"] + S, (1, welcome_token_a, 0, 0)),
            (confirm_r, CONFIRM, epoch_r, 1, resume_a["k_p2s"], a_r["binder"] + S, (4, resume_token, 0, 0)),
            (heartbeat_2, HEARTBEAT, epoch, 2, welcome_a["k_p2s"], b"", (2, pulse_token, 7, 3))):
        require(split(v["datagram"])[:4] == (kind, to, s_a, counter), "header to the server")
        r = Reader(opened(v, key, id_a, extra))
        require((r.number(8), r.number(8), r.number(8), r.number(2)) == fields, "HEARTBEAT fields")
        r.end()
    require(split(leave_3["datagram"])[:4] == (LEAVE, epoch, s_a, 3), "LEAVE header")
    require(opened(leave_3, welcome_a["k_p2s"], id_a) == (3).to_bytes(8, "big"), "LEAVE")

    payloads = {}
    for v, kind, counter in ((pulse_1, PULSE, 1), (snapshot_2, SNAPSHOT, 2), (delta_3, DELTA, 3), (goodbye_4, GOODBYE, 4)):
        require(split(v["datagram"])[:4] == (kind, s_a, epoch, counter), "header to a peer")
        payloads[kind] = Reader(opened(v, a["k_s2p"], S))
    token = KDF("token", pulse_secret + bytes.fromhex("a1a2a3a4a5a6a7a8"))[:8]
    require(split(pulse_1["datagram"])[4] == (2).to_bytes(8, "big") + token, "echo and token")
    require(token.hex() == "%016x" % pulse_token != "%016x" % token_of(pulse_secret, s_b), "a token for each receiver")
    r = payloads[PULSE]
    require((r.number(8), r.number(8), r.number(1)) == (1, 8, 1), "PULSE fields")
    digest = r.take(32)
    r.end()
    r = payloads[SNAPSHOT]
    require((r.number(8), r.number(2), r.number(2), r.number(1)) == (8, 0, 1, 2), "SNAPSHOT fields")
    first, second = take_entry(r), take_entry(r)
    r.end()
    # The peer holds the directory of the SNAPSHOT, at the version of the PULSE.
    held = r.data[13:]
    buckets = [bytes(32)] * 256
    for text in (held[:len(entry_b)], held[len(entry_b):]):
        buckets[text[0]] = H("directory bucket", H("directory entry", text))
    groups = [H("directory group", b"".join(buckets[i:i + 16])) for i in range(0, 256, 16)]
    require(H("directory", b"".join([bytes.fromhex("d1d2d3d4d5d6d7d8"), (8).to_bytes(8, "big")] + groups)) == digest,
            "digest")
    require(first["session"] < second["session"], "entries ascend")
    expected_a = dict(session=s_a, identity=id_a, E=E_a, addr=addr_a, name=name_a)
    expected_b = dict(session=s_b, identity=id_b, E=E_b, addr=addr_b, name=name_b)
    require((first, second) == (expected_b, expected_a), "entries")
    r = payloads[DELTA]
    require((r.number(8), r.number(8), r.number(1), r.number(1)) == (6, 8, 1, 1), "DELTA fields")
    require((r.number(8), r.number(1)) == (s_gone, 2), "removed session and reason")
    require(take_entry(r) == expected_b, "added entry")
    r.end()
    require(payloads[GOODBYE].rest() == s_a.to_bytes(8, "big") + b"\x01", "GOODBYE")

    # B receives A's messages. B has e_b, B's own entry, and A's entry in the directory.
    key = KDF("message", DH(e_b, second["E"]) + b"".join(n.to_bytes(8, "big") for n in (s_a, s_b))
              + second["identity"] + id_b + second["E"] + x_public(e_b) + M)
    require(key == k_ab and len(k_ab_input) == 208, "k_ab")
    for v, n, audience, flags in ((message_1, 1, id_b, 1), (message_2, 2, bytes(32), 0), (message_3, 3, id_b, 3)):
        require(split(v["datagram"])[:4] == (MESSAGE, s_b, s_a, n), "MESSAGE header")
        r = Reader(opened(v, key, second["identity"]))
        fields = (r.take(32), r.number(8), r.number(1), r.rest())
        require(fields == (audience, n, flags, b"A_broadcast_%d" % n), "MESSAGE fields")

    # A receives B's ACK. A has e_a, A's own entry, and B's entry in the directory.
    key = KDF("message", DH(e_a, first["E"]) + b"".join(n.to_bytes(8, "big") for n in (s_b, s_a))
              + first["identity"] + id_a + first["E"] + x_public(e_a) + M)
    require(key == k_ba != k_ab, "k_ba")
    require(split(ack_1["datagram"])[:4] == (ACK, s_a, s_b, 1), "ACK header")
    r = Reader(opened(ack_1, key, first["identity"]))
    require((r.take(32), r.number(8), r.number(8)) == (id_a, s_a, 1), "ACK fields")
    r.end()

    everything = [hello_1, hello_2, hello_b, welcome_a, welcome_b, reject_1, confirm_1, resume_a, confirm_r,
                  heartbeat_2, leave_3, pulse_1, snapshot_2, delta_3, goodbye_4, message_1, message_2, message_3, ack_1]
    require(len({(v["key"], v["nonce"]) for v in everything}) == len(everything), "a key and nonce met twice")

# ---------------------------------------------------------------- the file

PUBLIC, SECRET = "p2ppub1_", "P2PSECRET1_"

def vectors():
    del sections[:]
    owners = dict(mesh=(mesh_seed, M), server=(server_seed, S), peer_a=(peer_a_seed, id_a), peer_b=(peer_b_seed, id_b))
    emit("keys",
         {o + "_seed": seed for o, (seed, _) in owners.items()},
         {o + "_public": public for o, (_, public) in owners.items()},
         dict(server_x=S_x, server_x_secret=S_x_secret, ctx=ctx),
         {o + "_public_text": key_text(PUBLIC, public) for o, (_, public) in owners.items()},
         {o + "_secret_text": key_text(SECRET, seed) for o, (seed, _) in owners.items()},
         dict(e_a=e_a, e_a2=e_a2, e_b=e_b, e_s_a=e_s_a, e_s_b=e_s_b),
         dict(e_a_public=E_a, e_a2_public=E_a2, e_b_public=E_b, e_s_a_public=E_s_a, e_s_b_public=E_s_b),
         dict(epoch_u64=epoch, s_a_u64=s_a, s_b_u64=s_b, directory_u64=directory_id,
              epoch=u64(epoch), s_a=u64(s_a), s_b=u64(s_b), directory=u64(directory_id)),
         dict(cookie_secret=cookie_secret, rotation_u64=rotation),
         dict(addr_a_text="192.0.2.1:3001", addr_b_text="[2001:db8::2]:3002", addr_a=addr_a, addr_b=addr_b),
         dict(cookie_a=cookie_a))
    for name, vector in (
            ("hello", hello_1), ("hello-cookie", hello_2), ("hello-b", hello_b), ("retry", retry_1),
            ("welcome", welcome_a), ("welcome-b", welcome_b), ("reject", reject_1),
            ("confirm", confirm_1), ("resume", resume_a), ("confirm-resume", confirm_r),
            ("heartbeat", heartbeat_2), ("leave", leave_3),
            ("pulse", pulse_1), ("snapshot", snapshot_2), ("delta", delta_3), ("goodbye", goodbye_4),
            ("digest", digest_vector),
            ("message", message_1), ("message-all", message_2), ("message-probe", message_3), ("ack", ack_1)):
        emit(name, vector)
    return PREAMBLE + "".join("\n" + "\n".join(lines) + "\n" for lines in sections)

def main():
    parser = argparse.ArgumentParser(description="Prints the test vectors of the SecureMesh protocol, version 1.")
    parser.add_argument("--check", metavar="FILE", help="compare with FILE instead; exit 1 if it differs")
    arguments = parser.parse_args()
    self_test()
    text = vectors()
    if arguments.check is None:
        sys.stdout.write(text)
        return 0
    with open(arguments.check, encoding="utf-8", errors="replace", newline="") as file:
        found = file.read()
    if found == text:
        return 0
    want, have = text.split("\n"), found.split("\n")
    for i in range(max(len(want), len(have))):
        w, h = (lines[i] if i < len(lines) else None for lines in (want, have))
        if w != h:
            print("%s:%d differs\n  expected: %s\n  found:    %s"
                  % (arguments.check, i + 1, *("(end of file)" if x is None else repr(x) for x in (w, h))))
            break
    return 1

if __name__ == "__main__":
    sys.exit(main())
