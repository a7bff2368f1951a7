"""Structured log: one line and one write per record, `I 12345 wifi: joined home`."""

import io
import sys
import time

from micropython import const

ERROR = const(0)
WARNING = const(1)
INFO = const(2)
DEBUG = const(3)

# No text: MicroPython would keep a letter of it as a new string, and needs memory for that.
_LETTERS = ("E", "W", "I", "D")
_MAX_TEXT = const(400)

_level = INFO


def set_level(level: int) -> None:
    """Show records up to `level` (ERROR..DEBUG); the others are not even formatted."""
    global _level
    _level = level


def _plain(text: str) -> str:
    """`text` without control characters: names from the air must not forge a second line."""
    # Bytes, since MicroPython keeps every character for ever that a loop over text has met.
    data = text.encode()
    for byte in data:
        if byte < 32 or byte == 127:
            return bytes([b if b >= 32 and b != 127 else 63 for b in data]).decode()
    return text


def _write(level: int, source: str, text: str, args: tuple) -> None:
    if args:
        text = text % args
    text = _plain(text[:_MAX_TEXT])
    sys.stdout.write("%s %s %s: %s\n" % (_LETTERS[level], time.ticks_ms(), source, text))


def frame(data: bytes) -> None:
    """Bytes for a program on the other side, between two records; as they are, in one write."""
    sys.stdout.buffer.write(data)


def error(source: str, text: str, *args: object) -> None:
    """Something is lost until a person or a reset helps."""
    _write(ERROR, source, text, args)


def warning(source: str, text: str, *args: object) -> None:
    """Something went wrong, and the firmware carries on."""
    if _level >= WARNING:
        _write(WARNING, source, text, args)


def info(source: str, text: str, *args: object) -> None:
    """Something worth knowing happened."""
    if _level >= INFO:
        _write(INFO, source, text, args)


def debug(source: str, text: str, *args: object) -> None:
    """For whoever looks for a fault."""
    if _level >= DEBUG:
        _write(DEBUG, source, text, args)


def exception(source: str, error_: BaseException) -> None:
    """The traceback of `error_`, each of its lines a record of its own."""
    buffer = io.StringIO()
    sys.print_exception(error_, buffer)
    for line in buffer.getvalue().split("\n"):
        if line:
            _write(ERROR, source, "%s", (line,))
