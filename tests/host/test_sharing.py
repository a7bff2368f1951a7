"""A local serial port changes hands in the midst of a log; a pseudo-terminal is the port."""

import contextlib
import os
import socket
import sys
import threading

import pytest
import serial

from mynah.errors import PortError
from mynah.link.broker import Broker
from mynah.link.handover import Handle, take
from mynah.link.port import open_port
from mynah.link.shares import Share, find_share, shares
from mynah.link.sharing import SharedPort

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")

N_LINES = 3000


@pytest.fixture
def device(tmp_path, monkeypatch):
    import pty
    import tty

    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path / "cache"))
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


def test_a_hand_over_in_the_midst_of_a_flood_loses_no_byte(device):
    master, name = device
    sent = b"".join(b"I %d app: line %d\n" % (n, n) for n in range(N_LINES))
    said = []
    port = SharedPort(name, baud=115200, talk=said.append)
    (share,) = shares()
    assert (share.port, share.url) == (name, port.share_url)
    writer = threading.Thread(target=_write_slowly, args=(master, sent))
    got = bytearray()
    guest = None
    try:
        writer.start()
        while len(got) < len(sent):
            got += port.read(4096)
            if guest is None and len(got) > len(sent) // 4:
                guest = threading.Thread(target=_listen, args=(share.url,))
                guest.start()
    finally:
        port.close()
        writer.join()
        guest.join()
    assert bytes(got) == sent
    assert said[1] == f"a broker serves {name} now, as {share.url}"


def _write_slowly(master, data):
    """At about 1 Mbyte/s, so that all of the hand-over happens while bytes come."""
    for start in range(0, len(data), 1000):
        os.write(master, data[start : start + 1000])
        threading.Event().wait(0.02)


def _listen(url):
    with open_port(url) as guest:
        for _ in range(5):
            guest.read(100)


def test_who_has_a_port_is_told_and_a_second_reader_gets_the_same(device):
    master, name = device
    first = SharedPort(name, baud=115200)
    with pytest.raises(PortError, match=f"shared by mynah logs .*: use {first.share_url} meanw"):
        open_port(name)
    got = bytearray()
    stop = threading.Event()
    reader = threading.Thread(target=_read_until, args=(first, stop, got))
    reader.start()
    try:
        with open_port(find_share(name).url) as second:
            found = b""
            while b"second" not in found:
                os.write(master, b"for the second one\n")
                found += second.read(100)
    finally:
        stop.set()
        reader.join()
        first.close()
    assert found in bytes(got)


def _read_until(port, stop, got):
    while not stop.is_set():
        got += port.read(100)


class Recorder:
    """A port that remembers what is done to it."""

    baudrate = 115200
    in_waiting = 0

    def __init__(self):
        self._lines = {"dtr": True, "rts": True}
        self.done = []
        self.closed = threading.Event()

    def read(self, size=1):
        if self.closed.wait(0.05):
            raise serial.SerialException("closed")
        return b""

    def write(self, data):
        self.done.append(data)

    def close(self):
        self.closed.set()

    def __getattr__(self, name):
        return self.__dict__["_lines"][name]

    def __setattr__(self, name, value):
        if name == "baudrate" and value > 10_000_000:
            raise ValueError("not with this crystal")
        if name in {"dtr", "rts", "baudrate"}:
            self.done.append((name, value))
        if name in {"dtr", "rts"}:
            self._lines[name] = value
        else:
            super().__setattr__(name, value)


@pytest.fixture
def served(tmp_path, monkeypatch):
    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path / "cache"))
    port = Recorder()
    share = Share("recorder", "a test")
    thread = threading.Thread(target=Broker(port, share.listener).run)
    thread.start()
    yield port, share.url
    thread.join()  # it ends by itself
    assert port.closed.is_set()
    share.close()


def test_opening_and_closing_moves_no_line(served):
    port, url = served
    for _ in range(2):
        open_port(url).close()
    assert port.done == []


def test_a_web_page_cannot_type_at_a_boards_prompt(served):
    port, url = served
    request = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n\x03import os\r\n"
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=5) as page:
        page.sendall(request)
        with contextlib.suppress(ConnectionResetError):
            while page.recv(1000):
                pass
    open_port(url).close()
    assert port.done == []


@pytest.mark.parametrize(
    "poison",
    [
        b"\xff",
        b"\xff\xf0",
        b"\xff\xfa,\x01\xff\xf0",
        b"\xff\xfa,\x03\x63\xff\xf0",
        b"\xff\xfa,\x05\xff\xf0" + b"\xff\xfa",
        b"\xff\xfa,\x01\xf0\x00\x00\x00\xff\xf0",  # a baud rate of 4,026,531,840
    ],
)
def test_who_speaks_telnet_badly_harms_nobody(served, poison):
    port, url = served
    with (
        open_port(url) as polite,
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as rude,
    ):
        rude.sendall(poison)
        rude.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while rude.recv(1000):
                pass
        polite.write(b"still here")
        while b"still here" not in port.done:
            polite.read(1)
    assert port.done[-1] == b"still here"
    assert port.baudrate == 115200


def test_options_of_an_address_go_with_the_port():
    """A farm's exporter (ser2net) answers no change of a line; `mynah.farm.ports` says so."""
    ours, theirs = socket.socketpair()
    with theirs:
        port = take(Handle("rfc2217://127.0.0.1:1?ign_set_control", ours.detach(), 115200))
        port._network_timeout = 0.5  # how long it would wait for an answer
        port.dtr = False
        port.close()
        assert b"\x05\x09" in theirs.recv(1000)  # SET-CONTROL, DTR off (RFC 2217)


def test_a_client_that_dies_in_mid_reset_leaves_the_board_running(served):
    port, url = served
    client = open_port(url)
    client.baudrate = 921600
    client.dtr = False
    client.rts = True  # EN is low now
    client.write(b"x")
    client.close()
    with contextlib.closing(open_port(url)):  # the broker has seen the first one go
        pass
    assert port.done == [
        ("baudrate", 921600),
        ("dtr", False),
        b"x",
        ("dtr", True),
        ("baudrate", 115200),
    ]
