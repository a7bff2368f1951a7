"""mDNS: who looks for the speaker finds it. The peers are zeroconf and python-miio, as they are."""

import contextlib
import json
import socket
import subprocess
import sys
import threading

import pytest
import zeroconf
from click.testing import CliRunner
from loopback import own_address

from mynah.cli import cli
from mynah.hil.controls import wait_until
from mynah.miio import devices, pairing

pytestmark = [
    pytest.mark.skipif(
        sys.platform == "darwin", reason="macOS gives each test the same loopback address"
    ),
    pytest.mark.needs("virtual"),  # the peers are on this computer's loopback network
]

TYPE = "_miio._udp.local."
GROUP, PORT = "224.0.0.251", 5353


@pytest.fixture(scope="module")
def network():
    """zeroconf, on the interface where virtual boards are, at an address of its own."""
    with zeroconf.Zeroconf(interfaces=[own_address()]) as peer:
        yield peer


@pytest.fixture
def model(paired):
    return paired.info()["model"]


@pytest.fixture
def name(paired, model):
    """What the board is called when nobody else is."""
    return f"{model.replace('.', '-')}_miio{paired.hello().device_id}.{TYPE}"


class Browser:
    """What zeroconf says about instances of the service."""

    def __init__(self, network, wanted):
        self.events = []
        self._wanted = wanted
        self._browser = zeroconf.ServiceBrowser(network, TYPE, handlers=[self._on_change])

    def _on_change(self, zeroconf, service_type, name, state_change):
        if name in self._wanted:
            self.events.append((state_change.name, name))

    def wait_for(self, *events):
        wait_until(lambda: self.events == list(events), 20, f"{events}, not {self.events}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._browser.cancel()


def resolve(network, name):
    info = network.get_service_info(TYPE, name, timeout=5000)
    assert info, f"{name} is not resolved"
    return info


@pytest.mark.proves("socket mdns")
def test_it_is_browsed_and_resolved(network, paired, model, name):
    with Browser(network, [name]) as browser:
        browser.wait_for(("Added", name))
    info = resolve(network, name)
    mac = paired.info()["mac"].replace(":", "").lower()
    assert info.parsed_addresses() == [paired.address]
    assert info.port == 54321
    assert info.server == f"mynah-{mac[-4:]}.local."
    assert info.decoded_properties == {"path": "/mydevice", "mac": mac, "model": model}


def test_types_and_host_names_are_answered_too(network, paired, name):
    assert TYPE in zeroconf.ZeroconfServiceTypes.find(zc=network, timeout=3)
    host = zeroconf.AddressResolverIPv4(resolve(network, name).server)
    assert host.request(network, 5000)
    assert host.parsed_addresses() == [paired.address]


def run(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_python_miio_hears_it_answer_a_broadcast(paired):
    code = (
        "import logging; logging.basicConfig(level='INFO')\n"
        "from miio.miioprotocol import MiIOProtocol\n"
        "MiIOProtocol.discover(timeout=1)\n"
    )
    said = run(code).stderr
    if "Network is unreachable" in said:
        pytest.skip("this computer has no network to broadcast in")
    assert f"IP {paired.address} (ID: {paired.hello().device_id:08x})" in said
    assert paired._token.hex() not in said


def test_python_miio_discovers_it_by_mdns(paired):
    code = (
        "import json, logging; logging.basicConfig(level='INFO')\n"
        "from miio.discovery import Discovery\n"
        "found = Discovery.discover_mdns(timeout=2)\n"
        "print(json.dumps({address: type(device).__name__ for address, device in found.items()}))\n"
        "import os; os._exit(0)\n"  # its threads do not end
    )
    done = run(code)
    # It knows no such model, so takes what serves for any MIoT device.
    assert json.loads(done.stdout or "{}").get(paired.address) == "GenericMiot", done.stderr


def test_mynah_find_finds_it_both_ways_and_keeps_its_address(paired, model, tmp_path, monkeypatch):
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path))
    device_id = paired.hello().device_id
    old = own_address()
    known = devices.Device(old, paired._token.hex(), device_id, "30:ED:A0:00:00:01", model)
    devices.remember("kitchen", known)
    done = CliRunner().invoke(cli, ["find", "--json"])
    [found] = [each for each in json.loads(done.stdout) if each["name"] == "kitchen"]
    assert found["found_by"] == ["hello", "mdns"]
    assert found["address"] == devices.find("kitchen").address == paired.address
    assert (found["model"], found["device_id"], found["moved_from"]) == (model, device_id, old)
    assert found["rssi"] == paired.info()["ap"]["rssi"]
    assert paired._token.hex() not in done.output


def test_pairing_finds_it_by_asking_everybody_on_this_computer(paired, board):
    networks = pairing.networks_to_ask(board.virtual.ap_address)
    assert pairing.find(paired.hello().device_id, networks) == paired.address


def test_it_has_left_when_it_restarts_and_comes_back(network, paired, name):
    with Browser(network, [name]) as browser:
        browser.wait_for(("Added", name))
        paired.call("miIO.reboot")
        browser.wait_for(("Added", name), ("Removed", name))
        browser.wait_for(("Added", name), ("Removed", name), ("Added", name))


def test_its_name_is_defended(network, paired, name):
    with pytest.raises(zeroconf.NonUniqueNameException):
        network.register_service(stranger(name))


def test_a_namesake_that_was_there_first_keeps_the_name(network, paired, name, wifi):
    second = name.replace("_miio", "-2_miio", 1)
    with contextlib.ExitStack() as stack:
        with wifi.dropped(wifi.joined):
            other = zeroconf.Zeroconf(interfaces=[own_address()])  # it knows nobody yet
            stack.enter_context(other)
            other.register_service(stranger(name))
            browser = stack.enter_context(Browser(network, [second]))
        browser.wait_for(("Added", second))
        assert resolve(network, second).parsed_addresses() == [paired.address]
        assert resolve(other, name).parsed_addresses() == ["127.0.0.9"]


def stranger(name):
    return zeroconf.ServiceInfo(
        TYPE, name, 9, server="stranger.local.", parsed_addresses=["127.0.0.9"]
    )


def test_no_packet_has_the_token(network, paired, device):
    """Of all that is multicast while the board starts and is asked."""
    packets = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((GROUP, PORT))
        membership = socket.inet_aton(GROUP) + socket.inet_aton("127.0.0.1")
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        listener.settimeout(0.1)
        done = threading.Event()

        def listen():
            while not done.is_set():
                try:
                    packet, (address, _) = listener.recvfrom(2000)
                except TimeoutError:
                    continue
                if address == paired.address:
                    packets.append(packet)

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            device.reset()
            device.expect(r" mdns: mynah", 20)
            wait_until(lambda: len(packets) > 4, 10, "three probes and two announcements")
        finally:
            done.set()
            thread.join()
    token = paired._token
    for packet in packets:
        assert token not in packet
        assert token.hex().encode() not in packet.lower()
        assert len(packet) < 512
