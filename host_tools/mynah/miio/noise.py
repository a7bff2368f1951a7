"""Noise_NNpsk0_25519_ChaChaPoly_SHA256, the initiator's side (Noise Protocol Framework, rev 34)."""

from __future__ import annotations

import hashlib
import hmac
from typing import final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

PSK_SIZE = 32
POINT_SIZE = 32
TAG_SIZE = 16
OVERHEAD = POINT_SIZE + TAG_SIZE
"""What a handshake message has beside its payload."""

_NAME = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"


class NoiseError(ValueError):
    """A message that whoever has the shared key did not send, or not this one."""


@final
class Cipher:
    """One direction of a session. Counters are the caller's: none may be used twice."""

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)

    def seal(self, counter: int, text: bytes, ad: bytes = b"") -> bytes:
        """Encrypt and authenticate."""
        return self._cipher.encrypt(_nonce(counter), text, ad)

    def open(self, counter: int, sealed: bytes, ad: bytes = b"") -> bytes:
        """Check and decrypt.

        Raises:
            NoiseError: the tag is wrong.
        """
        try:
            return self._cipher.decrypt(_nonce(counter), sealed, ad)
        except (InvalidTag, ValueError):
            raise NoiseError("the tag is wrong") from None


@final
class Initiator:
    """One handshake: `write` the first message, `read` the second, then `split`.

    Args:
        psk: the key that both sides have, 32 bytes.
        prologue: what both sides have seen before.
        secret: the ephemeral private key, of a test; made here otherwise.
    """

    def __init__(self, psk: bytes, prologue: bytes = b"", secret: bytes | None = None) -> None:
        if len(psk) != PSK_SIZE:
            raise ValueError("a pre-shared key has 32 bytes")
        self._private = (
            X25519PrivateKey.from_private_bytes(secret) if secret else X25519PrivateKey.generate()
        )
        self._key = b""
        self._chaining_key = self._hash = hashlib.sha256(_NAME).digest()
        self._mix_hash(prologue)
        self._chaining_key, extra, self._key = hkdf(self._chaining_key, psk, 3)
        self._mix_hash(extra)

    def write(self, payload: bytes = b"") -> bytes:
        """The first message: it shows that its sender has the shared key."""
        point = self._private.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        self._mix_hash(point)
        self._mix_key(point)
        sealed = Cipher(self._key).seal(0, payload, self._hash)
        self._mix_hash(sealed)
        return point + sealed

    def read(self, message: bytes) -> bytes:
        """The payload of the second message.

        Raises:
            NoiseError: it is damaged, or not the answer to the first one. Another may be.
        """
        if len(message) < OVERHEAD:
            raise NoiseError("too short")
        before = self._chaining_key, self._hash
        try:
            return self._read(message[:POINT_SIZE], message[POINT_SIZE:])
        except NoiseError:
            self._chaining_key, self._hash = before
            raise

    def _read(self, point: bytes, sealed: bytes) -> bytes:
        self._mix_hash(point)
        self._mix_key(point)
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(point))
        except ValueError:  # all zeros: a point of small order
            raise NoiseError("a point of small order") from None
        self._mix_key(shared)
        payload = Cipher(self._key).open(0, sealed, self._hash)
        self._mix_hash(sealed)
        return payload

    @property
    def handshake_hash(self) -> bytes:
        """What both sides have seen, in 32 bytes."""
        return self._hash

    def split(self) -> tuple[Cipher, Cipher]:
        """The session's two directions: what is sent from here, and what comes."""
        sent, received = hkdf(self._chaining_key, b"", 2)
        return Cipher(sent), Cipher(received)

    def _mix_hash(self, data: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + data).digest()

    def _mix_key(self, material: bytes) -> None:
        self._chaining_key, self._key = hkdf(self._chaining_key, material, 2)


def hkdf(salt: bytes, material: bytes, count: int) -> list[bytes]:
    """Keys of 32 bytes: HKDF-SHA256 (RFC 5869) without info, as Noise has it (4.3)."""
    key = hmac.digest(salt, material, "sha256")
    keys: list[bytes] = []
    last = b""
    for i in range(1, count + 1):
        last = hmac.digest(key, last + bytes([i]), "sha256")
        keys.append(last)
    return keys


def _nonce(counter: int) -> bytes:
    return bytes(4) + counter.to_bytes(8, "little")
