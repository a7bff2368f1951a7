"""``mynah virtual`` as a user runs it."""

import re
import signal
import subprocess
import sys

import pytest
import serial

_MYNAH = [sys.executable, "-c", "from mynah.cli import main; main()"]


@pytest.fixture
def virtual():
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
        return process, re.search(r"mpremote connect (\S+) repl", greeting)[1]

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
