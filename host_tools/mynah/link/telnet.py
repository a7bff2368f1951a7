"""One client of a serial port: Telnet and RFC 2217 on its side, bytes and lines on the board's.

pyserial's ``PortManager`` speaks the protocol; here are the connection and the "serial port" that
it works between. The virtual board's port and the broker both serve such clients.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Any, Protocol

from serial import rfc2217

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RECEIVE_SIZE = 65536
_IAC = rfc2217.IAC


class TelnetError(Exception):
    """What the client sent is not Telnet with RFC 2217."""


class Device(Protocol):
    """What hangs on the serial port; called in the server's thread."""

    def receive(self, data: bytes) -> None:
        """Take bytes that the client sent."""

    def set_lines(self, *, dtr: bool, rts: bool) -> None:
        """Follow the client's control lines; both are off while nobody is connected."""


class Client:
    """A connected client."""

    def __init__(
        self,
        connection: socket.socket,
        device: Device,
        drop_pending: Callable[[], None],
        *,
        lines: bool = False,
        set_baud: Callable[[int], None] | None = None,
    ) -> None:
        """Serve a connection.

        Args:
            connection: the client's.
            device: what hangs on the port.
            drop_pending: forgets what the board sent and the client has not got yet.
            lines: whether DTR and RTS are asserted already; a client asserts them when it opens.
            set_baud: called when the client sets the baud rate; None: any rate will do.
        """
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self.socket = connection
        self.unsent = bytearray()
        """Bytes for the connection, Telnet's own among them."""
        self._device = device
        self._received = bytearray()
        self._telnet = rfc2217.PortManager(
            _Port(self._set_lines, drop_pending, set_baud or (lambda _: None), lines=lines), self
        )

    def write(self, data: bytes) -> None:
        """Queue Telnet's own bytes (`PortManager` calls this)."""
        self.unsent += data

    def queue(self, data: bytes) -> None:
        """Queue bytes from the board."""
        self.unsent += data.replace(_IAC, _IAC + _IAC)

    def receive(self) -> bool:
        """Handle what has arrived; False: the client has gone.

        Raises:
            OSError: the connection broke.
            TelnetError: what came is not Telnet.
        """
        try:
            data = self.socket.recv(_RECEIVE_SIZE)
        except BlockingIOError:
            return True
        try:
            for part in without_telnet(self._telnet, data):
                self._received += part
        except (ValueError, TypeError, KeyError, struct.error) as error:
            raise TelnetError(str(error)) from error
        self._deliver()
        return bool(data)

    def flush(self) -> None:
        """Send as much as the connection takes.

        Raises:
            OSError: the connection broke.
        """
        if self.unsent:
            with contextlib.suppress(BlockingIOError):
                del self.unsent[: self.socket.send(self.unsent)]

    def close(self, *, abort: bool) -> None:
        """Hang up; ``abort``: as a pulled cable, with what is in transit lost."""
        if abort:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _set_lines(self, dtr: bool, rts: bool) -> None:
        self._deliver()  # what came before the change belongs before it
        self._device.set_lines(dtr=dtr, rts=rts)

    def _deliver(self) -> None:
        if self._received:
            data = bytes(self._received)
            self._received.clear()
            self._device.receive(data)


class Filter(Protocol):
    """Takes Telnet out of bytes, one by one; pyserial's ``PortManager`` is one."""

    mode: Any
    suboption: Any

    def filter(self, data: bytes) -> Iterator[bytes]:
        """The bytes that are data."""


def without_telnet(telnet: Filter, data: bytes) -> Iterator[bytes]:
    """Take whole runs of plain bytes past ``telnet``, which goes byte by byte."""
    start = 0
    while start < len(data):
        if telnet.mode != rfc2217.M_NORMAL or telnet.suboption is not None:
            yield from telnet.filter(data[start : start + 1])
            start += 1
            continue
        command = data.find(_IAC, start)
        if command < 0:
            yield data[start:]
            return
        if data[command + 1 : command + 2] == _IAC:
            yield data[start : command + 1]
            start = command + 2
            continue
        yield data[start:command]
        yield from telnet.filter(data[command : command + 1])
        start = command + 1


class _Port:
    """The serial port as `PortManager` wants it: pyserial's attributes."""

    cts = dsr = cd = True
    ri = False

    def __init__(
        self,
        set_lines: Callable[[bool, bool], None],
        drop_pending: Callable[[], None],
        set_baud: Callable[[int], None],
        *,
        lines: bool,
    ) -> None:
        self._baud = 115200
        self._set_baud = set_baud
        self.bytesize = 8
        self.parity = "N"
        self.stopbits = 1
        self.xonxoff = self.rtscts = self.break_condition = False
        self._set_lines = set_lines
        self._drop_pending = drop_pending
        self._dtr = self._rts = lines

    @property
    def baudrate(self) -> int:
        return self._baud

    @baudrate.setter
    def baudrate(self, value: int) -> None:
        self._baud = value
        self._set_baud(value)

    @property
    def dtr(self) -> bool:
        return self._dtr

    @dtr.setter
    def dtr(self, value: bool) -> None:
        self._dtr = value
        self._set_lines(self._dtr, self._rts)

    @property
    def rts(self) -> bool:
        return self._rts

    @rts.setter
    def rts(self, value: bool) -> None:
        self._rts = value
        self._set_lines(self._dtr, self._rts)

    def reset_input_buffer(self) -> None:
        """Drop what the client has not got yet."""
        self._drop_pending()

    def reset_output_buffer(self) -> None:
        """Nothing waits: what the client sends is handed over at once."""
