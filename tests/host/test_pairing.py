"""Pairing and control with our client, against the firmware's own server in real MicroPython."""

import io
import json
import re
import socket
import stat
import sys
import threading
import time

import click
import pytest
from loopback import own_address
from miot_process import Board

from mynah.cli import cli
from mynah.cli import pair as pair_command
from mynah.errors import BoardError, BoardTimeoutError, UsageError
from mynah.find.interfaces import Interface
from mynah.miio import JoinError, MiioClient, MiioError, PairResult, codec, devices, pair, pairing
from mynah.miio.pairing import NetworkDoor

pytestmark = pytest.mark.skipif(
    sys.platform == "darwin", reason="macOS has one loopback address: one speaker at a time"
)

SSID, PASSWORD = "home", "secret123"
DID = 0x12345678
TOKEN = bytes.fromhex("00112233445566778899aabbccddeeff")

NEW, OWNED, NOBODY = own_address(), own_address(), own_address()


@pytest.fixture(scope="module")
def owned(tmp_path_factory):
    speaker = Board(OWNED, "owned", tmp_path_factory.mktemp("owned"))
    yield speaker
    speaker.close()


@pytest.fixture
def new(tmp_path):
    speaker = Board(NEW, "new", tmp_path)
    yield speaker
    speaker.close()


@pytest.fixture
def client(owned):
    with MiioClient(OWNED, TOKEN) as client:
        yield client


@pytest.fixture
def user(tmp_path, monkeypatch):
    """A user with no speakers yet."""
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


def test_a_wrong_password_is_reported_as_such_then_the_right_one_pairs(new):
    with pytest.raises(BoardError, match="could not join 'home': wrong password") as refused:
        pair(NEW, SSID, "not " + PASSWORD)
    assert refused.value.exit_code == 4
    with pytest.raises(BoardError, match="no such network"):
        pair(NEW, "elsewhere", PASSWORD)
    said = []
    result = pair(NEW, SSID, PASSWORD, talk=said.append)
    assert (result.address, result.model) == (NEW, "mynah.speaker.test")
    assert result.device_id == DID
    assert result.token.hex() not in repr(result)
    for secret in (PASSWORD, result.token.hex()):
        assert secret not in "".join(said) + new.log
    with pytest.raises(BoardError, match="paired already"):
        pair(NEW, SSID, PASSWORD)


def test_pair_and_control_from_the_command_line(new, user, capsys, monkeypatch):
    monkeypatch.setenv("MYNAH_WIFI_PASSWORD", PASSWORD)

    def mynah(*arguments):
        cli.main(list(arguments), standalone_mode=False)
        return capsys.readouterr()

    shown = mynah("pair", NEW, "--ssid", SSID, "--name", "kitchen", "--json")
    assert json.loads(shown.out)["address"] == NEW
    file = user / "devices.json"
    token = json.loads(file.read_text())["kitchen"]["token"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for secret in (token, PASSWORD):
        assert secret not in shown.out + shown.err
    assert mynah("control", "kitchen", "get", "speaker.volume").out == "60\n"
    mynah("control", "kitchen", "set", "speaker.volume", "40")
    mynah("control", "kitchen", "set", "microphone.mute", "on")
    mynah("control", "kitchen", "do", "play-control.play")
    mynah("control", "kitchen", "set", "indicator-light.color", "#0f8000")
    assert mynah("control", "kitchen", "get", "indicator-light.color").out == "#0f8000\n"
    table = mynah("control", "kitchen", "status").out
    assert re.search(r"indicator-light\.color +#0f8000", table)
    assert re.search(r"play-control\.playing-state +1 \(Playing\)", table)
    assert mynah("control", "kitchen", "do", "wake.read-history", "alexa").out == "alexa\n"
    status = json.loads(mynah("control", "kitchen", "status", "--json").out)
    assert status["speaker.volume"] == 40
    assert status["microphone.mute"] is True
    assert status["indicator-light.color"] == 0x0F8000
    assert status["play-control.playing-state"] == 1
    mynah("control", "kitchen", "set-clock")
    told = json.loads(mynah("control", "kitchen", "get", "clock.time", "--json").out)
    assert 0 <= told["clock.time"] - time.time() + 1 < 60
    with pytest.raises(UsageError, match="takes 0 to 100, not 101"):
        mynah("control", "kitchen", "set", "speaker.volume", "101")
    with pytest.raises(UsageError, match="there are: kitchen"):
        mynah("control", "attic", "status")
    mynah("control", "kitchen", "restore", "--yes")
    assert "restored" in new.log
    assert devices.known() == {}


def test_the_speaker_tells_what_it_hears_and_each_of_its_steps(new):
    with NetworkDoor(NEW) as door:
        heard = door.scan()
        assert [(each.text, each.rssi, each.secured) for each in heard] == [
            ("caf\u00e9 \U0001f600", -40, True),
            ("home", -41, True),
            ("open", -42, False),
        ]
        said = []
        with pytest.raises(JoinError, match="capitals and spaces") as refused:
            door.join(b"home", "not " + PASSWORD, "DE", said.append)
        assert refused.value.reason == "wrong password"
        assert said[0] == "it listens for the network"
        assert set(said) <= set(pairing.STEPS.values())
        with pytest.raises(JoinError, match="no such network"):
            door.join(b"\xff", PASSWORD, "", said.append)
        door.join("caf\u00e9 \U0001f600".encode(), 'pass word "x"', "", said.append)
        assert door.finish().address == NEW


def test_ctrl_c_gives_up_what_is_tried(new, user, monkeypatch):
    def interrupted(*_):
        new.expect("net: associating")
        raise KeyboardInterrupt

    monkeypatch.setenv("MYNAH_WIFI_PASSWORD", PASSWORD)
    monkeypatch.setattr(pairing, "_wait_for_join", interrupted)
    with pytest.raises(click.Abort):  # which ends the process with 130
        cli.main(["pair", NEW, "--ssid", "slow"], standalone_mode=False)
    new.expect("net: set-up")
    assert "net: online" not in new.log
    assert devices.known() == {}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_networks_are_chosen_from_a_list_and_a_wrong_password_may_be_mended(
    new, user, capsys, monkeypatch
):
    answers = iter(["", "nowhere", PASSWORD, True, "2", "n" + PASSWORD, True, PASSWORD])
    asked = []

    def answer(text, **_):
        asked.append(text)
        return next(answers)

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("click.prompt", answer)
    monkeypatch.setattr("click.confirm", answer)
    cli.main(["pair", NEW, "--country", "de"], standalone_mode=False)
    shown = capsys.readouterr().err
    assert shown.count("listens for networks") == 3
    assert re.search(r"2 +home +\|\|\|\| -41 dBm", shown)
    assert re.search(r"3 +open .* open", shown)
    assert "could not join 'nowhere': no such network" in shown
    assert "could not join 'home': wrong password" in shown
    assert [text.split()[0] for text in asked] == [
        "Number", "Number", "Password", "Try", "Number", "Password", "Try", "Password"
    ]  # fmt: skip
    assert PASSWORD not in shown
    assert devices.find("speaker").address == NEW


def test_names_do_not_collide(user):
    def device(number):
        return devices.Device("127.0.0.1", "00" * 16, number, "mac", "model")

    def name(number):
        return pair_command._name_for(PairResult("127.0.0.1", bytes(16), number, "mac", "model"))

    assert name(1) == "speaker"
    devices.remember("speaker", device(1))
    devices.remember("kitchen", device(2))
    assert [name(number) for number in (1, 2, 3)] == ["speaker", "kitchen", "speaker-2"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--country", "DEU"], "two letters"),
        (["1.2.3.4", "--port", "x"], "exclude each other"),
        (["127.78.5.3"], "no speaker answers"),
    ],
)
def test_what_cannot_be_is_said(user, arguments, words):
    with pytest.raises((click.UsageError, BoardTimeoutError), match=words):
        cli.main(["pair", *arguments], standalone_mode=False)


def test_a_device_says_no_in_words(client):
    with pytest.raises(MiioError, match=r"speaker\.volume does not take that value") as refused:
        client.set("speaker.volume", 101)
    assert refused.value.code == -4005
    with pytest.raises(MiioError, match=r"device-information\.model cannot be written"):
        client.set("device-information.model", "x")
    with pytest.raises(MiioError, match="method not found"):
        client.call("miIO.no_such_thing")


def test_names_that_do_not_exist_list_those_that_do(client):
    with pytest.raises(UsageError, match=r"there are: .*speaker\.volume"):
        client.get("speaker.loudness")
    with pytest.raises(UsageError, match=r"there are: .*play-control\.play"):
        client.action("play-control.rewind")
    with pytest.raises(UsageError, match="takes no arguments"):
        client.action("play-control.play", 1)


def test_a_wrong_token_gets_no_answer_and_advice(owned):
    with (
        MiioClient(OWNED, bytes(16), timeout_s=0.1, retries=1) as client,
        pytest.raises(BoardTimeoutError, match="pair it again"),
    ):
        client.info()


def test_nobody_there():
    with (
        MiioClient(NOBODY, timeout_s=0.05) as client,
        pytest.raises(BoardTimeoutError, match=f"no speaker answers at {re.escape(NOBODY)}"),
    ):
        client.hello()


class LossyRelay:
    """Passes datagrams to the speaker and back, and loses those that ``loses`` picks."""

    def __init__(self, loses):
        self.requests = []
        self._loses = loses
        self._count = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((own_address(), 0))
        self.address, self.port = self._socket.getsockname()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        client = None
        while True:
            data, peer = self._socket.recvfrom(4096)
            if not data:
                return
            if peer == (OWNED, codec.PORT):
                target = client
            else:
                client, target = peer, (OWNED, codec.PORT)
                self.requests.append(data)
            self._count += 1
            if not self._loses(self._count):
                self._socket.sendto(data, target)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopper:
            stopper.sendto(b"", (self.address, self.port))
        self._thread.join()
        self._socket.close()


@pytest.mark.parametrize("lost", [(1,), (2,), (3,), (4,), (3, 4), (1, 2, 3)])
def test_lost_packets_are_made_up_for(owned, lost):
    relay = LossyRelay(lambda count: count in lost)
    try:
        with MiioClient(relay.address, TOKEN, relay.port, timeout_s=0.2, retries=4) as client:
            assert client.get("device-information.manufacturer") == "Mynah"
    finally:
        relay.close()


def test_a_lost_answer_is_asked_for_with_the_same_packet_so_nothing_is_done_twice(owned):
    relay = LossyRelay(lambda count: count == 4)  # hello, its answer, request, its answer
    try:
        with MiioClient(relay.address, TOKEN, relay.port, timeout_s=0.2) as client:
            client.action("play-control.play")
    finally:
        relay.close()
    _, first, second = relay.requests
    assert first == second


def test_after_a_new_hello_it_is_the_same_request_in_another_packet(owned):
    relay = LossyRelay(lambda count: count in {4, 6})  # both answers to the first packet
    try:
        with MiioClient(relay.address, TOKEN, relay.port, timeout_s=0.2) as client:
            client.action("play-control.play")
    finally:
        relay.close()
    _, first, second, _, _, third = relay.requests  # after the question whether it is secure
    assert first == second != third
    assert codec.decode(first, TOKEN).payload == codec.decode(third, TOKEN).payload


def test_values_are_read_from_words(client):
    spec = client.spec
    assert spec.property("speaker.mute").parse("on") is True
    assert spec.property("speaker.volume").parse("0x28") == 40
    assert spec.property("indicator-light.color").parse("0xff8000") == 0xFF8000
    colour = spec.property("indicator-light.color")
    assert colour.parse("#FF8000") == colour.parse("0xff8000") == 0xFF8000
    assert colour.parse(colour.show(0x00000A)) == 0x0A
    for word in ("#ff800", "#ff80000", "#gg8000", "orange", "0x1000000"):
        with pytest.raises(UsageError, match="takes #rrggbb, not"):
            colour.parse(word)
    assert spec.property("play-control.playing-state").parse("Pause") == 2
    for name, word in (("speaker.mute", "maybe"), ("speaker.volume", "loud")):
        with pytest.raises(UsageError, match="takes"):
            spec.property(name).parse(word)


def test_a_speaker_that_did_not_tell_its_address_is_found_by_asking_everybody(owned, monkeypatch):
    asked = []

    def find(device_id, networks):
        asked.append((device_id, list(networks)))
        return OWNED

    monkeypatch.setattr(pairing, "find", find)
    networks = pairing.networks_to_ask(OWNED)
    met = pairing._meet(DID, TOKEN, None, networks, time.monotonic() + 10)
    assert (met.address, met.model) == (OWNED, "mynah.speaker.test")
    assert asked == [(DID, networks)]


def test_only_the_speaker_with_the_right_id_is_found(owned):
    assert pairing.find(DID, (), [OWNED]) == OWNED
    assert pairing.find(DID + 1, (), [OWNED], timeout_s=0.2) is None
    assert pairing.find(DID, (), [NOBODY], timeout_s=0.05) is None


def test_a_virtual_board_is_not_asked_for_on_the_network(monkeypatch):
    loopback = Interface("127.0.0.1", ("127.255.255.255",))
    real = Interface("192.168.1.5", ("192.168.1.255", "255.255.255.255"))
    monkeypatch.setattr("mynah.find.interfaces.interfaces", lambda: [loopback, real])
    for virtual in (NEW, "127.77.1.2"):
        assert pairing.networks_to_ask(virtual) == [loopback]
    for address in (pairing.SET_UP_ADDRESS, "speaker.local"):
        assert pairing.networks_to_ask(address) == [real]


def test_a_damaged_device_file_is_named_and_kept(user):
    user.mkdir()
    (user / "devices.json").write_text('{"kitchen": {"address"')
    with pytest.raises(UsageError, match=r"devices\.json is damaged"):
        devices.find("kitchen")
