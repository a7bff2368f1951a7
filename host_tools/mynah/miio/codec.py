"""miIO packets: bytes in, bytes out.

Sources: OpenMiHome's PROTOCOL.md for the layout, and what every working client does where it errs
(key = MD5(token), iv = MD5(key + token), checksum over header, token and cipher text).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PORT = 54321
"""The UDP port that devices listen on."""
TOKEN_SIZE = 16
HEADER_SIZE = 32

_MAGIC = 0x2131
_HEADER = ">HHIII"  # magic, length, unknown (0), device id, stamp; then 16 bytes of checksum
_CHECKSUM_AT = 16
_HELLO = b"\x21\x31\x00\x20" + b"\xff" * 28
_PROBE = b"\x21\x31\x00\x20" + b"\xff" * 12 + b"MDID"
_PROBED = ">4sI3sB4x"  # "MSUB", when it subscribed, "PUB", kind
_NO_TOKEN = (b"\xff" * TOKEN_SIZE, bytes(TOKEN_SIZE))
_BLOCK_BITS = 128


class PacketError(ValueError):
    """Bytes that are not a packet, or not one that this token signs."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A device's answer to a hello."""

    device_id: int
    stamp: int
    """The device's uptime in seconds."""
    token: bytes | None
    """Told only by a device that is not paired yet."""

    def __repr__(self) -> str:
        known = "shown" if self.token else "hidden"
        return f"Hello(device_id={self.device_id}, stamp={self.stamp}, token {known})"


@dataclass(frozen=True, slots=True)
class Probed:
    """A device's answer to a controller's probe."""

    device_id: int
    stamp: int
    subscribed_at: int
    """The ``update_ts`` with which the controller subscribed; 0: the device knows of nothing."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A decrypted packet; ``payload`` is its JSON."""

    device_id: int
    stamp: int
    payload: Any


def hello_request() -> bytes:
    """The packet that asks any device who it is."""
    return _HELLO


def parse_hello(data: bytes) -> Hello:
    """Read the answer to a hello.

    Raises:
        PacketError: it is none.
    """
    device_id, stamp = _parse_header(data)
    if len(data) != HEADER_SIZE:
        raise PacketError("a hello has no payload")
    token = data[_CHECKSUM_AT:HEADER_SIZE]
    return Hello(device_id, stamp, None if token in _NO_TOKEN else token)


def probe(own_id: int) -> bytes:
    """A controller's hello, which asks what it is subscribed to; ``own_id`` has 64 bits.

    Source: facts from ha_xiaomi_home's miot_lan.py.
    """
    return _PROBE + struct.pack(">Q4x", own_id)


def parse_probed(data: bytes) -> Probed:
    """Read the answer to a probe.

    Raises:
        PacketError: it is none.
    """
    device_id, stamp = _parse_header(data)
    if len(data) == HEADER_SIZE:
        magic, at, end, _ = struct.unpack_from(_PROBED, data, _CHECKSUM_AT)
        if magic == b"MSUB" and end == b"PUB":
            return Probed(device_id, stamp, at)
    raise PacketError("not the answer to a probe")


def encode(payload: Any, token: bytes, *, device_id: int, stamp: int) -> bytes:
    """Encrypt and sign a JSON payload."""
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    encryptor = _cipher(token).encryptor()
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    padded = padder.update(text) + padder.finalize()
    body = encryptor.update(padded) + encryptor.finalize()
    header = struct.pack(_HEADER, _MAGIC, HEADER_SIZE + len(body), 0, device_id, stamp)
    return header + _checksum(header, token, body) + body


def decode(data: bytes, token: bytes) -> Packet:
    """Check and decrypt a packet.

    Raises:
        PacketError: not a packet, cut off, signed with another token, or not JSON inside.
    """
    device_id, stamp = _parse_header(data)
    header, body = data[:_CHECKSUM_AT], data[HEADER_SIZE:]
    if not hmac.compare_digest(data[_CHECKSUM_AT:HEADER_SIZE], _checksum(header, token, body)):
        raise PacketError("the checksum is wrong: another token")
    try:
        decryptor = _cipher(token).decryptor()
        padded = decryptor.update(body) + decryptor.finalize()
        unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
        text = unpadder.update(padded) + unpadder.finalize()
        payload = json.loads(text.rstrip(b"\0").decode())
    except (ValueError, RecursionError) as error:  # padding, UTF-8, JSON, or JSON without end
        raise PacketError("the payload is damaged") from error
    return Packet(device_id, stamp, payload)


def _parse_header(data: bytes) -> tuple[int, int]:
    if len(data) < HEADER_SIZE:
        raise PacketError(f"{len(data)} bytes are no packet")
    magic, length, _, device_id, stamp = struct.unpack_from(_HEADER, data)
    if magic != _MAGIC or length != len(data):
        raise PacketError("magic number or length are wrong")
    return device_id, stamp


def _checksum(header: bytes, token: bytes, body: bytes) -> bytes:
    return hashlib.md5(header + token + body).digest()


def _cipher(token: bytes) -> Cipher[modes.CBC]:
    key = hashlib.md5(token).digest()
    return Cipher(algorithms.AES(key), modes.CBC(hashlib.md5(key + token).digest()))
