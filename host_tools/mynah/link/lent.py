"""An open serial port in the hands of a protocol, while its console stands aside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import serial

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE_S = 10.0


class LentPort:
    """What pyserial's users call of a port; `close` does not close it.

    Args:
        port: it, open, with a short time-out.
        on_data: called with everything that is read; None: nobody.
    """

    def __init__(
        self, port: serial.SerialBase, on_data: Callable[[bytes], None] | None = None
    ) -> None:
        self._port = port
        self._on_data = on_data
        self._first = b""
        self.patient = False
        """Whether `read` waits for all bytes asked for, as without a time-out, but 10 s at most."""

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""
        return len(self._first) + int(self._port.in_waiting)

    def inWaiting(self) -> int:  # noqa: N802 - pyserial's old name, which mpremote uses
        """As `in_waiting`."""
        return self.in_waiting

    @property
    def baudrate(self) -> int:
        """The port's speed."""
        return int(self._port.baudrate)

    @baudrate.setter
    def baudrate(self, baud: int) -> None:
        self._port.baudrate = baud

    def unread(self, data: bytes) -> None:
        """Let ``data`` be what is read next."""
        self._first += data

    def read(self, size: int = 1) -> bytes:
        """Bytes that came; fewer than ``size`` after the port's time-out.

        Raises:
            SerialException: the port vanished, or a patient read waited in vain.
        """
        data, self._first = self._first[:size], self._first[size:]
        deadline = time.monotonic() + _PATIENCE_S
        while len(data) < size:
            new = self._port.read(size - len(data))
            if new and self._on_data is not None:
                self._on_data(new)
            data += new
            if not self.patient:
                break
            if time.monotonic() > deadline:
                raise serial.SerialException("the board stopped in the middle of an answer")
        return data

    def write(self, data: bytes) -> int | None:
        """Send bytes."""
        written: int | None = self._port.write(data)
        return written

    def flush(self) -> None:
        """Wait until they are sent."""
        self._port.flush()

    def close(self) -> None:
        """Nothing: the console owns the port."""
