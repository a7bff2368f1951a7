"""Where the lines come from: the virtual board's UART, and what programs take for a device."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

from mynah.errors import MynahError
from mynah.link import open_port
from mynah.virtual.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mynah.virtual.board import VirtualBoard

READY = b"bench: ready"
END = b"bench: end"
LINE = "I %d bench: line %d of a log, as long as lines are\n"
_BOOT_PIN = 0
_ANNOUNCE_S = 0.1
_PIECE = 4096
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


class DeviceLink:
    """A pseudo-terminal, for programs the same as a serial device.

    Args:
        n_lines: how long the flood is.
        baud: what a UART sends at, which does not wait for a slow reader: what the terminal's
            buffer cannot take is lost; None: as fast as it is read, as USB, which has flow control.
    """

    def __init__(self, n_lines: int, baud: int | None = None) -> None:
        import tty

        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.url = os.ttyname(self._slave)
        self._n_lines = n_lines
        self._send: Callable[[bytes], object] = self._send_all
        if baud is not None:
            os.set_blocking(self._master, False)
            self._send = Wire(self._send_or_lose, baud)
        self._go = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bench device", daemon=True)
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

    def _run(self) -> None:
        while not self._go.wait(_ANNOUNCE_S):
            self._send(READY + b"\r\n")
        data = b"".join(
            (LINE % (number, number)).replace("\n", "\r\n").encode()
            for number in range(self._n_lines)
        )
        for start in range(0, len(data), _PIECE):
            if self._stop.is_set():
                return
            self._send(data[start : start + _PIECE])
        while not self._stop.wait(_ANNOUNCE_S):
            self._send(END + b"\r\n")

    def _send_all(self, data: bytes) -> None:
        while data and not self._stop.is_set():
            data = data[os.write(self._master, data) :]

    def _send_or_lose(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._master, data)


@contextlib.contextmanager
def uart(baud: int, n_lines: int) -> Iterator[UartLink]:
    """A `UartLink` on a board of its own."""
    from mynah.virtual.board import VirtualBoard
    from mynah.virtual.factory import flash_content

    with VirtualBoard(content=flash_content(), uart_baud=baud) as board:
        yield UartLink(board, n_lines)


@contextlib.contextmanager
def device(n_lines: int, baud: int | None = None) -> Iterator[DeviceLink]:
    """A `DeviceLink`."""
    link = DeviceLink(n_lines, baud)
    try:
        yield link
    finally:
        link.close()
