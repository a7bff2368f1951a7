"""The doctor and boards in the states that users get them into."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait

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

# pyserial starts its thread the way Python deprecates, and what hides that is not for threads.
pytestmark = pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning")

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


def stopped_by_ctrl_c(_):
    raise KeyboardInterrupt


def test_ctrl_c_leaves_the_speaker_running(owned, air):
    air.add(SSID, PASSWORD)
    with pytest.raises(KeyboardInterrupt):
        examine(Host(), port=owned.url, question=stopped_by_ctrl_c)
    found = examine(Host(), port=owned.url, reset=False)
    assert any(each.topic == "firmware" for each in found.looked)


def speaker(changes):
    """A speaker's flash with some files changed; None: without that file."""
    changed = speaker_files(models=()) | changes
    return with_files({path: data for path, data in changed.items() if data is not None}, SIZE)


def damaged(offset, at):
    """A flash in whose part at ``offset`` one byte is another."""
    parts = dict(flash_content())
    data = bytearray(parts[offset])
    data[at] ^= 0xFF
    return list((parts | {offset: bytes(data)}).items())


# state -> (content of the flash, causes that are found)
STATES = {
    "empty flash": (list, ["flash-empty"]),
    "boot loader for another chip": (lambda: damaged(0, 12), ["boot-loader-damaged"]),
    "damaged boot loader": (lambda: damaged(0, 64), ["boot-loader-damaged"]),
    "damaged partition table": (lambda: damaged(0x8000, 4), ["partition-table-damaged"]),
    "damaged MicroPython": (lambda: damaged(0x10000, 0x100), ["application-damaged"]),
    "MicroPython alone": (flash_content, ["no-firmware"]),
    "damaged filesystem": (
        lambda: [*flash_content(), (0x200000, b"\x55" * 0x2000)],
        ["filesystem-damaged"],
    ),
    "little room": (
        lambda: with_files({"/mine.bin": bytes(1800 * 1024)}, SIZE),
        ["no-firmware", "filesystem-almost-full"],
    ),
    "program of somebody else": (
        lambda: speaker({"/main.py": b"print('mine')\nimport time\nwhile 1: time.sleep(1)\n"}),
        ["other-program"],
    ),
    "main.py resets the board": (
        lambda: speaker({"/main.py": b"import machine\nmachine.reset()\n"}),
        ["boot-loop"],
    ),
    "no main.py": (lambda: speaker({"/main.py": None}), ["files-missing"]),
    "no board.json": (
        lambda: speaker({"/board.json": None}),
        ["board-file", "files-missing"],
    ),
    "a file of another version": (
        lambda: speaker({"/speaker/net/wifi.mpy": b"M\x01\x00\x1f"}),
        ["firmware-crash"],
    ),
    "new": (lambda: speaker({}), ["no-wake-model", "wifi-not-set-up"]),
    "BOOT is held": (lambda: speaker({}), ["download-mode"]),
}
SIZE = 4 * MIB


def diagnosis_of(state):
    content, _ = STATES[state]
    with VirtualBoard(content=content(), flash_size=SIZE) as board:
        if state == "BOOT is held":
            board.world.buttons.hold(BOOT)
        return examine(Host(), port=board.url)


@pytest.fixture(scope="module")
def diagnoses():
    """What is found of a board in each state, all at once: most of the time they wait."""
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(5) as pool:
        patch.setattr(conversation, "_LISTEN_S", 0.3)
        patch.setattr(conversation, "_IDLE_S", 4.0)
        futures = {state: pool.submit(diagnosis_of, state) for state in STATES}
        wait(futures.values())
    return futures


@pytest.mark.parametrize("state", STATES)
def test_what_is_wrong_with_a_board_in_each_state(diagnoses, state):
    found = diagnoses[state].result()
    assert causes(found) == STATES[state][1], found.findings
    assert all(each.evidence and each.do for each in found.findings)


def test_boards_without_firmware_exit_with_6():
    with VirtualBoard(content=flash_content()) as board:
        shown = CliRunner().invoke(cli, ["doctor", "--port", board.url])
    assert isinstance(shown.exception, VerificationError)
    assert shown.exception.exit_code == 6
    assert "[fault: no-firmware]" in shown.stdout


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
