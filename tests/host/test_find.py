"""`mynah find`: devices by hello and mDNS, told apart, and followed when they move."""

import contextlib
import json
import secrets
import socket
import sys
import threading

import pytest
import zeroconf
from click.testing import CliRunner
from loopback import addresses, own_address
from miot_process import Board

from mynah.cli import cli
from mynah.errors import BoardTimeoutError
from mynah.find import adverts, interfaces, moved, open_known, search
from mynah.find.hello import hellos
from mynah.find.search import HELLO, MDNS, Found
from mynah.miio import codec, devices
from mynah.miio.devices import Device

pytestmark = pytest.mark.skipif(
    sys.platform == "darwin", reason="macOS has one loopback address: one speaker at a time"
)

DID = secrets.randbelow(1 << 32)  # nobody else's on this computer, whose tests hear each other
TOKEN = "00112233445566778899aabbccddeeff"
MODEL = "mynah.speaker.test"


@pytest.fixture(scope="module")
def owned(tmp_path_factory):
    """The firmware's own miIO server, with an owner."""
    board = Board(own_address(), "owned", tmp_path_factory.mktemp("owned"), f"did={DID}")
    yield board
    board.close()


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    board = Board(own_address(), "new", tmp_path_factory.mktemp("new"))
    yield board
    board.close()


@pytest.fixture
def user(tmp_path, monkeypatch):
    """A function that makes this user's file of paired devices."""
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path))

    def remember(address, name="kitchen", device_id=DID):
        device = Device(address, TOKEN, device_id, "30:ED:A0:00:00:01", MODEL)
        devices.remember(name, device)
        return device

    return remember


@contextlib.contextmanager
def advertised(address, label=None, device_id=DID):
    """zeroconf announces a device at that address, until the end."""
    label = label or f"mynah-speaker-{secrets.token_hex(4)}"
    info = zeroconf.ServiceInfo(
        adverts.TYPE,
        f"{label}_miio{device_id}.{adverts.TYPE}",
        codec.PORT,
        properties={"path": "/mydevice"},
        server=f"{label}-{secrets.token_hex(4)}.local.",
        parsed_addresses=[address],
    )
    with zeroconf.Zeroconf(interfaces=[own_address()]) as network:
        network.register_service(info)
        yield info.server


class Pretender:
    """Answers hellos with any device's number, and nothing else."""

    def __init__(self, address, device_id, port=codec.PORT):
        header = codec.hello_request()[:4] + bytes(4) + device_id.to_bytes(4, "big")
        self._reply = header + bytes(4) + b"\xff" * 16
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self.port = self._socket.getsockname()[1]
        self.n_hellos = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while True:
            data, peer = self._socket.recvfrom(4096)
            if not data:
                return
            if data == codec.hello_request():
                self.n_hellos += 1
                self._socket.sendto(self._reply, peer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        own = self._socket.getsockname()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopper:
            stopper.sendto(b"", own)
        self._thread.join()
        self._socket.close()


def at(address, found):
    """The one entry of that address, None: there is none."""
    matching = [each for each in found if each.address == address]
    assert len(matching) <= 1
    return matching[0] if matching else None


def test_everybody_in_every_network_is_said_hello_to():
    with Pretender("0.0.0.0", 77, port=0) as device:
        answers = list(hellos(0.3, port=device.port))
    everywhere = {each.address for each in interfaces.interfaces()}
    assert {answer.device_id for answer in answers} == {77}
    assert "127.0.0.1" in {answer.address for answer in answers} <= everywhere
    assert len(answers) == len({answer.address for answer in answers}) < device.n_hellos
    assert all(answer.token is None for answer in answers)


def test_broadcast_addresses_follow_from_the_mask(monkeypatch):
    import ifaddr

    def ip(address, prefix):
        return ifaddr.IP(address, prefix, "x")

    rows = [
        ip("192.168.1.20", 24),
        ip("10.0.0.1", 30),
        ip("10.9.9.9", 32),
        ip(("fe80::1", 0, 2), 64),
    ]
    adapter = ifaddr.Adapter("x", "x", [*rows, ip("127.0.0.1", 8)])
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: [adapter])
    assert {each.address: each.everybody for each in interfaces.interfaces()} == {
        "192.168.1.20": ("192.168.1.255", "255.255.255.255"),
        "10.0.0.1": ("10.0.0.3", "255.255.255.255"),
        "127.0.0.1": ("127.255.255.255",),
    }


def test_a_paired_speaker_is_found_at_its_address_by_name(owned, user):
    kitchen = user(owned.address)
    shown = []
    found = at(owned.address, search(0.5, known={"kitchen": kitchen}, on_change=shown.append))
    assert (found.name, found.model, found.device_id) == ("kitchen", MODEL, DID)
    assert (found.paired, found.rssi, found.moved_from) == (True, -50, None)
    assert found.found_by == (HELLO,)
    first = next(filter(None, (at(owned.address, each) for each in shown)))
    assert first.rssi is None  # it is shown before it has told all
    assert TOKEN not in json.dumps(found.data()) + repr(found)


def test_somebody_elses_device_is_found_by_mdns_alone(owned):
    with advertised(owned.address, "zhimi-airpurifier-v7") as server:
        wanted = owned.address, (HELLO, MDNS)
        all_found = search(10, until=lambda each: (each.address, each.found_by) == wanted)
        found = at(owned.address, all_found)
    assert (found.name, found.model, found.device_id) == (None, "zhimi.airpurifier.v7", DID)
    assert (found.paired, found.rssi, found.host) == (True, None, server.rstrip("."))
    assert found.found_by == (HELLO, MDNS)


def test_an_advert_is_worth_less_than_a_hello(owned):
    """Somebody says by mDNS that another device is where this one is."""
    with advertised(owned.address, "rude-device-v1", device_id=DID ^ 1):
        found = at(owned.address, search(2.5))
    assert (found.device_id, found.model, found.found_by) == (DID, None, (HELLO,))


def test_a_new_speaker_tells_what_it_is(new, user):
    found = at(new.address, search(0.5, known={"attic": user(new.address, "attic", 5)}))
    assert (found.model, found.paired, found.name) == (MODEL, False, None)
    assert found.token is not None
    assert found.token.hex() not in json.dumps(found.data()) + repr(found)


def test_a_speaker_that_has_moved_is_followed_and_its_address_kept(owned, user):
    with addresses(1) as [old]:
        user(old)
        said = []
        with advertised(owned.address), open_known("kitchen", talk=said.append) as client:
            assert client.get("speaker.volume") is not None
    assert devices.find("kitchen") == Device(owned.address, TOKEN, DID, "30:ED:A0:00:00:01", MODEL)
    assert said == [
        f"kitchen does not answer at {old}: looking for it ...",
        f"kitchen is at {owned.address} now",
    ]


def test_control_follows_a_speaker_whose_address_another_device_has(owned, user):
    with (
        addresses(1) as [old],
        Pretender(old, DID + 1),
        advertised(owned.address),
    ):
        user(old)
        done = CliRunner().invoke(cli, ["control", "kitchen", "get", "device-information.model"])
    assert done.exception is None
    assert MODEL in done.output
    assert "is not at" in done.output
    assert devices.find("kitchen").address == owned.address


def test_one_lost_hello_is_no_reason_to_give_up(owned, user, monkeypatch):
    user(owned.address)
    monkeypatch.setattr(moved, "_hello_at", lambda _address: None)
    with open_known("kitchen") as client:
        assert client.address == owned.address


def test_who_only_says_to_be_the_speaker_is_not_believed(user):
    with addresses(2) as [old, liar], Pretender(liar, DID), advertised(liar):
        user(old)
        with pytest.raises(BoardTimeoutError, match=r"does not answer at .* and is not found"):
            open_known("kitchen")
        [kitchen] = devices.known().values()
        assert kitchen.address == old
        found = at(liar, search(2.5, known={"kitchen": kitchen}))
        assert (found.name, found.moved_from, found.device_id) == (None, None, DID)


@pytest.mark.parametrize(
    ("name", "text", "model", "device_id"),
    [
        (
            "roborock-vacuum-s5_miio260426251",
            {"path": "/mydevice"},
            "roborock.vacuum.s5",
            260426251,
        ),
        ("yeelink-light-color1_miio", {}, "", None),
        ("lumi-gateway-v3_miio55", {"path": "/x", "epoch": None}, "lumi.gateway.v3", 55),
        ("mynah-speaker-bread-compact_miap56C0", {"model": "m.s.b-c"}, "m.s.b-c", None),
        ("mynah-speaker-x_miap56C0", {}, "mynah.speaker.x", None),
        ("a-b_miio7", {"model": "\x1b[2Jred\n"}, "red", 7),
        ("something else", {}, "", None),
    ],
)
def test_what_an_advert_says(name, text, model, device_id):
    info = zeroconf.ServiceInfo(
        adverts.TYPE,
        f"{name}.{adverts.TYPE}",
        54321,
        properties=text,
        server="device.local.",
        parsed_addresses=["10.0.0.5", "fe80::1"],
    )
    assert adverts.parse(info) == [
        adverts.Advert("10.0.0.5", 54321, model, device_id, "device.local")
    ]


KITCHEN = Found(
    "192.168.1.20",
    DID,
    "kitchen",
    MODEL,
    "mynah-5600.local",
    True,
    (HELLO, MDNS),
    -48,
    "192.168.1.9",
)
LAMP = Found("192.168.1.30", 7, None, "yeelink.light.ct2", None, True, (MDNS,))
UNPAIRED = Found("192.168.4.1", 9, None, MODEL, None, False, (HELLO,), token=bytes(16))


def run(monkeypatch, found, *arguments):
    import mynah.find

    monkeypatch.setattr(mynah.find, "search", lambda *_, **__: found)
    done = CliRunner().invoke(cli, ["find", *arguments])
    assert done.exception is None, done.output
    return done


def test_the_command_shows_a_table_and_keeps_addresses(user, monkeypatch):
    user("192.168.1.9")
    user("192.168.1.10", "attic", 5)
    done = run(monkeypatch, [KITCHEN, LAMP, UNPAIRED])
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[1] == (f"kitchen {MODEL} 192.168.1.20 {DID} yours -48 both").split()
    assert lines[2][:4] == ["yeelink.light.ct2", "192.168.1.30", "7", "paired"]
    assert "new" in lines[3]
    assert "kitchen is at 192.168.1.20 now, no more at 192.168.1.9" in done.stderr
    assert "mynah pair 192.168.4.1 --ssid" in done.stderr
    assert "not found: attic" in done.stderr
    assert devices.find("kitchen").address == "192.168.1.20"


def test_the_command_prints_json(user, monkeypatch):
    user("192.168.1.20")
    kitchen, new = json.loads(run(monkeypatch, [KITCHEN, UNPAIRED], "--json").stdout)
    assert kitchen == {
        "address": "192.168.1.20",
        "device_id": DID,
        "name": "kitchen",
        "model": MODEL,
        "host": "mynah-5600.local",
        "paired": True,
        "found_by": ["hello", "mdns"],
        "rssi": -48,
        "moved_from": "192.168.1.9",
    }
    assert "token" not in new


def test_nobody_there_is_no_error_but_advice(user, monkeypatch):
    assert "nobody answers" in run(monkeypatch, []).stderr
    assert json.loads(run(monkeypatch, [], "--json").stdout) == []
