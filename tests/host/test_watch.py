"""Changes and events as they happen, from the firmware's own server in real MicroPython."""

import contextlib
import itertools
import json
import sys
import threading
import time

import pytest
from loopback import own_address
from miot_process import Board

from mynah.cli import cli
from mynah.errors import BoardTimeoutError
from mynah.miio import MiioClient, codec, devices, watch
from mynah.miio.channel import ChannelKey
from mynah.miio.watch import Change, Happened

pytestmark = pytest.mark.skipif(
    sys.platform == "darwin", reason="macOS has one loopback address: one speaker at a time"
)

TOKEN = bytes.fromhex("00112233445566778899aabbccddeeff")
DID = 0x12345678


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    board = Board(own_address(), "owned", tmp_path_factory.mktemp("owned"))
    yield board
    board.close()


@pytest.fixture
def client(board):
    with MiioClient(board.address, TOKEN) as client:
        yield client


@pytest.mark.parametrize("key", [None, ChannelKey.of_token(TOKEN)], ids=["plain", "channel"])
def test_what_others_do_is_told(board, monkeypatch, key):
    monkeypatch.setattr(watch, "PROBE_S", 0.1)
    with (
        MiioClient(board.address, TOKEN) as other,
        MiioClient(board.address, TOKEN, key=key) as client,
    ):
        seen = watch.watch(client, timeout_s=20)

        def act():
            time.sleep(0.3)  # it has been probed by then
            other.set("speaker.volume", 33)
            other.set("speaker.mute", value=True)
            other.call("test.press", ["boot"])

        timer = threading.Timer(0.1, act)
        timer.start()
        wanted = [
            Change("speaker.volume", 33),
            Change("speaker.mute", value=True),
            Happened("button.pressed", {"name": "boot"}),
        ]
        while wanted:  # in any order
            told = next(seen)
            if told in wanted:
                wanted.remove(told)
        seen.close()
        timer.join()
        # It unsubscribed: the speaker knows nothing of it any more.
        other.set("speaker.volume", 34)
        assert client.next_message(0.3) is None
        other.set("speaker.mute", value=False)


def test_a_lost_acknowledgement_does_not_tell_twice(board, client, monkeypatch):
    seen = watch.watch(client, timeout_s=2.5)
    lost = []
    tell = client.tell

    def lossy(payload):
        if "result" in payload and not lost:
            lost.append(payload["id"])
        else:
            tell(payload)

    monkeypatch.setattr(client, "tell", lossy)
    with MiioClient(board.address, TOKEN) as other:
        threading.Timer(0.2, lambda: other.set("speaker.volume", 51)).start()
        told = list(seen)
    assert lost
    assert [each for each in told if each.name == "speaker.volume"] == [
        Change("speaker.volume", 51)
    ]


def test_a_speaker_that_restarts_is_subscribed_to_again(tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "PROBE_S", 0.2)
    address = own_address()
    boards = [Board(address, "owned", tmp_path)]
    said = []

    def restart():
        boards.append(Board(address, "kept", tmp_path))
        other.set("speaker.mute", value=True)

    try:
        with (
            MiioClient(address, TOKEN, timeout_s=0.3) as client,
            MiioClient(address, TOKEN) as other,
            contextlib.closing(watch.watch(client, timeout_s=60, talk=said.append)) as seen,
        ):
            threading.Timer(0.2, lambda: other.set("speaker.volume", 21)).start()
            assert next(seen) == Change("speaker.volume", 21)
            boards[0].expect("settings: saved")
            boards[0].close()
            timer = threading.Timer(1.0, restart)
            timer.start()
            assert next(seen) == Change("speaker.mute", True)
            timer.join()
    finally:
        for board in boards:
            board.close()
    assert [line.partition(" ")[2] for line in said] == [
        "does not answer; it is asked again and again",
        "is back",
    ]


def test_nobody_there_is_said_at_once():
    with (
        MiioClient(own_address(), TOKEN, timeout_s=0.05) as client,
        pytest.raises(BoardTimeoutError),
    ):
        next(watch.watch(client))


def test_numbers_that_the_spec_lacks_are_shown_as_numbers(client):
    names = watch._Names(client.spec)
    assert names.change({"siid": 2, "piid": 99, "value": 1}) == Change("2.99", 1)
    assert names.event({"siid": 9, "eiid": 9, "arguments": [{"piid": 9, "value": 1}]}) == Happened(
        "9.9", {"9": 1}
    )
    for odd in (None, [], "x", {"siid": 2}, {"siid": 2, "piid": 1}, {"siid": [], "piid": 1}):
        assert names.change(odd) is None
        assert names.event(odd) is None


def test_the_answer_to_a_probe():
    data = bytes.fromhex("213100200000000012345678000005dc") + b"MSUB" + bytes.fromhex("6553f100")
    found = codec.parse_probed(data + b"PUB\x01\xfe\x00\x00\x00")
    assert (found.device_id, found.stamp, found.subscribed_at) == (DID, 1500, 1700000000)
    for wrong in (data + bytes(8), codec.probe(1), codec.hello_request(), b""):
        with pytest.raises(codec.PacketError):
            codec.parse_probed(wrong)
    assert codec.probe(0x1122334455667788).hex() == (
        "21310020ffffffffffffffffffffffff4d444944112233445566778800000000"
    )


def test_the_command_shows_them_line_by_line(board, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path))
    devices.remember("kitchen", devices.Device(board.address, TOKEN.hex(), DID, "", "m"))
    volumes = itertools.count(70)
    with MiioClient(board.address, TOKEN) as other:

        def act():
            other.set("speaker.volume", next(volumes))
            other.set("indicator-light.color", next(volumes))
            other.call("test.press", ["mute"])

        threading.Timer(0.5, act).start()
        cli.main(["control", "kitchen", "watch", "--for", "1.2"], standalone_mode=False)
        lines = capsys.readouterr().out.splitlines()
        assert [line[9:] for line in lines if "volume" in line] == ["speaker.volume 70"]
        assert [line[9:] for line in lines if "color" in line] == ["indicator-light.color #000047"]
        assert [line[9:] for line in lines if "button" in line] == ["button.pressed name=mute"]
        threading.Timer(0.5, act).start()
        cli.main(["control", "kitchen", "watch", "--for", "1.2", "--json"], standalone_mode=False)
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"property": "speaker.volume", "value": 72} in [
        {key: value for key, value in entry.items() if key != "time"} for entry in entries
    ]
    (event,) = [entry for entry in entries if "event" in entry]
    assert (event["event"], event["arguments"]) == ("button.pressed", {"name": "mute"})
