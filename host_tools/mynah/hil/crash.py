"""Find in a log that a program died: Python tracebacks, panics, resets by a watchdog."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mynah.logs import parse

_TRACEBACK = "Traceback (most recent call last):"
_MAX_LINES = 60
# ESP-IDF's panic handler, FreeRTOS, newlib and the ROM, as they print on the console.
_PANIC = re.compile(
    r"Guru Meditation Error|abort\(\) was called|\*\*\*ERROR\*\*\*|assert failed: |"
    r"Brownout detector was triggered|Task watchdog got triggered|"
    r"FATAL: uncaught exception|"  # MicroPython, py/nlr: an exception that nobody catches
    r"rst:0x[0-9a-f]+ \((?:TG\dWDT|RTCWDT|RTC_WDT|SUPER_WDT|INT_WDT|BROWNOUT|.*BROWN)"
)
_PANIC_GOES_ON = re.compile(
    r"^(?:Core|PC|A\d|EX|L(?:BEG|END|COUNT)|SAR|Backtrace|\s*0x|Register|Debug|ELF|CPU|Memory|$)"
)
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
        elif _PANIC.search(text):
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
            if _PANIC_GOES_ON.match(text) and len(crash.lines) < _MAX_LINES:
                crash.lines.append(text)
            else:
                self._end()
            return
        crash.lines.append(text)
        if not text.startswith(" ") or len(crash.lines) >= _MAX_LINES:
            self._end()
            if text.startswith(_BY_HAND):
                self.crashes.remove(crash)
