"""``mynah virtual`` as a user runs it."""

import json
import re
import signal
import subprocess
import sys

import pytest
import serial

from mynah.cli import cli
from mynah.errors import ImageError, UsageError

_MYNAH = [sys.executable, "-c", "from mynah.cli import main; main()"]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The user's cache folder, in which running boards are told; empty."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("MYNAH_CACHE", str(folder))
    return folder


@pytest.fixture
def virtual(cache):
    """A function that starts ``mynah virtual`` and gives the process and its serial port."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [*_MYNAH, "virtual", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        greeting = ""
        while "Ctrl-C ends it" not in greeting:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            greeting += line
        return process, re.search(r"mpremote connect (\S+) eval", greeting)[1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _mpremote(url, *arguments):
    command = [sys.executable, "-m", "mpremote", "connect", url, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_it_runs_until_ctrl_c_and_keeps_its_flash(virtual, tmp_path):
    flash = tmp_path / "flash.bin"
    process, url = virtual("--flash", flash, "--wifi", "home:secret123")
    code = (
        "with open('kept', 'w') as f: f.write('yes')\n"
        "import network, time\ns = network.WLAN(); s.active(1); s.connect('home', 'secret123')\n"
        "while not s.isconnected(): time.sleep_ms(10)\n"
        "time.sleep(0.3); print('joined')"
    )
    assert _mpremote(url, "exec", code) == "joined\n"
    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "in network 'home'" in talk
    assert "secret123" not in talk
    process, url = virtual("--flash", flash)
    assert _mpremote(url, "exec", "print(open('kept').read())") == "yes\n"
    process.terminate()
    assert process.wait(timeout=20) == 0


def test_a_blank_board_boots_nothing(virtual):
    _, url = virtual("--blank")
    with serial.serial_for_url(url, timeout=5) as port:
        assert b"invalid header: 0xffffffff" in port.read_until(b"invalid header: 0xffffffff")


def test_words_that_exclude_each_other(tmp_path):
    image = tmp_path / "image.bin"
    image.write_bytes(b"\xe9")
    done = subprocess.run(
        [*_MYNAH, "virtual", "--blank", "--image", str(image)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--blank and --image exclude each other" in done.stderr


def _ports(url):
    """The row of ``mynah ports`` for that port, if there is one."""
    command = [*_MYNAH, "ports", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return next((port for port in json.loads(done.stdout) if port["url"] == url), None)


def test_ports_lists_it_while_it_runs(virtual, cache):
    process, url = virtual()
    listed = _ports(url)
    assert listed["kind"] == "virtual"
    with serial.serial_for_url(url, timeout=5):  # its serial port is closed to others meanwhile
        assert _ports(url)["url"] == url
    process.send_signal(signal.SIGINT)
    process.wait(timeout=20)
    assert list(cache.iterdir()) == []
    process, url = virtual()
    process.kill()
    process.wait(timeout=20)
    assert len(list(cache.iterdir())) == 1
    assert _ports(url) is None
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda image: image[:-100], "image is cut off"),
        (lambda image: image[:0x4000], "cut off after 16384 bytes"),
        (lambda _: bytes(range(256)) * 256, "not a firmware image"),
        (lambda image: image[:12] + b"\x05" + image[13:], "for the ESP32-C3, not for the ESP32-S3"),
        (lambda image: image.ljust(17 << 20, b"\0"), "too big: 17408 KB, but the board has 16 MB"),
    ],
)
def test_an_image_that_mynah_flash_refuses_is_refused_before_the_board_starts(
    tmp_path, stock_image, damage, reason
):
    image = tmp_path / "image.bin"
    image.write_bytes(damage(stock_image))
    flash = tmp_path / "flash.bin"
    with pytest.raises(ImageError, match=f"image.bin: .*{reason}|image.bin is {reason}") as refused:
        cli.main(["virtual", "--image", str(image), "--flash", str(flash)], standalone_mode=False)
    assert refused.value.exit_code == 2
    assert not flash.exists()


def test_a_stock_image_is_taken(virtual, tmp_path, stock_image):
    image = tmp_path / "image.bin"
    image.write_bytes(stock_image)
    _, url = virtual("--image", image)
    assert _mpremote(url, "exec", "print('runs')") == "runs\n"


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (":secret123", "the network has no name"),
        ("", "the network has no name"),
        ("é" * 17 + ":secret123", "longer than 32 bytes"),
        ("home:secret1", "'home' has 7 characters, not 8 to 63"),
        ("home:" + "secret12" * 8, "has 64 characters"),
        ("home:", "has 0 characters.* open network"),
    ],
)
def test_a_network_that_cannot_be_is_refused(network, reason):
    with pytest.raises(UsageError, match=reason) as refused:
        cli.main(["virtual", "--wifi", network], standalone_mode=False)
    assert "secret" not in str(refused.value)
