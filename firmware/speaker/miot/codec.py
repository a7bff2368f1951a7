"""miIO packets: header, checksum, AES. Bytes in, bytes out.

Layout (big endian): magic 0x2131, length, 4 bytes unknown (0), device id, stamp, 16 bytes
checksum or token, AES-128-CBC of the JSON. key = md5(token), iv = md5(key + token),
checksum = md5(first 16 bytes + token + ciphertext). Source: python-miio's protocol.py and
aholstenson/miio's packet.js, as facts.
"""

import hashlib
import struct

import cryptolib
from micropython import const

HEADER = const(32)
# What packets of the secure channel begin with: the same port carries both.
CHANNEL_MAGIC = b"MY"
# The longest packet that is taken: one Ethernet frame's worth, as MIoT's LAN messages.
MAX_PACKET = const(1400)

_MAGIC = const(0x2131)
_CBC = const(2)
_FORMAT = ">HHIII"
HELLO = b"\x21\x31\x00\x20" + b"\xff" * 28
_NO_DID = const(0xFFFFFFFF)
_PROBE = b"\x21\x31\x00\x20" + b"\xff" * 12 + b"MDID"
_ANY_METHOD = const(0xFE)  # subscriptions with the method "." are taken


def is_hello(packet: bytes) -> bool:
    """Whether this is a hello, which needs no token."""
    return packet == HELLO


def hello_reply(did: int, stamp: int, token: bytes | None) -> bytes:
    """The answer to a hello; `token` is shown, or None to keep it."""
    header = struct.pack(_FORMAT, _MAGIC, HEADER, 0, did, stamp)
    return header + (token if token else b"\xff" * 16)


def hello_fields(packet: bytes) -> tuple | None:
    """`(did, stamp)` of the answer to a hello, or None for what is none."""
    if len(packet) != HEADER:
        return None
    magic, length, _, did, stamp = struct.unpack_from(_FORMAT, packet)
    if magic != _MAGIC or length != HEADER or did == _NO_DID:
        return None
    return did, stamp


def probe_of(packet: bytes) -> bytes | None:
    """The 8 bytes of a controller's own id in its probe, or None for another packet.

    A probe asks who is there, as a hello does, and what the asker is subscribed to (facts from
    ha_xiaomi_home's miot_lan.py).
    """
    if len(packet) != HEADER or not packet.startswith(_PROBE):
        return None
    return packet[20:28]


def probe_reply(did: int, stamp: int, subscribed_at: int, kind: int) -> bytes:
    """The answer to a probe: `subscribed_at` is the time that the asker gave when it subscribed."""
    head = struct.pack(_FORMAT, _MAGIC, HEADER, 0, did, stamp)
    return head + struct.pack(
        ">4sI3sBBBBB", b"MSUB", subscribed_at, b"PUB", kind, _ANY_METHOD, 0, 0, 0
    )


def stamp_of(packet: bytes) -> int:
    """The stamp of a packet that `header` took."""
    return struct.unpack_from(">I", packet, 12)[0]


def header(packet: bytes) -> tuple | None:
    """`(did, stamp)` of a packet that has a body, or None for one that cannot be miIO.

    Cheap: nothing is hashed or decrypted.
    """
    n = len(packet)
    if n <= HEADER or n > MAX_PACKET or n % 16:
        return None
    magic, length, _, did, stamp = struct.unpack_from(_FORMAT, packet)
    if magic != _MAGIC or length != n:
        return None
    return did, stamp


class Codec:
    """Signs and encrypts with one token."""

    def __init__(self, token: bytes) -> None:
        if len(token) != 16:
            raise ValueError("a token has 16 bytes")
        self._token = token
        self._key = _md5(token)
        self._iv = _md5(self._key + token)

    def is_signed(self, packet: bytes) -> bool:
        """Whether the checksum is the one that this token makes."""
        return packet[16:HEADER] == self._checksum(packet[:16], packet[HEADER:])

    def decrypt(self, packet: bytes) -> bytes:
        """The JSON text of a signed packet; ValueError for a wrong padding."""
        # AES keeps its chain in the object, so each packet needs a new one.
        plain = cryptolib.aes(self._key, _CBC, self._iv).decrypt(packet[HEADER:])
        n = plain[-1]
        if not 1 <= n <= 16 or plain[-n:] != bytes([n]) * n:
            raise ValueError("padding")
        return plain[:-n].rstrip(b"\x00")

    def encrypt(self, did: int, stamp: int, text: bytes) -> bytes:
        """A whole packet around `text` (JSON; the usual trailing NUL is added)."""
        n = 16 - (len(text) + 1) % 16
        plain = text + b"\x00" + bytes([n]) * n
        body = cryptolib.aes(self._key, _CBC, self._iv).encrypt(plain)
        head = struct.pack(_FORMAT, _MAGIC, HEADER + len(body), 0, did, stamp)
        return head + self._checksum(head, body) + body

    def _checksum(self, head: bytes, body: bytes) -> bytes:
        return _md5(head + self._token + body)


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data).digest()
