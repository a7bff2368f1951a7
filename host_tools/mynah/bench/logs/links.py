"""Where the lines come from: the virtual board's UART at a baud rate, and something like USB."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

from mynah.errors import MynahError
from mynah.link import open_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mynah.virtual.board import VirtualBoard

READY = b"bench: ready"
END = b"bench: end"
LINE = "I %d bench: line %d of a log, as long as lines are\n"
_BOOT_PIN = 0
_ANNOUNCE_S = 0.1
_RAW_REPL = b"\r\x03\x01"
_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
_PROMPT_READS = 100

# In MicroPython on the virtual board; its BOOT button starts the flood.
_PROGRAM = """
import sys, time, machine
pin = machine.Pin(0, machine.Pin.IN, machine.Pin.PULL_UP)
while pin.value():
    print("bench: ready")
    time.sleep_ms(100)
for number in range({n}):
    sys.stdout.write({line!r} % (number, number))
while True:
    print("bench: end")
    time.sleep_ms(100)
"""


class UartLink:
    """A virtual board whose MicroPython logs at a baud rate; nothing waits for a slow reader."""

    def __init__(self, board: VirtualBoard, n_lines: int) -> None:
        self._board = board
        self.url = board.url
        with open_port(board.url) as port:
            port.write(_RAW_REPL)
            seen = b""
            for _ in range(_PROMPT_READS):
                seen += port.read(1)
                seen += port.read(port.in_waiting)
                if seen.endswith(_PROMPT):
                    break
            else:
                raise MynahError("the virtual board's MicroPython does not answer")
            port.write(_PROGRAM.format(n=n_lines, line=LINE).encode() + b"\x04")
            port.flush()
            port.read(2)  # "OK": it has taken the program

    def start(self) -> None:
        """Begin the flood."""
        self._board.world.pins.drive(_BOOT_PIN, 0)


class UsbLink:
    """A pseudo-terminal that is written to as fast as it is read: USB has flow control."""

    def __init__(self, n_lines: int) -> None:
        import tty

        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.url = os.ttyname(self._slave)
        self._n_lines = n_lines
        self._go = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, name="bench usb", daemon=True)
        self._thread.start()

    def start(self) -> None:
        """Begin the flood."""
        self._go.set()

    def close(self) -> None:
        """End it, and wake a writer that nobody reads from."""
        import termios

        self._stop.set()
        self._go.set()
        while self._thread.is_alive():
            with contextlib.suppress(OSError):
                termios.tcflush(self._slave, termios.TCIFLUSH)
            self._thread.join(_ANNOUNCE_S)
        os.close(self._master)
        os.close(self._slave)

    def _send(self) -> None:
        while not self._go.wait(_ANNOUNCE_S):
            os.write(self._master, READY + b"\r\n")
        data = b"".join(
            (LINE % (number, number)).replace("\n", "\r\n").encode()
            for number in range(self._n_lines)
        )
        at = 0
        while at < len(data) and not self._stop.is_set():
            at += os.write(self._master, data[at : at + 4096])
        while not self._stop.wait(_ANNOUNCE_S):
            os.write(self._master, END + b"\r\n")


@contextlib.contextmanager
def uart(baud: int, n_lines: int) -> Iterator[UartLink]:
    """A `UartLink` on a board of its own."""
    from mynah.virtual.board import VirtualBoard
    from mynah.virtual.factory import flash_content

    with VirtualBoard(content=flash_content(), uart_baud=baud) as board:
        yield UartLink(board, n_lines)


@contextlib.contextmanager
def usb(n_lines: int) -> Iterator[UsbLink]:
    """A `UsbLink`."""
    link = UsbLink(n_lines)
    try:
        yield link
    finally:
        link.close()
