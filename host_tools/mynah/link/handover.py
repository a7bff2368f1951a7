"""Hand an open port to another process, and take it there: nothing that the board sends is lost.

Both processes have the same open file for a moment; bytes that nobody has read yet wait in it.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import Any

import serial

from mynah.link.port import REMOTE
from mynah.link.urlhandler import protocol_rfc2217

_TIMEOUT_S = 0.1


@dataclass(frozen=True, slots=True)
class Handle:
    """What another process needs: the open file's number there, and what was agreed on."""

    url: str
    fd: int
    baud: int


def can_hand_over(port: serial.SerialBase) -> bool:
    """Whether this kind of port can be handed over."""
    return isinstance(port, protocol_rfc2217.Serial) or _has_fd(port)


def handle_of(url: str, port: serial.SerialBase) -> Handle:
    """The handle of an open port, for a child process that inherits its ``fd``."""
    if isinstance(port, protocol_rfc2217.Serial):
        return Handle(url, port._socket.fileno(), port.baudrate)  # noqa: SLF001 - of this package
    return Handle(url, port.fd, port.baudrate)


def let_go(port: serial.SerialBase) -> bytes:
    """Close this process's side of a port that another one has taken; what it had not read yet.

    Raises:
        SerialException, OSError: the port vanished.
    """
    if isinstance(port, protocol_rfc2217.Serial):
        connection, rest = port.detach()
        connection.close()
        return rest
    port.close()
    return b""


def take(handle: Handle) -> serial.SerialBase:
    """Open the port that a handle names, in the process that has inherited it.

    Raises:
        SerialException, OSError: it is no longer there.
    """
    if handle.url.startswith(REMOTE):
        return protocol_rfc2217.Serial.adopted(
            socket.socket(fileno=handle.fd),
            url=handle.url,
            baud=handle.baud,
            timeout_s=_TIMEOUT_S,
        )
    return _adopted(handle)


def _has_fd(port: serial.SerialBase) -> bool:
    return hasattr(serial, "PosixPollSerial") and isinstance(getattr(port, "fd", None), int)


def _adopted(handle: Handle) -> serial.SerialBase:
    """A port of pyserial on a descriptor; its `open` would drop what waits to be read."""
    port: Any = serial.Serial(None, baudrate=handle.baud, timeout=_TIMEOUT_S)
    port.name = handle.url
    port.fd = handle.fd
    port.pipe_abort_read_r, port.pipe_abort_read_w = os.pipe()
    port.pipe_abort_write_r, port.pipe_abort_write_w = os.pipe()
    for pipe in (port.pipe_abort_read_r, port.pipe_abort_write_r):
        os.set_blocking(pipe, False)
    port.is_open = True
    return port


class TapPort:
    """A port whose owner, another process, passes on what the board sends; to read only.

    Args:
        tap: the connection to that process.
        rest: what comes first.
    """

    def __init__(self, tap: socket.socket, rest: bytes = b"") -> None:
        tap.settimeout(_TIMEOUT_S)
        self._tap = tap
        self._rest = rest

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once, as far as is known."""
        return len(self._rest) or 1

    def read(self, size: int = 1) -> bytes:
        """What came, at most 64 KB whatever ``size``; empty after a tenth of a second.

        Raises:
            SerialException: the owner ended.
        """
        del size
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest
        try:
            data = self._tap.recv(1 << 16)
        except TimeoutError:
            return b""
        if not data:
            raise serial.SerialException("the process that owned the port ended")
        return data

    def close(self) -> None:
        """Let go of it."""
        self._tap.close()
