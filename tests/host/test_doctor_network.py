"""The doctor's way to a speaker over the network, with the firmware's own miIO server."""

import ipaddress
import json
import secrets
import sys

import pytest
from click.testing import CliRunner
from doctor_host import Computer
from loopback import addresses, own_address
from miot_process import Board

from mynah.cli import cli
from mynah.doctor import network
from mynah.doctor.finding import Finding, Looked
from mynah.doctor.host import Host
from mynah.doctor.network import Target, check_network
from mynah.errors import UsageError
from mynah.find.search import Found
from mynah.miio import devices
from mynah.miio.devices import Device

pytestmark = pytest.mark.skipif(
    sys.platform == "darwin", reason="macOS has one loopback address: one speaker at a time"
)

DID = secrets.randbelow(1 << 32)
TOKEN = "00112233445566778899aabbccddeeff"
NOWHERE = "192.0.2.77"  # RFC 5737: a documentation address, which nobody has


@pytest.fixture(scope="module")
def owned(tmp_path_factory):
    """A speaker that has an owner."""
    board = Board(own_address(), "owned", tmp_path_factory.mktemp("owned"), f"did={DID}")
    yield board
    board.close()


@pytest.fixture(autouse=True)
def user(tmp_path, monkeypatch):
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(network, "_WAIT_S", 0.4)  # they are on this computer
    monkeypatch.setattr(network, "_MDNS_S", 0.5)


def device(address, token=TOKEN, number=DID):
    return Device(address, token, number, "30:ED:A0:00:00:01", "mynah.speaker.test")


def look(target, host=None):
    """Causes and topics."""
    items = list(check_network(host or Host(), target))
    found = {each.cause: each for each in items if isinstance(each, Finding)}
    return found, {each.topic: each.text for each in items if isinstance(each, Looked)}


def test_a_speaker_in_order(owned):
    devices.remember("kitchen", device(owned.address))
    shown = CliRunner().invoke(cli, ["doctor", "--name", "kitchen", "--json"])
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.stdout)
    # This MicroPython is a process without a radio: it hears what is sent to its address alone,
    # announces nothing, and started just now.
    found = {each["cause"] for each in told["findings"]}
    assert found == {"no-broadcast", "no-mdns", "restarted-lately"}
    looked = {each["topic"]: each["text"] for each in told["looked"]}
    assert looked["signal"] == "-50 dBm"
    assert {"hello", "token", "version"} <= set(looked)
    assert TOKEN not in shown.output


def test_an_address_alone_tells_who_is_there(owned):
    items = list(check_network(Host(), Target(owned.address)))
    assert any("--name" in getattr(each, "why", "") for each in items)


def test_a_token_of_before(owned):
    stale = device(owned.address, token="ff" * 16)
    found, _ = look(Target(owned.address, "kitchen", stale))
    assert "ff" * 16 not in str(found["token"])
    assert "mynah pair" in found["token"].do[0]


def test_another_device_at_the_address_and_where_ours_is(owned, tmp_path, monkeypatch):
    here = Found(owned.address, DID, "kitchen", found_by=("hello",))
    monkeypatch.setattr(network, "search", lambda **_: [here])
    with addresses(1) as (elsewhere,):
        other = Board(elsewhere, "owned", tmp_path, f"did={DID ^ 1}")
        try:
            found, _ = look(Target(elsewhere, "kitchen", device(elsewhere)))
        finally:
            other.close()
    assert f"device {DID ^ 1}, not {DID}" in found["another-device"].evidence
    assert owned.address in found["moved"].what


def test_a_port_that_is_closed():
    with addresses(1) as (address,):
        found, _ = look(Target(address))
    assert list(found) == ["port-closed"]


def test_what_is_no_address_is_refused():
    with pytest.raises(UsageError, match="'kitchen' is no IPv4 address"):
        list(check_network(Host(), Target("kitchen")))


class TestSilence:
    """Nobody answers: why is told from this computer's addresses and its ARP table."""

    @pytest.fixture
    def computer(self, tmp_path, monkeypatch):
        monkeypatch.setattr(network, "_hello", lambda _: self.answer)
        return Computer(tmp_path)

    answer = None

    @staticmethod
    def host(computer, *own):
        return computer.host(interfaces=lambda: [ipaddress.IPv4Interface(each) for each in own])

    def test_no_network_at_all(self, computer):
        found, _ = look(Target(NOWHERE), self.host(computer, "127.0.0.1/8"))
        assert list(found) == ["computer-offline"]

    def test_another_network(self, computer):
        found, _ = look(Target(NOWHERE), self.host(computer, "127.0.0.1/8", "10.1.2.3/24"))
        assert "10.1.2.3/24" in found["other-network"].evidence[0]

    def test_nobody_there(self, computer):
        computer.write(
            "/proc/net/arp",
            "IP address  HW type  Flags  HW address         Mask  Device\n"
            f"{NOWHERE}  0x1      0x0    00:00:00:00:00:00  *     eth0\n",
        )
        found, _ = look(Target(NOWHERE), self.host(computer, "192.0.2.1/24"))
        assert list(found) == ["not-there"]

    def test_somebody_there_who_does_not_answer(self, computer):
        computer.write(
            "/proc/net/arp",
            "IP address  HW type  Flags  HW address         Mask  Device\n"
            f"{NOWHERE}  0x1      0x2    30:ed:a0:00:00:07  *     eth0\n",
        )
        found, _ = look(Target(NOWHERE), self.host(computer, "192.0.2.1/24"))
        assert "30:ed:a0:00:00:07" in found["no-answer"].evidence[0]

    @pytest.mark.parametrize(
        ("number", "cause"),
        [("EPERM", "blocked-here"), ("ENETUNREACH", "no-route"), ("ECONNREFUSED", "port-closed")],
    )
    def test_an_error_of_sending(self, computer, number, cause, monkeypatch):
        import errno

        monkeypatch.setattr(network, "_hello", lambda _: getattr(errno, number))
        found, _ = look(Target(NOWHERE), self.host(computer, "192.0.2.1/24"))
        assert list(found) == [cause]
