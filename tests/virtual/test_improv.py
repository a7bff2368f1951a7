"""Improv over the serial port, with the JavaScript SDK as it is; Ctrl-C with mpremote as it is."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mynah import boards
from mynah.cli import cli
from mynah.errors import BoardError, BoardTimeoutError
from mynah.flash import files, filesystem, partitions
from mynah.improv.serial_door import SerialDoor
from mynah.link.urlhandler.protocol_rfc2217 import Serial
from mynah.miio import JoinError, devices
from mynah.virtual.board import VirtualBoard
from mynah.virtual.factory import flash_content

SDK = "improv-wifi-serial-sdk@2.8.1"
SESSION = Path(__file__).parent / "improv" / "session.mjs"
SSID, PASSWORD = "caf\u00e9 \U0001f600", 'pass "word" \\ 1'
GET_STATE = b"IMPROV\x01\x03\x02\x02\x00\xe5\n"
READY = b"IMPROV\x01\x01\x01\x02\xe2\n"
MAIN = b"import micropython\nmicropython.kbd_intr(-1)\nfrom speaker.app import keyboard\n"


@pytest.fixture(scope="module")
def sdk(tmp_path_factory):
    """The SDK's dist folder."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("there is no node or no npm")
    folder = tmp_path_factory.mktemp("sdk")
    command = ["npm", "pack", SDK, "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm gets no {SDK}: no answer")
    if done.returncode:
        pytest.skip(f"npm gets no {SDK}: {done.stderr.strip()[-200:]}")
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as package:
        package.extractall(folder, filter="data")
    return folder / "package" / "dist"


def content(main=None):
    """The shipped files without a wake word; ``main``: another main.py."""
    board = boards.load("virtual")
    made = files.firmware_files(board, [], files.arch_of(board))
    return made if main is None else {**made, "/main.py": main}


def start(made):
    vfs = partitions.find(partitions.with_filesystem(partitions.stock(), 16 << 20), "vfs")
    return VirtualBoard(content=[*flash_content(), (vfs.offset, filesystem.build(made, vfs.size))])


@pytest.fixture(scope="module")
def speaker():
    board = start(content())
    board.world.wifi.add(SSID, PASSWORD, rssi=-48, channel=13)
    board.world.wifi.add("open", rssi=-70)
    yield board
    board.close()


class Listener:
    """Reads a board's serial port in the background."""

    def __init__(self, board):
        self.port = Serial(board.url, 115200, timeout=0.05)
        self.data = b""
        self._open = True
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        while self._open:
            self.data += self.port.read(max(1, self.port.in_waiting))

    def expect(self, wanted, timeout_s=20):
        deadline = time.monotonic() + timeout_s
        while wanted not in self.data:
            assert time.monotonic() < deadline, f"no {wanted!r} in {self.data[-3000:]!r}"
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._open = False
        self._thread.join()
        self.port.close()


def mpremote(board, *arguments):
    command = [sys.executable, "-m", "mpremote", "connect", board.url, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def boot(board):
    """Reset it and wait until it is ready."""
    with Listener(board) as listener:
        board.reset()
        listener.expect(b"app: ready")


def test_a_session_with_the_sdk_from_npm(speaker, sdk):
    boot(speaker)
    port = str(urlsplit(speaker.url).port)
    command = ["node", str(SESSION), str(sdk), port, SSID, PASSWORD]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout)
    assert seen["info"]["firmware"] == "Mynah"
    assert seen["info"]["chipFamily"] == "ESP32-S3"
    assert re.fullmatch(r"mynah-[0-9a-f]{4}", seen["info"]["name"])
    assert seen["info"]["osName"] == "MicroPython"
    assert seen["networks"] == [
        {"name": SSID, "rssi": -48, "secured": True},
        {"name": "open", "rssi": -70, "secured": False},
    ]
    assert seen["refusal"] == "UNABLE_TO_CONNECT"
    assert (seen["firstState"], seen["stateAfterRefusal"], seen["lastState"]) == (2, 2, 4)
    assert seen["url"] == seen["urlAgain"] == f"miio://{speaker.address}:54321"
    assert seen["name"] == seen["hostname"] == "kitchen"
    assert seen["badHostname"] == "BAD_HOSTNAME"
    assert seen["networkState"]["online"]
    assert seen["networkState"]["urls"] == [seen["url"]]
    assert seen["states"][:1] == [2]
    assert [state for state in seen["states"] if state == 3] == [3, 3]
    assert seen["problems"] == []
    assert speaker.world.wifi.joined == SSID


KEY = hashlib.pbkdf2_hmac("sha1", b"a passphrase", b"with a key", 4096, 32).hex()
ODD = [
    (b"\xff\xfe no text \x80", "secret123", {}),
    (b"x" * 32, "p" * 63, {}),
    (b"  spaces  ", "  spaces  ", {}),
    (b"'\"\\ %s {} \x1b[2J", "'\"\\ %s {}", {}),
    ("\u5bb6\U0001f3e0".encode(), "\u5bc6\u7801\u5bc6\u7801", {}),
    (b"hidden", "secret123", {"hidden": True, "channel": 11}),
    (b"no password", "", {}),
    (b"with a key", KEY, {"password": "a passphrase"}),
]


def test_odd_names_and_passwords(speaker):
    boot(speaker)
    wifi = speaker.world.wifi
    wifi.join_seconds = wifi.scan_seconds = 0.02
    for name, password, options in ODD:
        wifi.add(name, **{"password": password, **options})
    with SerialDoor(speaker.url) as door:
        heard = [each.name for each in door.scan()]
        assert [name in heard for name, *_ in ODD] == ["hidden" not in each[2] for each in ODD]
        for name, password, _ in ODD:
            door.join(name, password, "", lambda _: None)
            (made,) = [each for each in wifi.networks if each.name == name]
            assert wifi.joined == made.ssid
        assert door.finish().address == speaker.address


def test_a_frame_while_it_starts_does_not_stop_it(speaker):
    with Listener(speaker) as listener:
        speaker.reset()
        listener.expect(b"rst:")
        for _ in range(40):  # as a browser that waits for a board it has just flashed
            listener.port.write(GET_STATE)
            time.sleep(0.05)
        listener.expect(b"app: ready")
        listener.expect(b"IMPROV\x01\x01\x01")
        assert b"KeyboardInterrupt" not in listener.data
        assert b"stopped by the keyboard" not in listener.data


def test_mpremote_stops_the_firmware(speaker):
    boot(speaker)
    assert mpremote(speaker, "exec", "print(6 * 7)") == (0, "42\n")
    boot(speaker)
    assert mpremote(speaker, "resume", "exec", "print(6 * 7)")[0] == 0


@pytest.fixture
def user(tmp_path, monkeypatch):
    """A user with no speakers yet."""
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("MYNAH_WIFI_PASSWORD", PASSWORD)


def mynah(capsys, *arguments):
    cli.main(list(arguments), standalone_mode=False)
    return capsys.readouterr()


class Tap:
    """Records what a program hears on the serial port."""

    def __init__(self, monkeypatch):
        self.heard = b""
        read = Serial.read

        def tapped(port, size=1):
            data = read(port, size)
            self.heard += data
            return data

        monkeypatch.setattr(Serial, "read", tapped)


def hold_boot(board, seconds):
    board.world.buttons.press(0, seconds)


def test_mynah_pair_over_the_cable(user, capsys, monkeypatch):
    board = start(content())
    try:
        board.world.wifi.add(SSID, PASSWORD, rssi=-48)
        boot(board)
        tap = Tap(monkeypatch)
        monkeypatch.setenv("MYNAH_WIFI_PASSWORD", "not " + PASSWORD)
        with pytest.raises(JoinError, match="wrong password") as refused:
            mynah(capsys, "pair", "--port", board.url, "--ssid", SSID)
        assert refused.value.reason == "wrong password"
        monkeypatch.setenv("MYNAH_WIFI_PASSWORD", PASSWORD)
        arguments = ("--port", board.url, "--ssid", SSID, "--country", "de", "--json")
        shown = mynah(capsys, "pair", *arguments, "--name", "kitchen")
        assert json.loads(shown.out)["address"] == board.address
        for step in ("listens for the network", "talks to the access point", "has joined"):
            assert step in shown.err
        token = devices.find("kitchen").token
        for secret in (token, PASSWORD, json.dumps(PASSWORD)[1:-1]):
            assert secret not in shown.out + shown.err
            assert secret.encode() not in tap.heard
        assert mynah(capsys, "control", "kitchen", "get", "speaker.volume").out == "60\n"

        # It has an owner now: this computer may change its Wi-Fi, another one may not.
        board.world.wifi.add("garden", PASSWORD)
        mynah(capsys, "pair", "--port", board.url, "--ssid", "garden")
        assert board.world.wifi.joined == "garden"
        assert devices.find("kitchen").token == token
        monkeypatch.setenv("MYNAH_CONFIG", str(Path(os.environ["MYNAH_CONFIG"]) / "another"))
        with pytest.raises(BoardError, match="hold its BOOT button for 5 seconds"):
            mynah(capsys, "pair", "--port", board.url, "--ssid", SSID)
        assert devices.known() == {}
        hold_boot(board, 5.3)
        wait_until(lambda: board.world.wifi.access_point is not None)
        mynah(capsys, "pair", "--port", board.url, "--ssid", SSID)
        assert devices.find("speaker").token == token
        wait_until(lambda: board.world.wifi.access_point is None)
    finally:
        board.close()


def test_ctrl_c_has_the_speaker_go_back_to_what_it_was(speaker, user):
    boot(speaker)
    with SerialDoor(speaker.url) as door:
        door.join(SSID.encode(), PASSWORD, "", lambda _: None)
    speaker.world.wifi.add("slow", PASSWORD, no_dhcp=True)
    command = [sys.executable, "-c", "from mynah.cli import main; main()"]
    command += ["pair", "--port", speaker.url, "--ssid", "slow"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if "waits for an address" in line:
                process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    with Listener(speaker) as listener:
        listener.port.write(GET_STATE)
        listener.expect(b"IMPROV\x01\x01\x01")
        assert b"IMPROV\x01\x01\x01\x03" not in listener.data
        wait_until(lambda: speaker.world.wifi.joined == SSID)
    assert devices.known() == {}


def test_a_port_without_a_speaker_is_said_so(user, capsys):
    board = VirtualBoard(content=flash_content())
    try:
        with pytest.raises(BoardTimeoutError, match="no speaker answers"):
            mynah(capsys, "pair", "--port", board.url, "--ssid", SSID)
    finally:
        board.close()


def wait_until(condition, timeout_s=15):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)


HANGS = {
    "the event loop hangs": b"""
import speaker.app.device as device
def hang(self):
    print("hangs")
    while True:
        pass
async def run(self):
    hang(self)
device.Device.run = run
from speaker.app.main import run
keyboard.begin()
run()
""",
    "it sleeps": b"""
import time
keyboard.begin()
print("hangs")
time.sleep(600)
""",
    "it waits for a restart": b"""
import speaker.app.main as main
class Broken:
    def __init__(self, board):
        print("hangs")
        raise ValueError("broken")
main.Speaker = Broken
keyboard.begin()
main.run()
""",
    "a supervisor's task keeps failing": b"""
from speaker.app.console import Console
async def run(self):
    print("hangs")
    raise ValueError("broken")
Console.run = run
from speaker.app.main import run
keyboard.begin()
run()
""",
}


@pytest.mark.parametrize("why", HANGS)
def test_ctrl_c_reaches_the_prompt_when(why):
    board = start(
        content(MAIN + b"try:\n" + indented(HANGS[why]) + b"finally:\n    keyboard.end()\n")
    )
    try:
        with Listener(board) as listener:
            board.reset()
            listener.expect(b"hangs")
            listener.port.write(GET_STATE * 3)
            time.sleep(0.5)
            listener.port.write(b"\x03")
            listener.expect(b">>> ", 10)
            assert b"MicroPython" in listener.data
            listener.port.write(b"1+1\r\n")
            listener.expect(b"\r\n2\r\n", 5)
            board.reset()
            listener.data = b""
            listener.expect(b"hangs")
        assert mpremote(board, "exec", "print(6 * 7)") == (0, "42\n")
    finally:
        board.close()


def indented(code):
    return b"".join(b"    " + line + b"\n" for line in code.strip().split(b"\n"))
