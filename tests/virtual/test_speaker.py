"""The speaker's firmware on the virtual board, where things go wrong; python-miio is the client."""

import gc
import json
import random
import re
import socket
import threading
import time
import warnings
import zlib

import pytest

from mynah import boards
from mynah.flash import files, filesystem, partitions
from mynah.link.urlhandler.protocol_rfc2217 import Serial
from mynah.virtual.board import VirtualBoard
from mynah.virtual.factory import flash_content

miio = pytest.importorskip("miio")
from miio.miioprotocol import MiIOProtocol  # noqa: E402

# python-miio 0.6 leaves its sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

FLASH_SIZE = 16 << 20
TOKEN = "00112233445566778899aabbccddeeff"
BOOT_BUTTON = 0


@pytest.fixture(autouse=True)
def _no_socket_outlives_its_test():
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def firmware():
    """The files of a board as they are shipped, without a wake word to keep it light."""
    board = boards.load("virtual")
    return files.firmware_files(board, [], files.arch_of(board))


def settings_file(generation=1, **values):
    """One copy of the settings, written by hand from the format's description."""
    values = {"token": TOKEN, "ssid": "home", "password": "secret123", **values}
    body = json.dumps(values).encode()
    checksum = zlib.crc32(body, zlib.crc32(b"%d" % generation))
    return b"mynah1 %d %08x\n%s" % (generation, checksum, body)


class Speaker:
    """A virtual board with these files, and its log."""

    def __init__(self, content):
        vfs = partitions.find(partitions.with_filesystem(partitions.stock(), FLASH_SIZE), "vfs")
        image = filesystem.build(content, vfs.size)
        self.board = VirtualBoard(content=[*flash_content(), (vfs.offset, image)])
        self.world = self.board.world
        self.world.wifi.add("home", "secret123")
        self._all = ""
        self._at = 0  # where the next match is looked for
        self._port = Serial(self.board.url, 115200, timeout=0.05)
        self._open = True
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        while self._open:
            data = self._port.read(max(1, self._port.in_waiting))
            self._all += data.decode(errors="replace")

    @property
    def log(self):
        """What came since the last match or `forget`."""
        return self._all[self._at :]

    @property
    def whole_log(self):
        """Everything, from the first start on."""
        return self._all

    def forget(self):
        """Look only at what comes from now on."""
        self._at = len(self._all)

    def expect(self, pattern, timeout_s=15):
        """Wait for a pattern in what was not matched yet; the match."""
        deadline = time.monotonic() + timeout_s
        while not (found := re.search(pattern, self.log)):
            assert time.monotonic() < deadline, f"no {pattern!r} in:\n{self.log}"
            time.sleep(0.01)
        self._at += found.end()
        return found

    def type(self, text):
        """Type on the console."""
        self._port.write(text.encode())

    def restart(self):
        self.forget()
        self.board.reset()
        self.expect("app: ready")

    def client(self, token=TOKEN, address=None):
        return miio.MiotDevice(address or self.board.address, token, timeout=2, model="mynah")

    def close(self):
        self._open = False
        self._thread.join()
        self._port.close()
        self.board.close()


@pytest.fixture
def speaker(firmware):
    """A function that makes a speaker whose files differ from the shipped ones."""
    made = []

    def make(**changes):
        content = {**firmware, **{f"/{name.replace('__', '.')}": d for name, d in changes.items()}}
        made.append(Speaker({name: data for name, data in content.items() if data is not None}))
        made[-1].restart() if "board__json" not in changes else made[-1].board.reset()
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_pairing_with_python_miio(speaker):
    one = speaker()
    assert re.fullmatch(r"mynah-speaker-virtual_miap[0-9A-F]{4}", one.world.wifi.access_point.ssid)
    hello = MiIOProtocol.discover(one.board.ap_address)
    token = hello.checksum.hex()
    assert token not in {"f" * 32, "0" * 32}
    device = one.client(token, one.board.ap_address)

    def try_to_join(password):
        credentials = {"ssid": "home", "passwd": password, "uid": 0}
        assert device.send("miIO.config_router", credentials) == ["ok"]
        while (state := device.send("miIO.wifi_assoc_state"))["trial"] == "running":
            time.sleep(0.1)
        return state

    state = try_to_join("not the password")
    assert (state["state"], state["reason"]) == ("SET-UP", "wrong password")
    assert one.world.wifi.access_point is not None
    assert one.world.wifi.joined is None
    assert try_to_join("secret123")["state"] == "ONLINE"
    one.expect("set-up network closed")
    assert one.world.wifi.access_point is None
    assert one.world.wifi.joined == "home"
    assert MiIOProtocol.discover(one.board.address).checksum == b"\xff" * 16
    device = one.client(token)
    assert device.info().ip_address == one.board.address

    one.restart()  # it finds home again
    one.expect("wifi: joined home")
    assert device.info(skip_cache=True).accesspoint["ssid"] == "home"
    one.world.buttons.press(BOOT_BUTTON, 10.3)  # the owner forgets it
    one.expect("app: ready")
    assert MiIOProtocol.discover(one.board.ap_address).checksum.hex() not in {token, "f" * 32}
    for secret in (token, "secret123", "not the password"):
        assert secret not in one.whole_log


def test_why_a_network_cannot_be_joined(speaker):
    impatient = b"from speaker.net import wifi\nwifi.ADDRESS_MS = 1000\n"
    one = speaker(main__py=impatient + b"from speaker.app.main import run\nrun()\n")
    wifi = one.world.wifi
    wifi.add("timeout", "the real one", fails_with=15)
    wifi.add("handshake", "the real one", fails_with=204)
    wifi.add("no dhcp", "secret123", no_dhcp=True)
    token = MiIOProtocol.discover(one.board.ap_address).checksum.hex()
    device = one.client(token, one.board.ap_address)
    for ssid, reason in (
        ("timeout", "wrong password"),
        ("handshake", "wrong password"),
        ("no dhcp", "no address"),
    ):
        credentials = {"ssid": ssid, "passwd": "secret123", "uid": 0}
        assert device.send("miIO.config_router", credentials) == ["ok"]
        one.expect(rf"wifi: cannot join {ssid}: {reason}")
        one.expect("net: set-up, " + reason)
        assert device.send("miIO.wifi_assoc_state")["reason"] == reason


def test_a_router_that_vanishes_and_comes_back(speaker):
    one = speaker(settings__a=settings_file())
    one.expect("wifi: joined home")
    one.world.wifi.remove("home")
    one.expect("net: lost the network")
    one.world.wifi.add("home", "secret123")
    one.expect("wifi: joined home")
    assert one.world.wifi.access_point is None


def test_the_network_cannot_stop_it(speaker):
    one = speaker(settings__a=settings_file())
    one.expect("wifi: joined home")
    noise = random.Random(54321)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        speaker_port = (one.board.address, 54321)
        for n in range(300):
            stranger.sendto(noise.randbytes(n * 5), speaker_port)
            packet = b"\x21\x31" + (32 + 16).to_bytes(2, "big") + noise.randbytes(44)
            stranger.sendto(packet, speaker_port)
            if n % 20 == 0:
                time.sleep(0.01)  # the kernel's buffer is no endless one
        stranger.settimeout(0.3)
        with pytest.raises(TimeoutError):
            stranger.recv(100)
    assert one.client().get_property_by(2, 1)[0]["value"] == 60
    assert "Traceback" not in one.whole_log


def test_power_fails_at_every_write_of_a_save(speaker):
    one = speaker(settings__a=settings_file(1, volume=10), settings__b=settings_file(2, volume=20))
    one.expect("wifi: joined home")
    assert one.client().get_property_by(2, 1)[0]["value"] == 20
    seen = []
    for cut_at in range(1, 40):
        old, new = (20, 90) if not seen or seen[-1] == 20 else (90, 20)
        one.client().set_property_by(2, 1, new)
        cut = threading.Event()
        one.board.flash.cut_power_at(cut_at, cut.set)
        deadline = time.monotonic() + 10
        while not cut.is_set() and "settings: saved" not in one.log:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        one.board.power_off()
        one.forget()
        one.board.power_on()
        one.expect("wifi: joined home")  # so the credentials are there as well
        seen.append(one.client().get_property_by(2, 1)[0]["value"])
        assert seen[-1] in {old, new}
        if not cut.is_set():
            break
    else:
        pytest.fail("the save never ends")
    assert len(seen) > 3
    assert "damaged" not in one.whole_log


@pytest.mark.parametrize(
    ("copies", "volume"),
    [
        ((settings_file(1, volume=10), settings_file(2, volume=20)[:-1]), 10),
        ((b"", settings_file(2, volume=20)), 20),
        ((b"\xff" * 64, settings_file(7, volume=20).replace(b"1 7", b"1 8")), None),
    ],
)
def test_damaged_settings(speaker, copies, volume):
    one = speaker(settings__a=copies[0], settings__b=copies[1])
    if volume is None:  # as new, and says so
        hello = MiIOProtocol.discover(one.board.ap_address)
        assert hello.checksum.hex() not in {TOKEN, "f" * 32}
    else:
        one.expect("wifi: joined home")
        assert one.client().get_property_by(2, 1)[0]["value"] == volume
    one.restart()
    assert "Traceback" not in one.whole_log


def test_ctrl_c_gives_the_prompt_and_it_can_be_run_again(speaker):
    one = speaker(settings__a=settings_file())
    one.expect("wifi: joined home")
    one.type("\x03")
    one.expect("app: stopped by the keyboard")
    one.expect(">>> ")
    one.type("from speaker.app.main import run\r\nrun()\r\n")
    one.expect("wifi: joined home")
    assert one.client().get_property_by(2, 1)[0]["value"] == 60
    one.type("\x03")
    one.expect(">>> ")
    assert "Traceback" not in one.whole_log


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "ENOENT"), (b"{", "syntax"), (b"{}", "board.name"), (b'{"name": 3}', "board.name")],
)
def test_a_wrong_board_file_ends_at_the_prompt(speaker, content, words):
    one = speaker(board__json=content)
    one.expect(rf"E \d+ app: board file /board.json: .*{words}")
    one.expect(">>> ")


def test_a_corrupt_model_is_named_and_the_speaker_goes_on(speaker):
    one = speaker(**{"models/okay__wake": b"not a model"})
    one.board.reset()
    assert "okay.wake" in one.expect(r"E \d+ wake: model (\S+): .+")[0]
    one.expect("app: ready")
