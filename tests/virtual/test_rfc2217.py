"""The serial port's server, with pyserial's client and with clients that misbehave."""

import contextlib
import socket
import struct
import threading
import warnings

import pytest
import serial

from mynah.errors import PortError
from mynah.link.urlhandler.protocol_rfc2217 import Serial
from mynah.virtual.rfc2217 import SerialServer

ALL_BYTES = bytes(range(256))


class Echo:
    """A device that sends back what it gets and remembers the lines."""

    def __init__(self):
        self.received = bytearray()
        self.lines = []
        self.server = None

    def receive(self, data):
        self.received += data
        self.server.transmit(data)

    def set_lines(self, *, dtr, rts):
        self.lines.append((dtr, rts))


@pytest.fixture
def echo():
    device = Echo()
    device.server = SerialServer(device, "mynah-test-serial")
    yield device
    device.server.close()
    assert "mynah-test-serial" not in [thread.name for thread in threading.enumerate()]


@pytest.fixture
def port(echo):
    with contextlib.closing(Serial(echo.server.url, 115200, timeout=5)) as client:
        yield client


def test_pyserials_own_client(echo):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client = serial.serial_for_url(echo.server.url, 921600, timeout=5)
    assert (client.cts, client.dsr, client.cd, client.ri) == (True, True, True, False)
    client.parity = serial.PARITY_EVEN
    client.write(ALL_BYTES)
    assert client.read(256) == ALL_BYTES
    client.close()


def test_every_byte_passes_in_bulk_and_in_order(port):
    data = ALL_BYTES * 400
    port.write(data)
    assert port.read(len(data)) == data


def test_runs_of_telnets_escape_byte(port):
    for data in (b"\xff", b"\xff" * 1001, b"\xff\xfa,\xff\xf0"):
        port.write(data)
        assert port.read(len(data)) == data


def test_lines_follow_and_drop_when_the_client_goes(echo, port, wait_for):
    port.dtr = False
    port.rts = False
    port.close()
    wait_for(lambda: len(echo.lines) == 5)
    opened = [(True, False), (True, True)]
    assert echo.lines == [*opened, (False, True), (False, False), (False, False)]


def test_what_came_before_a_line_change_is_delivered_before_it(echo, port):
    order = []
    echo.receive = order.append
    echo.set_lines = lambda **lines: order.append(lines)
    dtr_off = b"\xff\xfa,\x05\x09\xff\xf0"
    port._internal_raw_write(b"before" + dtr_off + b"after")
    port.reset_output_buffer()
    assert order == [b"before", {"dtr": False, "rts": True}, b"after"]


def test_purge(echo, port):
    port.write(b"x")
    assert port.read(1) == b"x"
    port.reset_input_buffer()
    port.reset_output_buffer()
    port.write(b"y")
    assert port.read(1) == b"y"


def test_one_client_at_a_time(echo, port):
    with pytest.raises(serial.SerialException, match="refused"):
        Serial(echo.server.url)
    port.close()
    with contextlib.closing(Serial(echo.server.url, timeout=5)) as second:
        second.write(b"hi")
        assert second.read(2) == b"hi"


@pytest.mark.usefixtures("port")  # a client: nobody listens meanwhile
def test_nobody_else_gets_the_port_while_a_client_is_there(echo):
    with pytest.raises(PortError, match="is taken"):
        SerialServer(Echo(), "mynah-test-second", echo.server.tcp_port)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", echo.server.tcp_port))


def connect(server, wait_for):
    """A raw connection that is served; the one before may still be on its way out."""
    found = []

    def connected():
        with contextlib.suppress(ConnectionError):
            raw = socket.create_connection(("127.0.0.1", server.tcp_port), timeout=5)
            found.append(raw)
            if raw.recv(1) == b"\xff":
                return True
            raw.close()
        return False

    wait_for(connected)
    for refused in found[:-1]:
        refused.close()
    return found[-1]


@pytest.mark.parametrize(
    "poison",
    [
        b"",
        b"\xff\xf0",
        b"\xff\xfa,\x01\xff\xf0",
        b"\xff\xfa,\x03\x63\xff\xf0",
        b"\xff\xfa,\x05\xff\xf0" + b"\xff\xfa",
        b"GET / HTTP/1.0\r\n\r\n",
    ],
)
def test_clients_that_break_off_or_do_not_speak_telnet(echo, poison, wait_for):
    rude = connect(echo.server, wait_for)
    rude.sendall(poison)
    rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    rude.close()
    polite = connect(echo.server, wait_for)
    polite.sendall(b"still there?")
    while b"still there?" not in (answer := polite.recv(1000)):
        assert answer
    polite.close()


def test_a_client_that_does_not_read_does_not_stop_the_board(echo, wait_for):
    deaf = connect(echo.server, wait_for)
    deaf.sendall(b"x")
    wait_for(lambda: echo.received)
    for _ in range(300):
        echo.server.transmit(bytes(65536))
    deaf.close()


def test_unplugged_in_mid_transfer(echo, port, wait_for):
    port.write(b"x")
    assert port.read(1) == b"x"
    echo.server.unplug()
    with pytest.raises(serial.SerialException):
        wait_for(lambda: port.read(1) and port.write(b"more"))
    with pytest.raises(serial.SerialException):  # who only asks, as mpremote, would wait for ever
        assert port.in_waiting
    with pytest.raises(serial.SerialException, match="refused"):
        Serial(echo.server.url)
    echo.server.replug()
    with contextlib.closing(Serial(echo.server.url, timeout=5)) as again:
        again.write(b"back")
        assert again.read(4) == b"back"
