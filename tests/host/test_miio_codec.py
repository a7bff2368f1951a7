"""miIO packets against the worked examples of the protocol notes and against python-miio."""

import datetime as dt
import warnings

import pytest

from mynah.miio import codec
from mynah.miio.codec import PacketError

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # python-miio's use of click
    from miio.protocol import Message

TOKEN = bytes.fromhex("00112233445566778899aabbccddeeff")
DEVICE_ID = 0x12345678

# Request bytes, computed from the protocol's description (key, IV and checksum written out there).
INFO = (
    {"id": 1, "method": "miIO.info", "params": []},
    1501,
    (
        "213100500000000012345678000005ddb393630a5b749263256cab4795233cb9"
        "a5516ec6151955dc2bb2d43e7c84c18352a39a7f22fd2903d282a5783c6d56ac"
        "8c9c7629130a25fac17d38175c1a7799"
    ),
)
ROUTER = (
    {
        "id": 2,
        "method": "miIO.config_router",
        "params": {"ssid": "home", "passwd": "secret123", "uid": 0},
    },
    1502,
    (
        "213100800000000012345678000005de0335f263ac8a91ffbd283f108f55181c"
        "0efba9576571a58d5364c7399a86a715980976c55b42de91d85a4c7a22303be4"
        "21005e995588adbda5d8758b7e8146a72cae68dccc843c3f6cc370b2da58478a"
        "daed34595d1105091b734959dd45388c6cd8a9d8ab40ace506e52d025a11bda0"
    ),
)
REPLY_WITH_NUL = (
    "213100400000000012345678000005de1323f2b08443e3dc4c6063729560721c"
    "94728d16660ed6ad0cf3c3994d544ab3d5018e47fafc2d9d6bee5964dfd81e68"
)


@pytest.mark.parametrize(("payload", "stamp", "packet"), [INFO, ROUTER])
def test_packets_are_byte_for_byte_those_of_the_notes(payload, stamp, packet):
    encoded = codec.encode(payload, TOKEN, device_id=DEVICE_ID, stamp=stamp)
    assert encoded.hex() == packet
    decoded = codec.decode(encoded, TOKEN)
    assert (decoded.device_id, decoded.stamp, decoded.payload) == (DEVICE_ID, stamp, payload)


def test_a_reply_that_ends_in_nul_is_read():
    reply = codec.decode(bytes.fromhex(REPLY_WITH_NUL), TOKEN)
    assert reply.payload == {"id": 2, "result": ["ok"]}


def test_hello_tells_the_token_only_before_pairing():
    assert codec.hello_request().hex() == "21310020" + "ff" * 28
    start = "213100200000000012345678000005dc"
    unpaired = codec.parse_hello(bytes.fromhex(start + TOKEN.hex()))
    assert (unpaired.device_id, unpaired.stamp, unpaired.token) == (DEVICE_ID, 1500, TOKEN)
    for hidden in ("ff", "00"):
        assert codec.parse_hello(bytes.fromhex(start + hidden * 16)).token is None


def test_secrets_are_not_in_reprs():
    hello = codec.parse_hello(bytes.fromhex("213100200000000012345678000005dc" + TOKEN.hex()))
    assert TOKEN.hex() not in repr(hello)
    assert repr(TOKEN) not in repr(hello)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda p: p[:31], id="shorter than a header"),
        pytest.param(lambda p: p[:-1], id="truncated"),
        pytest.param(lambda p: p + b"\0", id="too long"),
        pytest.param(lambda p: b"\x21\x32" + p[2:], id="wrong magic"),
        pytest.param(lambda p: p[:12] + b"\0\0\0\1" + p[16:], id="another stamp"),
        pytest.param(lambda p: p[:40] + bytes([p[40] ^ 1]) + p[41:], id="one bit flipped"),
    ],
)
def test_damaged_packets_are_refused(damage):
    packet = codec.encode({"id": 1}, TOKEN, device_id=DEVICE_ID, stamp=5)
    with pytest.raises(PacketError):
        codec.decode(damage(packet), TOKEN)


def test_json_that_is_deeper_than_the_stack_is_a_damaged_payload(monkeypatch):
    def encode_as_it_is(payload, **_):
        return payload

    monkeypatch.setattr(codec.json, "dumps", encode_as_it_is)
    packet = codec.encode("[" * 30_000, TOKEN, device_id=DEVICE_ID, stamp=5)
    with pytest.raises(PacketError, match="damaged"):
        codec.decode(packet, TOKEN)


def test_another_token_is_refused():
    packet = codec.encode({"id": 1}, TOKEN, device_id=DEVICE_ID, stamp=5)
    with pytest.raises(PacketError, match="another token"):
        codec.decode(packet, bytes(16))


def test_python_miio_reads_what_we_write_and_we_read_what_it_writes():
    payload = {"id": 7, "method": "set_properties", "params": [{"did": "é", "value": 40}]}
    ours = codec.encode(payload, TOKEN, device_id=DEVICE_ID, stamp=99)
    assert Message.parse(ours, token=TOKEN).data.value == payload
    theirs = Message.build(
        {
            "data": {"value": payload},
            "header": {
                "value": {
                    "length": 0,
                    "unknown": 0,
                    "device_id": DEVICE_ID.to_bytes(4, "big"),
                    "ts": dt.datetime.fromtimestamp(99, dt.timezone.utc),
                }
            },
            "checksum": 0,
        },
        token=TOKEN,
    )
    decoded = codec.decode(theirs, TOKEN)
    assert decoded.payload == payload
    assert decoded.stamp == 99
