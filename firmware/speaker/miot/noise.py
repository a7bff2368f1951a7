"""Noise_NNpsk0_25519_ChaChaPoly_SHA256, the responder's side of the handshake.

The Noise Protocol Framework, revision 34:

    -> psk, e        a payload that only a holder of the shared key can have encrypted
    <- e, ee         the answer; both have the session's two keys then

Reading the first message costs some hashes; only the answer costs two X25519, in slices.
"""

import asyncio
import hashlib
import os

from micropython import const

from speaker.kernels import x25519
from speaker.miot.aead import TAG, Aead

PSK = const(32)
POINT = const(32)

_NAME = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"
_BASE = b"\x09" + bytes(31)
_BLOCK = const(64)  # of SHA-256
_INNER = int.from_bytes(b"\x36" * _BLOCK, "big")
_OUTER = int.from_bytes(b"\x5c" * _BLOCK, "big")


class SharedKey:
    """A pre-shared key, as far into the handshake as it alone leads."""

    def __init__(self, psk: bytes) -> None:
        if len(psk) != PSK:
            raise ValueError("a pre-shared key has 32 bytes")
        self.start = _hash(_NAME)
        self.chaining_key, self.hash, _ = hkdf(self.start, psk, 3)


class Responder:
    """One handshake. `prologue` is what both sides have seen before; `aead` may be shared."""

    def __init__(self, shared: SharedKey, prologue: bytes, aead: Aead) -> None:
        self._aead = aead
        self._chaining_key = shared.chaining_key
        self._hash = _hash(_hash(shared.start, prologue), shared.hash)
        self._key = b""
        self._remote = b""

    def read(self, message: bytes) -> bytes | None:
        """The payload of the first message; None: the other side does not have the shared key."""
        n = len(message) - POINT - TAG
        if n < 0:
            return None
        self._remote = bytes(message[:POINT])
        self._mix_hash(self._remote)
        self._mix_key(self._remote)
        rest = bytearray(message[POINT:])
        if not self._aead.open(self._key, 0, self._hash, rest, 0, n):
            return None
        self._mix_hash(message[POINT:])
        return bytes(rest[:n])

    async def write(self, payload: bytes, secret: bytes = b"") -> bytes | None:
        """The second message; None: the other side's point is of small order.

        `secret` is the ephemeral private key, made here unless a test gives it.
        """
        secret = secret or os.urandom(32)
        work = bytearray(x25519.WORK)
        point = await _multiply(work, secret, _BASE)
        shared = await _multiply(work, secret, self._remote)
        for i in range(len(work)):
            work[i] = 0
        if _is_zero(shared):
            return None
        self._mix_hash(point)
        self._mix_key(point)
        self._mix_key(shared)
        n = len(payload)
        buffer = bytearray(payload) + bytearray(TAG)
        self._aead.seal(self._key, 0, self._hash, buffer, 0, n)
        sealed = bytes(buffer)
        self._mix_hash(sealed)
        return point + sealed

    @property
    def handshake_hash(self) -> bytes:
        """What both sides have seen, in 32 bytes."""
        return self._hash

    def split(self) -> list:
        """The session's keys: for what the initiator sends, and for what the responder sends."""
        return hkdf(self._chaining_key, b"", 2)

    def _mix_hash(self, data: bytes) -> None:
        self._hash = _hash(self._hash, data)

    def _mix_key(self, material: bytes) -> None:
        self._chaining_key, self._key = hkdf(self._chaining_key, material, 2)


def hkdf(salt: bytes, material: bytes, n: int) -> list:
    """`n` keys of 32 bytes: HKDF-SHA256 (RFC 5869) without info, as Noise has it (4.3)."""
    key = hmac(salt, material)
    keys: list = []
    last = b""
    for i in range(1, n + 1):
        last = hmac(key, last + bytes([i]))
        keys.append(last)
    return keys


def hmac(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104), for keys of at most 64 bytes."""
    number = int.from_bytes(key, "big") << 8 * (_BLOCK - len(key))
    inner = _hash((number ^ _INNER).to_bytes(_BLOCK, "big"), data)
    return _hash((number ^ _OUTER).to_bytes(_BLOCK, "big"), inner)


def _is_zero(data: bytes) -> bool:
    found = 0
    for byte in data:
        found |= byte
    return not found


def _hash(*parts: bytes) -> bytes:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part)
    return sha.digest()


async def _multiply(work: bytearray, secret: bytes, point: bytes) -> bytes:
    """X25519, a slice at a time: other tasks have their turns between."""
    x25519.start(work, secret, point)
    bit = 254
    while bit >= 0:
        n = min(x25519.STEPS, bit + 1)
        x25519.steps(work, bit, n)
        bit -= n
        await asyncio.sleep_ms(0)
    x25519.steps(work, -1, 1)
    result = bytearray(32)
    x25519.pack(work, result)
    await asyncio.sleep_ms(0)
    return bytes(result)
