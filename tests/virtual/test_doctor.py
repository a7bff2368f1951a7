"""The doctor and boards in the states that users get them into."""

import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from doctor_boards import MIB, settings, speaker_files, with_files

from mynah.cli import cli
from mynah.doctor import conversation, listening
from mynah.doctor.host import Host
from mynah.doctor.run import examine
from mynah.errors import VerificationError
from mynah.link import open_port
from mynah.link.shares import find_share
from mynah.miio import devices
from mynah.miio.devices import Device
from mynah.virtual.board import VirtualBoard
from mynah.virtual.factory import flash_content
from mynah.virtual.types import ResetCause

SSID, PASSWORD, TOKEN = "home", "secret123", "00112233445566778899aabbccddeeff"
BOOT = 0


def causes(diagnosis):
    return [each.cause for each in diagnosis.findings]


@pytest.fixture(autouse=True)
def user(tmp_path, monkeypatch):
    """No paired devices; and nothing is to be heard of these boards but their starts."""
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(conversation, "_LISTEN_S", 0.3)


@pytest.fixture(scope="module")
def owned():
    """A speaker that has an owner and knows a network; none is on the air yet."""
    kept = settings(token=TOKEN, owned=True, ssid=SSID, password=PASSWORD)
    content = with_files(speaker_files() | {"/settings.a": kept})
    with VirtualBoard(content=content) as board:
        yield board


@pytest.fixture
def air(owned):
    """The networks around that speaker; none to begin with."""
    owned.world.wifi.clear()
    return owned.world.wifi


def known(board):
    """What this computer knows of the speaker."""
    number = int(board.mac.replace(":", "")[4:], 16)
    return Device(board.address, TOKEN, number, board.mac, "mynah.speaker.virtual")


def test_a_speaker_whose_network_is_not_there(owned, air):
    air.add("Home 5G", "somebody1", rssi=-40)
    found = examine(Host(), port=owned.url)
    assert causes(found) == ["wifi-not-seen"]
    assert "is 'Home 5G' meant?" in found.findings[0].what
    assert {"firmware", "memory", "filesystem"} <= {each.topic for each in found.looked}


def test_a_speaker_that_hears_its_network_weakly(owned, air):
    air.add(SSID, PASSWORD, rssi=-82)
    devices.remember("kitchen", known(owned))
    found = examine(Host(), port=owned.url)
    assert causes(found) == ["wifi-weak"]
    assert {"hello", "token", "broadcast", "mDNS"} <= {each.topic for each in found.looked}


def test_listening_alone_does_not_restart_the_board(owned, air):
    air.add(SSID, PASSWORD)
    found = examine(Host(), port=owned.url, reset=False)
    assert causes(found) == []
    assert ("firmware", "it runs, and answers over the cable") in {
        (each.topic, each.text) for each in found.looked
    }
    assert "boot, memory, filesystem" in [each.topic for each in found.unseen]
    with open_port(owned.url) as port:
        assert b"ESP-ROM" not in port.read(4096)


def test_a_speaker_that_is_new():
    with VirtualBoard(content=with_files(speaker_files(models=()))) as board:
        assert causes(examine(Host(), port=board.url)) == ["no-wake-model", "wifi-not-set-up"]
        board.world.buttons.hold(BOOT)
        assert causes(examine(Host(), port=board.url)) == ["download-mode"]
        board.world.buttons.release(BOOT)


def test_boards_without_firmware_exit_with_6(tmp_path):
    with VirtualBoard(content=flash_content()) as board:
        shown = CliRunner().invoke(cli, ["doctor", "--port", board.url])
        assert isinstance(shown.exception, VerificationError)
        assert shown.exception.exit_code == 6
        assert "[fault: no-firmware]" in shown.stdout
        board.flash.erase(0, board.flash.size)
        board.reset(ResetCause.PWRON)
        assert causes(examine(Host(), port=board.url)) == ["flash-empty"]


def test_a_filesystem_with_little_room():
    content = with_files({"/mine.bin": bytes(1800 * 1024)}, 4 * MIB)
    with VirtualBoard(content=content, flash_size=4 * MIB) as board:
        found = causes(examine(Host(), port=board.url))
        assert found == ["no-firmware", "filesystem-almost-full"]


def test_a_port_that_somebody_has_and_one_that_nobody_offers():
    with VirtualBoard(content=flash_content()) as board:
        url = board.url
    assert causes(examine(Host(), port=url)) == ["port-unusable"]


def test_a_board_whose_reset_line_does_nothing(monkeypatch):
    # So are bridges without a wire to EN, and firmware that drives the chip's own USB itself.
    monkeypatch.setattr(listening, "reset_board", lambda _: None)
    monkeypatch.setattr(conversation, "_SILENCE_S", 0.5)
    with VirtualBoard(content=flash_content()) as board:
        with open_port(board.url) as port:
            port.read_until(b">>> ", 4096)
        found = examine(Host(), port=board.url)
    assert causes(found) == ["no-firmware"]
    assert "the reset line does nothing here" in found.unseen[0].why


def test_a_port_that_comes_and_goes(monkeypatch):
    monkeypatch.setattr(conversation, "_LISTEN_S", 1.5)
    with VirtualBoard(content=flash_content()) as board:

        def shake(doing):
            if doing.startswith("listening"):
                board.unplug()
                board.replug()

        found = examine(Host(), port=board.url, reset=False, talk=shake)
    assert causes(found) == ["port-unstable"]
    assert "went away once" in found.findings[0].what


def test_a_program_of_somebody_else(monkeypatch):
    monkeypatch.setattr(conversation, "_IDLE_S", 1.5)
    program = b"print('my own program')\nimport time\nwhile True: time.sleep(1)\n"
    with VirtualBoard(content=with_files({"/main.py": program})) as board:
        found = examine(Host(), port=board.url)
    assert causes(found) == ["other-program"]
    assert "my own program" in found.findings[0].evidence[0]


def test_a_port_that_mynah_logs_shares(owned, air, tmp_path, monkeypatch):
    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path / "cache"))
    air.add(SSID, PASSWORD)
    command = [sys.executable, "-c", "from mynah.cli import main; main()", "logs"]
    with subprocess.Popen(
        [*command, "--port", owned.url, "--until", "no such line"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as logs:
        try:
            wait_for_share(owned.url)
            found = examine(Host(), port=owned.url)
        finally:
            logs.kill()
            said = logs.stdout.read()
    assert causes(found) == []
    assert "shares" in found.looked[0].text
    assert "app: ready" in said  # who reads the log has lost nothing


def wait_for_share(url):
    deadline = time.monotonic() + 20
    while find_share(url) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
