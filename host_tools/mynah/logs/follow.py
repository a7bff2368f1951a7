"""Follow a board's log over its serial port, through resets and pulled cables."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import serial

from mynah.errors import PortError
from mynah.improv import Splitter
from mynah.link import open_port, reset_board
from mynah.logs.record import LogRecord, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REOPEN_S = 0.5
_IDLE_S = 0.5  # a line without an end, as a prompt, is shown after this
_MAX_LINE = 4096  # noise may hold no line end at all


class LineSplitter:
    """Cuts a byte stream into lines, whatever the bytes are; Improv's frames are left out."""

    def __init__(self) -> None:
        self._rest = b""
        self._frames = Splitter()

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now."""
        _, text = self._frames.feed(data)
        *lines, self._rest = (self._rest + text).split(b"\n")
        if len(self._rest) > _MAX_LINE:
            lines.append(self._rest)
            self._rest = b""
        return [_text(line) for line in lines]

    @property
    def rest(self) -> str:
        """What has come of the line that has no end yet."""
        return _text(self._rest)

    def flush(self) -> list[str]:
        """The line that has no end yet, if any."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest.strip() else []


def follow(
    url: str,
    *,
    baud: int = 115200,
    timeout_s: float | None = None,
    reconnect: bool = True,
    reset: bool = False,
    talk: Callable[[str], None] | None = None,
) -> Iterator[LogRecord]:
    """Yield each line of the log as it comes.

    Args:
        url: device path or ``rfc2217://host:port``.
        baud: baud rate of the console.
        timeout_s: end after so many seconds; None: go on for ever.
        reconnect: when the port vanishes, wait for it instead of raising.
        reset: restart the board first, so that its log is seen from the start.
        talk: called with a line for the user when the port vanishes and comes back.

    Raises:
        PortError: the port is missing or busy at the start, or vanishes without ``reconnect``.
    """
    say = talk or (lambda _: None)
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    port: serial.SerialBase | None = open_port(url, baud=baud)
    while port is not None:
        try:
            if reset:
                reset_board(port)
                reset = False
            yield from records(port, deadline)
        except (serial.SerialException, OSError):
            if not reconnect:
                raise PortError(f"{url} vanished") from None
            say(f"{url} vanished; waiting for it")
        else:
            return
        finally:
            with contextlib.suppress(OSError):
                port.close()
        port = _reopen(url, baud, deadline)
        if port is not None:
            say(f"{url} is back")


def records(port: serial.SerialBase, deadline: float | None) -> Iterator[LogRecord]:
    """Yield each line that comes on an open port, until ``deadline`` on the monotonic clock.

    The port's reads must have a time-out. What pyserial raises when it vanishes is passed on.
    """
    splitter = LineSplitter()
    heard = time.monotonic()
    while deadline is None or time.monotonic() < deadline:
        data = port.read(port.in_waiting or 1)
        if data:
            heard = time.monotonic()
            lines = splitter.feed(data)
        else:
            lines = splitter.flush() if time.monotonic() - heard > _IDLE_S else []
        for line in lines:
            yield parse(line)


def _reopen(url: str, baud: int, deadline: float | None) -> serial.SerialBase | None:
    while deadline is None or time.monotonic() < deadline:
        time.sleep(_REOPEN_S)
        with contextlib.suppress(PortError):
            return open_port(url, baud=baud)
    return None


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode("utf-8", "backslashreplace")
