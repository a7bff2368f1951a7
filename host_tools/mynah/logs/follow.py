"""Follow a board's log over its serial port, through resets and pulled cables."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

import serial

from mynah.errors import PortError
from mynah.link.place import Place
from mynah.link.sharing import SharedPort
from mynah.logs.lines import LineSplitter
from mynah.logs.record import LogRecord, clean, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REOPEN_S = 0.1  # soon: what a chip's own USB says before somebody listens is gone
_IDLE_S = 0.5  # a line without an end, as a prompt, is shown after this
# While little comes, some is waited for: a wake-up for every few bytes costs most of the time.
_GATHER_S = 0.01
_LITTLE = 1024
_MAX_READ = 1 << 16


def follow(
    url: str,
    *,
    baud: int = 115200,
    timeout_s: float | None = None,
    reconnect: bool = True,
    reset: bool = False,
    talk: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
) -> Iterator[LogRecord]:
    """Yield each line of the log as it comes.

    Args:
        url: device path or ``rfc2217://host:port``.
        baud: baud rate of the console.
        timeout_s: end after so many seconds; None: go on for ever.
        reconnect: when the port vanishes, wait for it instead of raising; it is found again by
            its USB serial number.
        reset: restart the board first, so that its log is seen from the start.
        talk: called with a line for the user when the port vanishes and comes back.
        stop: ends it within a tenth of a second when set.

    Raises:
        PortError: the port is missing or busy at the start, or vanishes without ``reconnect``.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    for lines in follow_lines(
        Place(url),
        baud=baud,
        deadline=deadline,
        reconnect=reconnect,
        reset=reset,
        talk=talk,
        stop=stop,
    ):
        for line in lines:
            yield parse(clean(line))


def follow_lines(
    place: Place,
    *,
    baud: int = 115200,
    deadline: float | None = None,
    reconnect: bool = True,
    reset: bool = False,
    shares: bool = True,
    talk: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
) -> Iterator[list[str]]:
    """As `follow`, but all lines that came together at once, as they came but for frames and noise.

    Args:
        place: where the port is.
        baud: baud rate of the console.
        reconnect: wait for a port that vanishes.
        reset: restart the board first.
        shares: whether other programs may use the port meanwhile.
        talk: called with a line for the user when the port vanishes and comes back.
        deadline: end then, on the monotonic clock; None: go on for ever.
        stop: ends it within a tenth of a second when set.
    """
    say = talk or (lambda _: None)
    stop = stop or threading.Event()
    url = place.find_now()
    port: SharedPort | None = SharedPort(url, baud=baud, shares=shares, talk=say)
    while port is not None:
        try:
            if reset:
                reset = False  # once, even if the reset takes the chip's own USB away
                port.reset_board()
            yield from _lines(port, deadline, stop)
        except (serial.SerialException, OSError):
            if not reconnect:
                raise PortError(f"{url} vanished") from None
            say(f"{url} vanished; waiting for it")
        else:
            return
        finally:
            with contextlib.suppress(OSError):
                port.close()
        port = None
        while port is None and not stop.wait(_REOPEN_S) and not _is_over(deadline):
            found = place.find()
            if found is None:
                continue
            url = found
            with contextlib.suppress(PortError):
                port = SharedPort(url, baud=baud, shares=shares, talk=say)
                say(f"{url} is back")


def records(port: serial.SerialBase, deadline: float | None) -> Iterator[LogRecord]:
    """Yield each line that comes on an open port, until ``deadline`` on the monotonic clock.

    The port's reads must have a time-out. What pyserial raises when it vanishes is passed on.
    """
    for lines in _lines(port, deadline, threading.Event()):
        for line in lines:
            yield parse(line)


def _lines(
    port: serial.SerialBase | SharedPort, deadline: float | None, stop: threading.Event
) -> Iterator[list[str]]:
    splitter = LineSplitter()
    heard = time.monotonic()
    n_little = 0
    try:
        while not stop.is_set() and not _is_over(deadline):
            data = port.read(min(port.in_waiting, _MAX_READ) or 1)
            if data:
                heard = time.monotonic()
                lines = splitter.feed(data)
            else:
                lines = splitter.flush() if time.monotonic() - heard > _IDLE_S else []
            if lines:
                yield lines
            n_little = n_little + 1 if 0 < len(data) < _LITTLE else 0
            if n_little > 1:  # one alone is the rest of a large piece
                time.sleep(_GATHER_S)
    except (serial.SerialException, OSError):
        rest = splitter.flush()  # the last words before it vanished
        if rest:
            yield rest
        raise
    rest = splitter.flush()
    if rest:
        yield rest


def _is_over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline
