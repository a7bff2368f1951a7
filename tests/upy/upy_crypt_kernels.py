"""X25519, ChaCha20 and Poly1305 in MicroPython: the RFCs' vectors, and the twins."""

import json
import random
from binascii import unhexlify

from speaker.kernels import chacha, chacha_python, x25519, x25519_python

NEEDS = ("pc",)  # the vectors lie beside the tests

BASE = b"\x09" + bytes(31)

with open("tests/host/rfc_vectors.json") as file:
    VECTORS = json.load(file)


def vectors(kind):
    for vector in VECTORS[kind]:
        yield {k: unhexlify(v) if isinstance(v, str) else v for k, v in vector.items()}


def randbytes(n):
    return bytes([random.getrandbits(8) for _ in range(n)])


def exchange(code, scalar, point):
    work, out = bytearray(code.WORK), bytearray(32)
    code.start(work, scalar, point)
    for bit in range(254, -1, -code.STEPS):
        code.steps(work, bit, min(code.STEPS, bit + 1))
    code.steps(work, -1, 1)
    code.pack(work, out)
    return bytes(out)


def mac(code, key, text, pad):
    state, tag = bytearray(code.MAC), bytearray(16)
    code.mac_start(state, key)
    code.mac_update(state, text, 0, len(text), pad)
    code.mac_finish(state, tag)
    return bytes(tag)


def crypt(code, key, nonce, counter, data, at, n):
    state = bytearray(code.CIPHER)
    state[:16] = b"expand 32-byte k"
    state[16:48] = key
    state[48:52] = counter.to_bytes(4, "little")
    state[52:64] = nonce
    data = bytearray(data)
    code.crypt(state, data, at, n)
    return bytes(data)


def test_x25519_vectors():
    for code in (x25519, x25519_python):
        for v in vectors("x25519"):
            assert exchange(code, v["scalar"], v["u"]) == v["result"]


def test_x25519_a_thousand_times():
    if x25519.BACKEND == "python":
        skip("it would take long without native code")
    k = u = BASE
    for i in range(1000):
        k, u = exchange(x25519, k, u), k
        if i == 0:
            assert k == unhexlify(VECTORS["x25519_iterated"]["1"])
    assert k == unhexlify(VECTORS["x25519_iterated"]["1000"])


def test_chacha20_and_poly1305_vectors():
    for code in (chacha, chacha_python):
        for v in vectors("block"):
            made = crypt(code, v["key"], v["nonce"], v["counter"], bytes(64), 0, 64)
            assert made == v["stream"]
        for v in vectors("cipher"):
            n = len(v["plain"])
            assert crypt(code, v["key"], v["nonce"], v["counter"], v["plain"], 0, n) == v["cipher"]
        for v in vectors("mac_key"):
            assert crypt(code, v["key"], v["nonce"], 0, bytes(32), 0, 32) == v["made"]
        for v in vectors("mac"):
            assert mac(code, v["key"], v["text"], 0) == v["tag"]


def test_aead_vectors():
    for code in (chacha, chacha_python):
        for v in vectors("aead"):
            n, ad = len(v["cipher"]), v["ad"]
            key = crypt(code, v["key"], v["nonce"], 0, bytes(32), 0, 32)
            lengths = len(ad).to_bytes(8, "little") + n.to_bytes(8, "little")
            state, tag = bytearray(code.MAC), bytearray(16)
            code.mac_start(state, key)
            for part in (ad, v["cipher"], lengths):
                code.mac_update(state, part, 0, len(part), 1)
            code.mac_finish(state, tag)
            assert tag == v["tag"]
            assert crypt(code, v["key"], v["nonce"], 1, v["cipher"], 0, n) == v["plain"]


def test_native_code_and_twins_agree():
    random.seed(25519)
    for _ in range(5):
        scalar, point = randbytes(32), randbytes(32)
        assert exchange(x25519, scalar, point) == exchange(x25519_python, scalar, point)
    for n in list(range(70)) + [200, 1400]:
        key, nonce, at = randbytes(32), randbytes(12), n % 13
        data = randbytes(at + n + 5)
        made = crypt(chacha, key, nonce, n, data, at, n)
        assert made == crypt(chacha_python, key, nonce, n, data, at, n)
        for pad in (0, 1):
            assert mac(chacha, key, data, pad) == mac(chacha_python, key, data, pad)


def test_nothing_is_allocated():
    if "python" in (x25519.BACKEND, chacha.BACKEND):
        skip("the twins do allocate")
    import micropython

    work, out = bytearray(x25519.WORK), bytearray(32)
    cipher, state, data = bytearray(chacha.CIPHER), bytearray(chacha.MAC), bytearray(100)
    micropython.heap_lock()
    try:
        x25519.start(work, BASE, BASE)
        x25519.steps(work, 254, 16)
        x25519.steps(work, -1, 1)
        x25519.pack(work, out)
        chacha.crypt(cipher, data, 3, 90)
        chacha.mac_start(state, out)
        chacha.mac_update(state, data, 3, 90, 1)
        chacha.mac_finish(state, out)
    finally:
        micropython.heap_unlock()
