"""pyserial's RFC 2217 port, without its two bottlenecks.

pyserial 3.5 sends all port settings again, and sleeps 100 ms, whenever a program sets any of them
or a mere timeout. esptool does so twice a command: a command takes 200 ms, reading the chip's
identity 20 s. And it takes what is received apart byte by byte, through a queue: 2 Mbaud are more
than it can follow.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import serial
from serial import rfc2217

from mynah.link.telnet import without_telnet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

_RECEIVE_SIZE = 1 << 16
_NETWORK_TIMEOUT_S = 6.0
_NOT_OPEN = "the port is not open"
_BROKEN = "connection failed"


class Serial(rfc2217.Serial):  # type: ignore[misc]  # pyserial has no types
    """As pyserial's; settings go over the wire only if they differ from the last ones."""

    _agreed: tuple[object, ...] | None = None
    _socket: Any
    _thread: Any
    _network_timeout: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._arrived = threading.Condition()
        self._incoming = bytearray()
        self._ended = False
        self._wakers: tuple[socket.socket, socket.socket] | None = None
        super().__init__(*args, **kwargs)

    @classmethod
    def adopted(
        cls, connection: socket.socket, *, url: str, baud: int, timeout_s: float | None
    ) -> Self:
        """A port on a connection that another process has opened and agreed on.

        Args:
            connection: what that process's `detach` gave back.
            url: its options count as when it was opened (``?ign_set_control``).
            baud: the baud rate that was agreed on.
            timeout_s: of reads.
        """
        port = cls(None, baudrate=baud, timeout=timeout_s)
        port._port = url
        port.from_url(url)
        port._adopt(connection)
        return port

    def open(self) -> None:
        """Open the port; everything is negotiated anew."""
        self._agreed = None
        self._begin()
        with warnings.catch_warnings():
            # pyserial starts its thread the way Python deprecates
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                super().open()
            except BaseException:
                self._end()
                raise

    def from_url(self, url: str) -> tuple[str, int]:
        """As pyserial's; a broker that is just starting on a busy computer is waited for."""
        place: tuple[str, int] = super().from_url(url)
        self._network_timeout = max(self._network_timeout, _NETWORK_TIMEOUT_S)
        return place

    def close(self) -> None:
        """Close the port; also the socket of a connection that broke, which pyserial forgets."""
        connection = self._socket
        self._wake()
        super().close()
        if connection is not None:
            connection.close()

    def detach(self) -> tuple[socket.socket, bytes]:
        """Stop using the connection without ending it: it and what was received but not read.

        Raises:
            SerialException: the connection broke.
        """
        connection = self._socket
        if connection is None or self._ended:
            raise serial.SerialException(_NOT_OPEN)
        self.is_open = False
        self._wake()
        self._thread.join()
        self._thread = None
        self._socket = None
        rest = bytes(self._incoming)
        self._incoming.clear()
        return connection, rest

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once.

        Raises:
            SerialException: the connection broke, and all that came before is read.
        """
        if not self.is_open:
            raise serial.PortNotOpenError
        if self._ended and not self._incoming:
            raise serial.SerialException(_BROKEN)
        return len(self._incoming)

    def read(self, size: int = 1) -> bytes:
        """Bytes that came; fewer than ``size`` after the port's time-out.

        Raises:
            SerialException: the connection broke.
        """
        if not self.is_open:
            raise serial.PortNotOpenError
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        with self._arrived:
            while len(self._incoming) < size:
                if self._ended:
                    if self._incoming:
                        break
                    raise serial.SerialException(_BROKEN)
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._arrived.wait(left)
            data = bytes(self._incoming[:size])
            del self._incoming[:size]
        return data

    def reset_input_buffer(self) -> None:
        """Drop what was received, on both sides."""
        if not self.is_open:
            raise serial.PortNotOpenError
        self.rfc2217_send_purge(rfc2217.PURGE_RECEIVE_BUFFER)
        with self._arrived:
            self._incoming.clear()

    def _adopt(self, connection: socket.socket) -> None:
        """Be in the state that `open` ends in."""
        self._begin()
        self._socket = connection
        self._write_lock = threading.Lock()
        offers = (rfc2217.BINARY, rfc2217.COM_PORT_OPTION, rfc2217.SGA)
        self._telnet_options = [
            rfc2217.TelnetOption(self, str(option), option, *answers, rfc2217.ACTIVE)
            for option in (*offers, rfc2217.ECHO)
            for answers in (
                (rfc2217.WILL, rfc2217.WONT, rfc2217.DO, rfc2217.DONT),
                (rfc2217.DO, rfc2217.DONT, rfc2217.WILL, rfc2217.WONT),
            )
        ]
        self._rfc2217_port_settings = {
            name: rfc2217.TelnetSubnegotiation(self, name, setting, answer)
            for name, setting, answer in (
                ("baudrate", rfc2217.SET_BAUDRATE, rfc2217.SERVER_SET_BAUDRATE),
                ("datasize", rfc2217.SET_DATASIZE, rfc2217.SERVER_SET_DATASIZE),
                ("parity", rfc2217.SET_PARITY, rfc2217.SERVER_SET_PARITY),
                ("stopsize", rfc2217.SET_STOPSIZE, rfc2217.SERVER_SET_STOPSIZE),
            )
        }
        self._rfc2217_options = {
            "purge": rfc2217.TelnetSubnegotiation(
                self, "purge", rfc2217.PURGE_DATA, rfc2217.SERVER_PURGE_DATA
            ),
            "control": rfc2217.TelnetSubnegotiation(
                self, "control", rfc2217.SET_CONTROL, rfc2217.SERVER_SET_CONTROL
            ),
            **self._rfc2217_port_settings,
        }
        self._agreed = self._wanted()
        self.is_open = True
        self._thread = threading.Thread(target=self._telnet_read_loop, daemon=True)
        self._thread.start()

    def _begin(self) -> None:
        self._incoming.clear()
        self._ended = False
        self._wakers = socket.socketpair()

    def _telnet_read_loop(self) -> None:
        """Receive until the port is closed or detached, or the connection breaks."""
        connection = self._socket
        assert self._wakers is not None
        wake = self._wakers[0]
        telnet = _Telnet(self)
        try:
            while self.is_open or telnet.is_busy:
                ready, _, _ = select.select([connection, wake], [], [])
                if connection not in ready:
                    continue
                data = connection.recv(_RECEIVE_SIZE)
                if not data:
                    break
                plain = b"".join(without_telnet(telnet, data))
                if plain:
                    with self._arrived:
                        self._incoming += plain
                        self._arrived.notify_all()
        except (OSError, ValueError):  # broken, or closed by another thread
            pass
        finally:
            with self._arrived:
                self._ended = self.is_open
                self._arrived.notify_all()
            self._end()

    def _end(self) -> None:
        with self._arrived:
            for end in self._wakers or ():
                end.close()
            self._wakers = None

    def _wake(self) -> None:
        self.is_open = False
        with self._arrived:
            if self._wakers is not None:
                with contextlib.suppress(OSError):
                    self._wakers[1].send(b"\0")

    def _wanted(self) -> tuple[object, ...]:
        return (
            self._baudrate,
            self._bytesize,
            self._parity,
            self._stopbits,
            self._xonxoff,
            self._rtscts,
            self._write_timeout,  # pyserial refuses one here, as it must
        )

    def _reconfigure_port(self) -> None:
        wanted = self._wanted()
        if wanted != self._agreed:
            super()._reconfigure_port()
            self._agreed = wanted


class _Telnet:
    """Telnet's commands among what a server sends, for `without_telnet`."""

    def __init__(self, port: Serial) -> None:
        self.mode = rfc2217.M_NORMAL
        self.suboption: bytearray | None = None
        self._command = b""
        self._port = port

    @property
    def is_busy(self) -> bool:
        """Whether a command has begun and has not ended."""
        return self.mode != rfc2217.M_NORMAL or self.suboption is not None

    def filter(self, data: bytes) -> Iterator[bytes]:
        """The bytes that are data; commands go to the port's methods."""
        for value in data:
            byte = bytes([value])
            if self.mode == rfc2217.M_IAC_SEEN:
                yield from self._command_byte(byte)
            elif self.mode == rfc2217.M_NEGOTIATE:
                self.mode = rfc2217.M_NORMAL
                self._port._telnet_negotiate_option(self._command, byte)  # noqa: SLF001 - pyserial's own
            elif byte == rfc2217.IAC:
                self.mode = rfc2217.M_IAC_SEEN
            elif self.suboption is not None:
                self.suboption += byte
            else:
                yield byte

    def _command_byte(self, byte: bytes) -> Iterator[bytes]:
        self.mode = rfc2217.M_NORMAL
        if byte == rfc2217.IAC:
            if self.suboption is None:
                yield byte
            else:
                self.suboption += byte
        elif byte == rfc2217.SB:
            self.suboption = bytearray()
        elif byte == rfc2217.SE:
            option, self.suboption = bytes(self.suboption or b""), None
            self._port._telnet_process_subnegotiation(option)  # noqa: SLF001 - pyserial's own
        elif byte in {rfc2217.DO, rfc2217.DONT, rfc2217.WILL, rfc2217.WONT}:
            self._command = byte
            self.mode = rfc2217.M_NEGOTIATE
        else:
            self._port._telnet_process_command(byte)  # noqa: SLF001 - pyserial's own
