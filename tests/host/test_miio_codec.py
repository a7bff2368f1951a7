"""miIO packets against the worked examples of the protocol notes and against python-miio."""

import datetime as dt
import json
import warnings
from pathlib import Path

import pytest

from mynah.miio import codec
from mynah.miio.codec import PacketError

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # python-miio's use of click
    from miio.protocol import Message

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "miio.json").read_text())
TOKEN = bytes.fromhex(VECTORS["token"])
DEVICE_ID = VECTORS["device_id"]


def packet_of(vector):
    return bytes.fromhex(vector["header"] + vector["checksum"] + vector["cipher"])


every_packet = pytest.mark.parametrize(
    "vector", VECTORS["packets"], ids=[vector["name"] for vector in VECTORS["packets"]]
)


@every_packet
def test_packets_are_byte_for_byte_those_of_the_notes(vector):
    payload, stamp = json.loads(vector["text"]), vector["stamp"]
    packet = packet_of(vector)
    decoded = codec.decode(packet, TOKEN)
    assert (decoded.device_id, decoded.stamp, decoded.payload) == (DEVICE_ID, stamp, payload)
    if not vector["nul"]:  # as clients write it
        assert codec.encode(payload, TOKEN, device_id=DEVICE_ID, stamp=stamp) == packet


@every_packet
def test_python_miio_takes_the_notes_for_right(vector):
    message = Message.parse(packet_of(vector), token=TOKEN)
    assert message.data.value == json.loads(vector["text"])


def test_hello_tells_the_token_only_before_pairing():
    vectors = VECTORS["hello"]
    assert codec.hello_request().hex() == vectors["request"]
    unpaired = codec.parse_hello(bytes.fromhex(vectors["token_shown"]))
    expected = (DEVICE_ID, vectors["stamp"], TOKEN)
    assert (unpaired.device_id, unpaired.stamp, unpaired.token) == expected
    for hidden in (vectors["token_kept"], vectors["token_kept"][:32] + "00" * 16):
        assert codec.parse_hello(bytes.fromhex(hidden)).token is None


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
