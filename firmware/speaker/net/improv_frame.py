"""Improv's frames for serial ports: bytes, and nothing else.

A frame is `IMPROV`, version 1, type, length, data, and the sum of all that; a line feed follows.
Types: 1 state, 2 error, 3 command (to the board), 4 result. Data of a command: its number, length
of the rest, the rest; of a result: the command's number, length of the rest, then texts, each
behind its length.
"""

from micropython import const

from speaker.net.improv_prefix import PREFIX

STATE = 1
ERROR = 2
COMMAND = 3
RESULT = 4

_LF = const(10)


def frame(kind: int, data: bytes) -> bytes:
    """A whole frame with its line feed."""
    body = PREFIX + bytes([kind, len(data)]) + data
    return body + bytes([sum(body) & 0xFF, _LF])


def result(command: int, texts: list) -> bytes:
    """The data of a result; texts as bytes.

    Data of 10 bytes gets an empty text more: improv-wifi-serial-sdk (2.8) takes such a frame's
    length for a line feed, and loses it.
    """
    data = b"".join([bytes([len(text)]) + text for text in texts])
    if len(data) + 2 == _LF:
        data += b"\x00"
    return bytes([command, len(data)]) + data


def texts(data: bytes) -> list | None:
    """The texts of a command, each behind its length; None when the lengths do not fit."""
    found = []
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data):
            return None
        found.append(data[at + 1 : end])
        at = end
    return found
