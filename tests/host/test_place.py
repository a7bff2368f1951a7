"""A port that comes back under another name is found by its USB serial number."""

import socket
import threading
import time
from types import SimpleNamespace

import pytest

from mynah.errors import PortError
from mynah.link.place import Place
from mynah.logs.follow import follow_lines


class Computer:
    """Fakes pyserial's list of ports."""

    def __init__(self, **ports):
        self.ports = ports

    def __call__(self):
        return [
            SimpleNamespace(device=device, serial_number=number)
            for device, number in self.ports.items()
        ]


def test_the_name_may_change_and_another_board_may_take_the_old_one():
    computer = Computer(**{"/dev/ttyACM0": "F4:12:FA:00:00:01", "/dev/ttyUSB0": None})
    place = Place("/dev/ttyACM0", comports=computer)
    assert place.serial_number == "F4:12:FA:00:00:01"
    assert place.find() == "/dev/ttyACM0"
    computer.ports = {"/dev/ttyACM0": "other", "/dev/ttyACM1": "f412fa000001"}
    assert place.find_now() == "/dev/ttyACM1"
    computer.ports = {"/dev/ttyACM0": "other"}
    assert place.find() is None
    with pytest.raises(PortError, match="F4:12:FA:00:00:01: is the board plugged in"):
        place.find_now()


def test_a_port_that_is_away_for_a_moment_is_waited_for():
    looks = iter([Computer(), Computer(), Computer(**{"/dev/ttyACM1": "1234"})])

    def look():
        return next(looks)()

    place = Place(serial_number="1234", comports=look)
    assert place.find_now(patience_s=10.0) == "/dev/ttyACM1"


def test_a_port_without_a_number_keeps_its_name():
    computer = Computer(**{"/dev/ttyUSB0": None})
    assert Place("/dev/ttyUSB0", comports=computer).find() == "/dev/ttyUSB0"
    assert Place("rfc2217://127.0.0.1:4000", comports=computer).find() == "rfc2217://127.0.0.1:4000"


def test_only_the_number_is_known():
    computer = Computer(**{"/dev/ttyACM3": "1234"})
    assert Place(serial_number="1234", comports=computer).find() == "/dev/ttyACM3"


def test_a_log_goes_on_at_the_new_name_of_a_port_that_vanished():
    """pyserial's sockets stand in for the devices: they vanish as those do."""
    with (
        socket.create_server(("127.0.0.1", 0)) as before,
        socket.create_server(("127.0.0.1", 0)) as after,
    ):
        first, second = (f"socket://127.0.0.1:{s.getsockname()[1]}" for s in (before, after))
        computer = Computer(**{first: "AB12"})
        said = []
        log = follow_lines(
            Place(first, comports=computer), deadline=time.monotonic() + 20, talk=said.append
        )
        heard = threading.Event()
        speaker = threading.Thread(target=_speak, args=(before, after, computer, second, heard))
        speaker.start()
        found = []
        for lines in log:
            found += lines
            heard.set()
            if found[-1] == "ESP-ROM:esp32s3":
                break
        log.close()
        speaker.join()
    assert list(dict.fromkeys(found)) == ["I 1 app: one", "I 2 app: last wor", "ESP-ROM:esp32s3"]
    assert said == [f"{first} vanished; waiting for it", f"{second} is back"]


def _speak(before, after, computer, second, heard):
    """A chip with its own USB says two things and resets; it comes back under another name."""
    connection = before.accept()[0]
    with connection:
        while not heard.wait(0.05):  # what comes while pyserial opens a port is dropped
            connection.sendall(b"I 1 app: one\n")
        connection.sendall(b"I 2 app: last wor")
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(10)
        connection.recv(1)
    computer.ports = {second: "ab12"}
    connection = after.accept()[0]
    with connection:
        connection.settimeout(0.05)
        while True:
            connection.sendall(b"ESP-ROM:esp32s3\n")
            try:
                connection.recv(1)
            except TimeoutError:
                continue
            return
