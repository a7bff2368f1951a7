"""The miIO codec against every byte example of the protocol's description."""

import json
from binascii import unhexlify

from speaker.miot import codec

with open("tests/vectors/miio.json") as file:
    VECTORS = json.load(file)
TOKEN = unhexlify(VECTORS["token"])
DID = VECTORS["device_id"]
HELLO = unhexlify(VECTORS["hello"]["request"])


def packet_of(vector):
    return unhexlify(vector["header"] + vector["checksum"] + vector["cipher"])


PACKETS = [packet_of(vector) for vector in VECTORS["packets"]]
INFO_PACKET, _, _, REPLY_PACKET = PACKETS


def test_hello():
    assert codec.is_hello(HELLO)
    assert not codec.is_hello(HELLO[:-1])
    assert not codec.is_hello(HELLO + b"\xff")
    stamp = VECTORS["hello"]["stamp"]
    shown = unhexlify(VECTORS["hello"]["token_shown"])
    kept = unhexlify(VECTORS["hello"]["token_kept"])
    assert codec.hello_reply(DID, stamp, TOKEN) == shown
    assert codec.hello_reply(DID, stamp, None) == kept
    assert codec.hello_fields(kept) == (DID, stamp)


def test_keys():
    c = codec.Codec(TOKEN)
    assert (c._key, c._iv) == (unhexlify(VECTORS["key"]), unhexlify(VECTORS["iv"]))


def test_decrypts_with_and_without_nul():
    c = codec.Codec(TOKEN)
    for packet, vector in zip(PACKETS, VECTORS["packets"]):
        assert codec.header(packet) == (DID, vector["stamp"])
        assert codec.stamp_of(packet) == vector["stamp"]
        assert c.is_signed(packet)
        assert c.decrypt(packet) == vector["text"].encode()


def test_encrypts_byte_for_byte():
    c = codec.Codec(TOKEN)
    for packet, vector in zip(PACKETS, VECTORS["packets"]):
        if vector["nul"]:  # as devices write it
            assert c.encrypt(DID, vector["stamp"], vector["text"].encode()) == packet
    for n in range(40):  # every padding length, there and back
        text = b"x" * n
        packet = c.encrypt(DID, 7, text)
        assert codec.header(packet) == (DID, 7)
        assert c.decrypt(packet) == text


def test_one_wrong_bit_anywhere_is_seen():
    c = codec.Codec(TOKEN)
    for i in range(len(REPLY_PACKET)):
        wrong = bytearray(REPLY_PACKET)
        wrong[i] ^= 1
        assert codec.header(bytes(wrong)) is None or not c.is_signed(bytes(wrong)), i


def test_header_refuses_what_cannot_be_miio():
    assert codec.header(b"") is None
    assert codec.header(HELLO) is None
    assert codec.header(INFO_PACKET[:-1]) is None
    assert codec.header(INFO_PACKET[:-16]) is None
    assert codec.header(INFO_PACKET + bytes(16)) is None
    long = b"\x21\x31" + (1408).to_bytes(2, "big") + bytes(1404)
    assert len(long) == 1408 and codec.header(long) is None


def test_wrong_padding_is_a_value_error():
    c = codec.Codec(TOKEN)
    other = codec.Codec(bytes(16)).encrypt(DID, 1, b"{}")
    try:
        c.decrypt(other)
    except ValueError:
        return
    raise AssertionError


def test_token_has_16_bytes():
    try:
        codec.Codec(b"short")
    except ValueError:
        return
    raise AssertionError
