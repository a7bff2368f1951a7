"""miIO packets once more, from the protocol's description alone: the oracle of the codecs."""

import hashlib
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

HELLO = bytes.fromhex("21310020" + "ff" * 28)
HEADER = 32
MAGIC = 0x2131


def md5(data):
    return hashlib.md5(data).digest()


def cipher(token):
    key = md5(token)
    return Cipher(algorithms.AES(key), modes.CBC(md5(key + token)))


def pad(text):
    n = 16 - len(text) % 16
    return text + bytes([n]) * n


def seal(token, did, stamp, plain, *, unknown=0, length=None, magic=MAGIC):
    """A packet around `plain`, which is padded already (or wrongly); signed whatever it says."""
    encryptor = cipher(token).encryptor()
    body = encryptor.update(plain)
    length = HEADER + len(body) if length is None else length
    head = struct.pack(">HHIII", magic, length & 0xFFFF, unknown, did, stamp & 0xFFFFFFFF)
    return sign(token, head, body)


def sign(token, head, body):
    return head + md5(head + token + body) + body


def is_signed(packet, token):
    return len(packet) >= HEADER and packet[16:32] == md5(packet[:16] + token + packet[32:])


def header(packet):
    """`(magic, length, unknown, did, stamp)`, or None for what is too short."""
    return struct.unpack_from(">HHIII", packet) if len(packet) >= HEADER else None


def text_of(packet, token):
    """The plain text without padding and NULs; None when the padding is wrong."""
    body = packet[HEADER:]
    if not body or len(body) % 16:
        return None
    plain = cipher(token).decryptor().update(body)
    n = plain[-1]
    if not 1 <= n <= 16 or plain[-n:] != bytes([n]) * n:
        return None
    return plain[:-n].rstrip(b"\0")
