"""The link between a virtual board and its CPU, the MicroPython child process: calls.

The child calls the host with one packet: operation (u8), two i32 arguments, payload. The answer is
two packets: status (i32; negative: an errno of the board) and size of the payload (u32), then the
payload unless it is empty.
"""

from __future__ import annotations

import json
import logging
import socket
import struct
from collections.abc import Callable
from enum import IntEnum
from typing import Any

_log = logging.getLogger(__name__)

_REQUEST = struct.Struct("<Bii")
_HEADER = struct.Struct("<iI")
_RAISED = 1
_EIO = 5

PAYLOAD_FOLLOWS = 0x80
"""Marks the operation of a request whose payload comes in a packet of its own."""

MAX_PACKET = 131072
"""Bytes of the largest packet."""


class Operation(IntEnum):
    """What the child asks for; the twin of this table is in ``upy/_link.py``."""

    CALL = 0
    MODULE = 1
    EVENTS = 2
    WRITE_RAW = 3
    FLASH_PROGRAM = 4
    FLASH_ERASE = 5
    I2S_READ = 6
    I2S_TAKE = 7
    I2S_WRITE = 8
    I2S_WRITTEN = 9
    I2S_AVAILABLE = 10
    SOCKET_SEND = 11
    SOCKET_RECEIVE = 12
    BITSTREAM = 13
    SPI_WRITE = 14
    PIN_GET = 15
    PIN_SET = 16
    I2C_READ = 17
    I2C_WRITE = 18
    IDLE = 19


class BoardOSError(Exception):
    """The service answers with an error number of the board's C library."""

    def __init__(self, errno: int) -> None:
        super().__init__(errno)
        self.errno = errno


class BoardException(Exception):  # noqa: N818 - raised in the board, not an error of ours
    """The service answers with a MicroPython exception of the builtin type ``kind``."""

    def __init__(self, kind: str, *arguments: object) -> None:
        super().__init__(kind, *arguments)
        self.kind = kind
        self.arguments = arguments


Answer = tuple[int, bytes]
"""Status and payload."""

Handler = Callable[[int, int, bytes], Answer]
"""An operation: two arguments and a payload in, an answer out."""

Service = Callable[..., Any]
"""A call with JSON arguments and a JSON result."""

DONE: Answer = (0, b"")
"""The answer of an operation that has nothing to say."""


def send_answer(line: socket.socket, answer: Answer) -> None:
    """Send an answer as the child reads it."""
    code, payload = answer
    line.send(_HEADER.pack(code, len(payload)))
    if payload:
        line.send(payload)


def packet_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets that keep packets whole."""
    try:
        pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError:  # macOS has this kind, but not in this family
        pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in pair:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MAX_PACKET)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * MAX_PACKET)
    return pair


class Services:
    """What the child may call: JSON services by name, binary operations by number."""

    def __init__(self) -> None:
        self._services: dict[str, Service] = {}
        self._operations: dict[int, Handler] = {Operation.CALL: self._call}

    def add(self, name: str, service: Service) -> None:
        """Offer a service; what it raises is raised in the board's program."""
        self._services[name] = service

    def add_operation(self, operation: Operation, handler: Handler) -> None:
        """Offer an operation."""
        self._operations[operation] = handler

    def answer(self, packet: bytes) -> Answer:
        """Do what a request asks for; never raises."""
        operation, a, b = _REQUEST.unpack_from(packet)
        try:
            return self._operations[operation](a, b, packet[_REQUEST.size :])
        except BoardOSError as error:
            return -error.errno, b""
        except Exception:
            _log.exception("operation %s", operation)
            return -_EIO, b""

    def _call(self, _a: int, _b: int, payload: bytes) -> Answer:
        name, arguments = json.loads(payload)
        try:
            result = self._services[name](*arguments)
        except BoardException as error:
            return _RAISED, json.dumps([error.kind, error.arguments]).encode()
        except BoardOSError:
            raise
        except Exception as error:
            _log.exception("service %s", name)
            text = f"virtual board: {name}: {error!r}"
            return _RAISED, json.dumps(["RuntimeError", [text]]).encode()
        return 0, json.dumps(result).encode()
