"""Read a board's lines until they tell enough, through a reset that takes its USB away."""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING

import serial

from mynah.errors import PortError
from mynah.link import lost_port, open_port, reset_board
from mynah.link.place import Place
from mynah.logs import clean
from mynah.logs.lines import LineSplitter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Self

_REOPEN_S = 0.2
_IDLE_S = 0.3  # a line without an end, as a prompt, counts after this


class Listener:
    """A board's port, open; a context manager.

    Args:
        url: device path or ``rfc2217://host:port``.
        baud: baud rate of the console.

    Raises:
        PortError: the port is missing or busy, or vanishes and does not come back.
    """

    def __init__(self, url: str, *, baud: int = 115200) -> None:
        self._url = url
        self._place = Place(url)
        self._baud = baud
        self._port: serial.SerialBase = open_port(url, baud=baud)
        self._splitter = LineSplitter()
        self.n_lost = 0
        """How often the port went away."""
        self.lines: list[str] = []
        """What came since `reset`, or since the port was opened."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the port."""
        with contextlib.suppress(OSError):
            self._port.close()

    def reset(self) -> None:
        """Start the board anew, and forget what it said before."""
        self.lines = []
        self._splitter = LineSplitter()
        try:
            reset_board(self._port)
        except (serial.SerialException, OSError):
            self._reopen(time.monotonic() + 2.0)

    def read(
        self,
        seconds: float,
        until: Callable[[Sequence[str]], bool],
        *,
        silence_s: float,
        idle_s: float = math.inf,
    ) -> float:
        """Read until ``until(lines)`` is true; the seconds that this took.

        Args:
            seconds: how long at most.
            until: looked at after each piece that came.
            silence_s: give up when nothing at all came for so long from the start.
            idle_s: give up when nothing more came for so long.
        """
        started = heard = time.monotonic()
        n_before = len(self.lines)
        while (now := time.monotonic()) < started + seconds:
            try:
                data = self._port.read(self._port.in_waiting or 1)
            except (serial.SerialException, OSError):
                self._reopen(started + max(seconds, silence_s))
                continue
            if data:
                heard = now
                self._add(self._splitter.feed(data))
            elif now - heard > _IDLE_S:
                self._add(self._splitter.flush())
            if until(self.lines):
                break
            if len(self.lines) == n_before and now - started > silence_s:
                break
            if now - heard > idle_s:
                break
        self._add(self._splitter.flush())
        return time.monotonic() - started

    def _add(self, lines: Sequence[str]) -> None:
        self.lines += [clean(line) for line in lines]

    def _reopen(self, deadline: float) -> None:
        """The chip's own USB goes away with a reset, and comes back."""
        self.close()
        self.n_lost += 1
        while time.monotonic() < deadline:
            time.sleep(_REOPEN_S)
            found = self._place.find()
            if found is not None:
                with contextlib.suppress(PortError):
                    self._port = open_port(found, baud=self._baud)
                    return
        raise lost_port(self._url)
