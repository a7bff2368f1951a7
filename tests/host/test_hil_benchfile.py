"""The bench file, and the lock on a port."""

import os
import signal
import subprocess
import sys

import pytest

from mynah.errors import BenchFileError, PortError
from mynah.hil import benchfile
from mynah.hil.lock import PortLock

GOOD = """
[[board]]
name = "kitchen"
type = "bread-compact"
port = "/dev/ttyUSB0"
power = { kind = "uhubctl", location = "1-1.4", port = 2 }
audio = { kind = "soundcard", output = "USB Audio" }
buttons = { mute = { kind = "relay", port = "/dev/ttyUSB9", channel = 2 } }
second_radio = { kind = "nmcli", interface = "wlan1" }
led = { kind = "command", read = "colour-sensor 3" }
firmware = "src"
ready = "^go$"
features = ["co2-sensor"]
notes = "left desk"

[[board]]
name = "rack"
serial_number = "5678"

[[board]]
name = "nowhere"
port = "virtual"
"""


def load(tmp_path, text):
    path = tmp_path / "bench.toml"
    path.write_text(text)
    return benchfile.load(path)


def test_a_bench_file_says_what_is_there(tmp_path):
    kitchen, rack, nowhere = load(tmp_path, GOOD)
    assert (kitchen.name, kitchen.type, kitchen.port) == (
        "kitchen",
        "bread-compact",
        "/dev/ttyUSB0",
    )
    assert kitchen.power == benchfile.Equipment("uhubctl", {"location": "1-1.4", "port": 2})
    assert kitchen.audio.settings == {"output": "USB Audio"}
    assert kitchen.buttons["mute"].settings["channel"] == 2
    assert kitchen.led.settings == {"read": "colour-sensor 3"}
    assert (kitchen.firmware, kitchen.ready) == ("src", "^go$")
    assert kitchen.features == ("co2-sensor",)
    assert (rack.serial_number, rack.port, rack.baud, rack.power) == ("5678", None, 115200, None)
    assert nowhere.is_virtual
    assert not kitchen.is_virtual


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"\[\[board\]\] tables"),
        ("x = 1", r"\[\[board\]\] tables"),
        ("[[board]]\nport = 'x'", "board 1: name is missing"),
        ("[[board]]\nname = 'a'", "give its port or its serial_number"),
        ("[[board]]\nname = 'a'\nport = 'x'\nserial_number = '1'", "port or its serial_number"),
        ("[[board]]\nname = 'a'\nport = 'x'\ncolour = 1", "unknown key colour"),
        ("[[board]]\nname = 'a'\nport = 1", "port must be a str"),
        ("[[board]]\nname = 'a'\nport = 'x'\nfeatures = [1]", "list of strings"),
        ("[[board]]\nname = 'a'\nport = 'x'\npower = 'hub'", "table with a kind"),
        ("[[board]]\nname = 'a'\nport = 'x'\npower = {kind='magic'}", "none of command"),
        ("[[board]]\nname = 'a'\nport = 'x'\npower = {kind='uhubctl'}", "needs location"),
        (
            "[[board]]\nname = 'a'\nport = 'x'\naudio = {kind='feed', port=1}",
            "feed takes no port",
        ),
        (
            "[[board]]\nname = 'a'\nport = 'x'\n[[board]]\nname = 'a'\nport = 'y'",
            "two boards have the name 'a'",
        ),
        (
            "[[board]]\nname = 'a'\nport = 'x'\n[[board]]\nname = 'b'\nport = 'x'",
            "two boards have the port 'x'",
        ),
        ("[[board", "bench.toml"),
    ],
)
def test_a_bench_file_that_is_off_says_why(tmp_path, text, reason):
    with pytest.raises(BenchFileError, match=reason):
        load(tmp_path, text)


def test_there_must_be_a_bench_file(tmp_path):
    with pytest.raises(BenchFileError, match="No such file"):
        benchfile.load(tmp_path / "none.toml")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path))


HOLD = """
import sys
from mynah.hil.lock import PortLock
lock = PortLock(sys.argv[1])
print("has", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(cache):
    """A function that starts another process which holds a port."""
    started = []

    def hold(url):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "has\n"
        return process

    yield hold
    for process in started:
        with process:
            process.kill()


def test_a_port_has_one_session_in_whatever_process(other, tmp_path):
    device = tmp_path / "ttyUSB0"
    device.touch()
    link = tmp_path / "by-id"
    link.symlink_to(device)
    process = other(str(device))
    with pytest.raises(PortError, match=rf"in use by .*\(process {process.pid}\) since"):
        PortLock(str(link))
    with PortLock("rfc2217://127.0.0.1:4000"):
        pass


def test_the_lock_of_a_process_that_was_killed_is_free(other):
    process = other("/dev/ttyX")
    process.send_signal(signal.SIGKILL)
    process.wait()
    with PortLock("/dev/ttyX"), pytest.raises(PortError, match=f"process {os.getpid()}"):
        PortLock("/dev/ttyX")
    PortLock("/dev/ttyX").release()


def test_whoever_waits_gets_it_when_it_is_free(other):
    process = other("/dev/ttyX")
    process.stdin.close()  # it ends
    with PortLock("/dev/ttyX", wait_s=20):
        pass
