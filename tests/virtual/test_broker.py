"""A log and other programs on one port: unmodified mpremote and esptool through the broker."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from mynah.link.place import Place
from mynah.link.port import open_port
from mynah.link.shares import find_share
from mynah.logs.follow import follow_lines
from mynah.virtual.board import VirtualBoard
from mynah.virtual.factory import flash_content

TALKER = """
import time
n = 0
while True:
    print('I', time.ticks_ms(), 'talker: line', n)
    n += 1
    time.sleep_ms(2)
"""


class Follower:
    """`mynah logs` in a thread: what it has read."""

    def __init__(self, url):
        self.lines = []
        self.said = []
        self._stop = threading.Event()
        self._url = url
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def is_served(self):
        """Whether it reads what a broker passes on, and has given its own end of the port away."""
        return any("a broker serves" in text for text in self.said)

    def _run(self):
        for lines in follow_lines(Place(self._url), talk=self.said.append, stop=self._stop):
            self.lines += lines

    def close(self):
        self._stop.set()
        self._thread.join()


@pytest.fixture
def wait_for(wait_for):
    """Patient: a process has to start, on a computer that may be busy."""
    return lambda condition: wait_for(condition, timeout_s=30)


@pytest.fixture
def board(tmp_path, monkeypatch):
    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path / "cache"))
    with VirtualBoard(content=flash_content()) as board:
        yield board


@pytest.fixture
def follow(wait_for):
    followers = []

    def start(board):
        followers.append(Follower(board.url))
        wait_for(lambda: find_share(board.url))
        return followers[-1]

    yield start
    for follower in followers:
        follower.close()


def mpremote(url, *arguments):
    command = [sys.executable, "-m", "mpremote", "connect", url, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def numbers(lines):
    return [int(found[1]) for line in lines if (found := re.search(r"talker: line (\d+)$", line))]


def brokers(path):
    """The processes that hold a share's sockets."""
    found = subprocess.run(
        ["pgrep", "-f", f"mynah.link.broker_process.*{re.escape(str(path))}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(pid) for pid in found.stdout.split()]


def test_mpremote_and_a_log_share_a_board_and_no_line_is_lost(board, follow, tmp_path, wait_for):
    cache = tmp_path / "cache"
    log = follow(board)
    url = find_share(board.url).url
    assert brokers(cache) == []  # nobody else needs the port
    assert mpremote(url, "eval", "6 * 7") == "42\n"
    assert len(brokers(cache)) == 1
    wait_for(lambda: "42" in "".join(log.lines))
    # A program talks all the time, while others come and go.
    mpremote(url, "exec", "--no-follow", TALKER)
    wait_for(lambda: len(numbers(log.lines)) > 50)
    second = Follower(board.url)  # finds the broker by the board's own name
    wait_for(lambda: len(numbers(second.lines)) > 50)
    with open_port(url) as third:
        wait_for(lambda: third.read(200))
    second.close()
    reached = numbers(log.lines)[-1]
    wait_for(lambda: numbers(log.lines)[-1] > reached + 50)
    assert mpremote(url, "exec", "print('stopped')") == "stopped\n"
    for follower in (log, second):
        seen = numbers(follower.lines)
        assert seen == list(range(seen[0], seen[0] + len(seen)))
    assert numbers(log.lines)[0] == 0
    log.close()
    wait_for(lambda: not brokers(cache))  # nobody is left
    assert find_share(board.url) is None
    with open_port(board.url):
        pass


def test_the_hand_over_itself_loses_no_line(board, follow, wait_for):
    """The talker talks before, while and after the broker takes the port."""
    with open_port(board.url) as port:
        port.write(b"\r\x03\x01")
        time.sleep(0.3)
        port.write(TALKER.encode() + b"\x04")
    log = follow(board)
    wait_for(lambda: len(numbers(log.lines)) > 50)
    with open_port(find_share(board.url).url):
        wait_for(lambda: log.is_served)
        reached = numbers(log.lines)[-1]
        wait_for(lambda: numbers(log.lines)[-1] > reached + 100)
    seen = numbers(log.lines)
    assert seen == list(range(seen[0], seen[0] + len(seen)))


def test_esptool_through_the_broker_while_a_log_follows(board, follow, esptool, tmp_path, wait_for):
    log = follow(board)
    url = find_share(board.url).url
    through = SimpleNamespace(url=url)
    data = os.urandom(40_000)
    image = tmp_path / "image.bin"
    image.write_bytes(data)
    text = esptool(through, "--baud", "921600", "write-flash", "0x300000", image)
    assert "Hash of data verified" in text
    assert board.flash.read(0x300000, len(data)) == data
    wait_for(lambda: [line for line in log.lines if line.startswith("MicroPython ")])
    # The ROM's words on both resets are there, and esptool's packets are told in a line or two.
    assert sum(line.startswith("ESP-ROM:esp32s3") for line in log.lines) >= 2
    assert any("DOWNLOAD" in line for line in log.lines)
    assert len(log.lines) < 60


@pytest.mark.skipif(sys.platform != "linux", reason="needs pgrep")
def test_kill_9_of_the_broker_leaves_the_port_free(board, follow, tmp_path, wait_for):
    log = follow(board)
    with open_port(find_share(board.url).url):
        wait_for(lambda: brokers(tmp_path / "cache"))
        (pid,) = brokers(tmp_path / "cache")
        wait_for(lambda: log.is_served)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: f"{board.url} is back" in log.said)
    assert f"{board.url} vanished; waiting for it" in log.said
    assert mpremote(find_share(board.url).url, "eval", "1 + 1") == "2\n"


def test_kill_9_of_the_log_leaves_the_port_free(board):
    command = [sys.executable, "-c", "from mynah.cli import main; main()", "logs"]
    with subprocess.Popen(
        [*command, "--port", board.url], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as log:
        try:
            assert b"others may use" in log.stderr.readline()
            assert find_share(board.url)
        finally:
            log.kill()
    assert find_share(board.url) is None
    assert mpremote(board.url, "eval", "1 + 1") == "2\n"


def test_two_who_talk_take_turns(board, follow, wait_for):
    log = follow(board)
    url = find_share(board.url).url
    texts = {}

    def run(name):
        texts[name] = mpremote(url, "exec", f"import time; time.sleep(1); print('{name}' * 3)")

    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == {"a": "aaa\n", "b": "bbb\n"}
    assert log.lines


def test_mynah_broker_keeps_its_address_until_ctrl_c(board, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        tcp = free.getsockname()[1]
    command = [sys.executable, "-c", "from mynah.cli import main; main()", "broker"]
    with subprocess.Popen(
        [*command, "--port", board.url, "--tcp", str(tcp)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as broker:
        try:
            assert broker.stdout.readline() == f"rfc2217://127.0.0.1:{tcp}\n"
            assert mpremote(f"rfc2217://127.0.0.1:{tcp}", "eval", "1 + 1") == "2\n"
            assert mpremote(f"rfc2217://127.0.0.1:{tcp}", "eval", "2 + 2") == "4\n"
            logs = subprocess.run(
                [*command[:-1], "logs", "--port", board.url, "--reset", "--until", "MicroPython "],
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
            assert "ESP-ROM:esp32s3" in logs.stdout
            broker.send_signal(signal.SIGINT)
            _, talk = broker.communicate(timeout=20)
            assert broker.returncode == 130, talk
        finally:
            broker.kill()
    assert find_share(board.url) is None
