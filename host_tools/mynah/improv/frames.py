"""Improv's frames: bytes in, bytes out.

``IMPROV``, version 1, type, length, data, sum of all that, line feed; the numbers are the twin of
firmware/speaker/net/improv_frame.py.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = b"IMPROV\x01"
STATE, ERROR, COMMAND, RESULT = 1, 2, 3, 4

READY, PROVISIONING, PROVISIONED = 2, 3, 4

SET_WIFI, GET_STATE, GET_INFO, SCAN = 1, 2, 3, 4
HOSTNAME, NAME, NETWORK = 5, 6, 7

UNABLE_TO_CONNECT = 3

_HEAD = len(PREFIX) + 2


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose sum was right."""

    kind: int
    data: bytes

    def texts(self, command: int) -> list[bytes] | None:
        """What a result of that command holds; None for any other frame."""
        if self.kind != RESULT or len(self.data) < 2 or self.data[0] != command:
            return None
        found, at, end = [], 2, min(2 + self.data[1], len(self.data))
        while at < end:
            stop = at + 1 + self.data[at]
            found.append(self.data[at + 1 : stop])
            at = stop
        return found


def encode(kind: int, data: bytes) -> bytes:
    """A whole frame with its line feed."""
    body = PREFIX + bytes([kind, len(data)]) + data
    return body + bytes([sum(body) & 0xFF]) + b"\n"


def command(number: int, payload: bytes = b"") -> bytes:
    """A command to the board."""
    return encode(COMMAND, bytes([number, len(payload)]) + payload)


def wifi(ssid: bytes, password: bytes) -> bytes:
    """The command that gives a Wi-Fi."""
    return command(SET_WIFI, bytes([len(ssid)]) + ssid + bytes([len(password)]) + password)


class Splitter:
    """Takes frames out of a stream of text; what only looks like one stays text."""

    def __init__(self) -> None:
        self._rest = b""
        self._after_frame = False

    def feed(self, data: bytes) -> tuple[list[Frame], bytes]:
        """The frames that are complete now, and the text around them."""
        frames = []
        text = bytearray()
        rest = self._rest + data
        while rest:
            if self._after_frame:
                self._after_frame = False
                rest = rest.removeprefix(b"\n")
                continue
            start = rest.find(PREFIX)
            if start < 0:
                keep = _partial(rest)
                text += rest[: len(rest) - keep]
                rest = rest[len(rest) - keep :]
                break
            text += rest[:start]
            rest = rest[start:]
            end = _HEAD + rest[_HEAD - 1] + 1 if len(rest) >= _HEAD else _HEAD + 1
            if len(rest) < end:
                break
            if sum(rest[: end - 1]) & 0xFF == rest[end - 1]:
                frames.append(Frame(rest[_HEAD - 2], rest[_HEAD : end - 1]))
                rest = rest[end:]
                self._after_frame = True
            else:
                text += rest[: len(PREFIX)]
                rest = rest[len(PREFIX) :]
        self._rest = rest
        return frames, bytes(text)


def _partial(data: bytes) -> int:
    """How many bytes at the end may begin a frame."""
    for n in range(min(len(PREFIX) - 1, len(data)), 0, -1):
        if data.endswith(PREFIX[:n]):
            return n
    return 0
