"""What X25519, ChaCha20 and Poly1305 give: the RFCs' vectors, the package `cryptography`, edges."""

import json
import random
import struct
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.poly1305 import Poly1305

P = 2**255 - 19
BASE = b"\x09" + bytes(31)

# RFC 7748 (5.2 and 6.1) and RFC 8439 (the examples of section 2, all of appendix A).
VECTORS = json.loads(Path(__file__).with_name("rfc_vectors.json").read_text())

# Points of small order on the curve and its twist (https://cr.yp.to/ecdh.html, "validate public
# keys"), also as numbers that are not reduced, and with the bit that is ignored.
LOW_ORDER = [
    n.to_bytes(32, "little")
    for n in (
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        P - 1,
        P,
        P + 1,
        2**255,
        2**255 + P + 1,
    )
]

SCALARS = [bytes(32), b"\xff" * 32, b"\x55" * 32, random.Random(1).randbytes(32)]
POINTS = [
    n.to_bytes(32, "little")
    for n in (2, 9, P - 2, P + 2, P + 18, 2**255 + 9, 2**256 - 1, 2**254 - 1, 2**128)
]


def unhexed(vector):
    return {
        name: bytes.fromhex(value) if isinstance(value, str) else value
        for name, value in vector.items()
    }


def vectors(kind):
    return [unhexed(vector) for vector in VECTORS[kind]]


def exchange(scalar, point):
    """X25519; ValueError where the result is zero."""
    private = x25519.X25519PrivateKey.from_private_bytes(scalar)
    return private.exchange(x25519.X25519PublicKey.from_public_bytes(point))


def stream(key, nonce, counter, data):
    """ChaCha20."""
    start = struct.pack("<I", counter) + nonce
    return Cipher(algorithms.ChaCha20(key, start), None).encryptor().update(data)


def tag(key, text):
    """Poly1305."""
    mac = Poly1305(key)
    mac.update(text)
    return mac.finalize()


def cipher_state(key, nonce, counter):
    """What the kernels call a cipher's state, with room for a block."""
    return b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce + bytes(64)


def mac_cases():
    """Keys and texts: the vectors', and those that make every limb and every carry as large."""
    cases = [(v["key"], v["text"]) for v in vectors("mac")]
    rng = random.Random(2)
    for size in (0, 1, 15, 16, 17, 31, 32, 33, 100, 255):
        cases.append((rng.randbytes(32), rng.randbytes(size)))
        cases.append((b"\xff" * 32, b"\xff" * size))
    return cases
