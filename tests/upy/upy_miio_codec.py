"""The miIO codec against every byte example of the protocol's description."""

import json
from binascii import unhexlify

from speaker.miot import codec

TOKEN = unhexlify("00112233445566778899aabbccddeeff")
DID = 0x12345678
HELLO = unhexlify("21310020" + 28 * "ff")

INFO = b'{"id":1,"method":"miIO.info","params":[]}'
INFO_PACKET = unhexlify(
    "213100500000000012345678000005dd"
    "b393630a5b749263256cab4795233cb9"
    "a5516ec6151955dc2bb2d43e7c84c18352a39a7f22fd2903d282a5783c6d56ac"
    "8c9c7629130a25fac17d38175c1a7799"
)
INFO_NUL_PACKET = unhexlify(
    "213100500000000012345678000005dd"
    "815301dd887acae7ee0bfe70e21d1d51"
    "a5516ec6151955dc2bb2d43e7c84c18352a39a7f22fd2903d282a5783c6d56ac"
    "d8b5de0116c0ebf35983dd023f849c97"
)
CONFIG = (
    b'{"id":2,"method":"miIO.config_router","params":{"ssid":"home","passwd":"secret123","uid":0}}'
)
CONFIG_PACKET = unhexlify(
    "213100800000000012345678000005de"
    "0335f263ac8a91ffbd283f108f55181c"
    "0efba9576571a58d5364c7399a86a715980976c55b42de91d85a4c7a22303be4"
    "21005e995588adbda5d8758b7e8146a72cae68dccc843c3f6cc370b2da58478a"
    "daed34595d1105091b734959dd45388c6cd8a9d8ab40ace506e52d025a11bda0"
)
REPLY = b'{"id":2,"result":["ok"]}'
REPLY_PACKET = unhexlify(
    "213100400000000012345678000005de"
    "1323f2b08443e3dc4c6063729560721c"
    "94728d16660ed6ad0cf3c3994d544ab3d5018e47fafc2d9d6bee5964dfd81e68"
)


def test_hello():
    assert codec.is_hello(HELLO)
    assert not codec.is_hello(HELLO[:-1])
    assert not codec.is_hello(HELLO + b"\xff")
    shown = unhexlify("213100200000000012345678000005dc00112233445566778899aabbccddeeff")
    kept = unhexlify("213100200000000012345678000005dc" + 32 * "f")
    assert codec.hello_reply(DID, 1500, TOKEN) == shown
    assert codec.hello_reply(DID, 1500, None) == kept


def test_decrypts_with_and_without_nul():
    c = codec.Codec(TOKEN)
    for packet, text in (
        (INFO_PACKET, INFO),
        (INFO_NUL_PACKET, INFO),
        (CONFIG_PACKET, CONFIG),
        (REPLY_PACKET, REPLY),
    ):
        assert c.is_signed(packet)
        assert c.decrypt(packet) == text
        json.loads(c.decrypt(packet))
    assert codec.header(INFO_PACKET) == (DID, 0x5DD)
    assert codec.stamp_of(CONFIG_PACKET) == 0x5DE


def test_encrypts_byte_for_byte():
    c = codec.Codec(TOKEN)
    assert c.encrypt(DID, 0x5DE, REPLY) == REPLY_PACKET
    assert c.encrypt(DID, 0x5DD, INFO) == INFO_NUL_PACKET
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
