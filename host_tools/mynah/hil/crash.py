"""Find in a log that a program died: Python tracebacks, panics, resets by a watchdog."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mynah.logs import parse
from mynah.logs.decode import Decoder
from mynah.logs.panics import PANIC_GOES_ON, PANIC_START
from mynah.logs.resets import BROWN_OUTS, WATCHDOGS, reset_number
from mynah.logs.show import TextShow

if TYPE_CHECKING:
    from mynah.logs.sources import Sources

_TRACEBACK = "Traceback (most recent call last):"
_MAX_LINES = 60
# By the ROM's word.
_BAD_RESETS = WATCHDOGS | BROWN_OUTS
# Ctrl-C, and the exception that MicroPython's soft reset is.
_BY_HAND = ("KeyboardInterrupt", "SystemExit")


@dataclass(slots=True)
class Crash:
    """A traceback or a panic."""

    kind: str
    """"traceback" or "panic"."""
    lines: list[str] = field(default_factory=list)
    complete: bool = False
    """Whether its last line has come."""

    @property
    def text(self) -> str:
        """All of it, one line a line of the log."""
        return "\n".join(self.lines)

    def explained(self, sources: Sources) -> str:
        """`text`, with what its lines mean below them: lines of sources, causes in words."""
        decoder = Decoder("", sources)
        entries = [decoder.take(line, 0.0) for line in self.lines]
        return "".join(map(TextShow([], host_time=False), entries)).rstrip()

    @property
    def summary(self) -> str:
        """The line that says what happened."""
        return self.lines[-1 if self.kind == "traceback" else 0]


class CrashWatch:
    """Takes a log's lines one by one; `crashes` holds what was found."""

    def __init__(self) -> None:
        self.crashes: list[Crash] = []
        self._open: Crash | None = None

    @property
    def is_open(self) -> bool:
        """Whether the last one found is not complete."""
        return self._open is not None

    def take(self, line: str) -> None:
        """Look at the next line."""
        text = parse(line).text  # of a record that the firmware's logger wrote: without its head
        if _TRACEBACK in text:
            self._begin(Crash("traceback", [text]))
        elif PANIC_START.search(text) or reset_number(text) in _BAD_RESETS:
            if self._open is None or self._open.kind != "panic":
                self._begin(Crash("panic", [text]))
            else:
                self._open.lines.append(text)
        elif self._open is not None:
            self._go_on(self._open, text)

    def forget(self) -> None:
        """Begin anew."""
        self.crashes = []
        self._open = None

    def _begin(self, crash: Crash) -> None:
        self._end()
        self.crashes.append(crash)
        self._open = crash

    def _end(self) -> None:
        if self._open is not None:
            self._open.complete = True
            self._open = None

    def _go_on(self, crash: Crash, text: str) -> None:
        if crash.kind == "panic":
            if PANIC_GOES_ON.match(text) and len(crash.lines) < _MAX_LINES:
                crash.lines.append(text)
            else:
                self._end()
            return
        crash.lines.append(text)
        if not text.startswith(" ") or len(crash.lines) >= _MAX_LINES:
            self._end()
            if text.startswith(_BY_HAND):
                self.crashes.remove(crash)
