"""One line of a board's log, as text that is safe to show and as data."""

from __future__ import annotations

import re
from dataclasses import dataclass

LEVELS = "DIWE"
"""Level letters from the least to the most urgent: debug, info, warning, error."""

# level letter, ticks_ms, source, text: firmware/speaker/util/log.py
_LINE = re.compile(rf"([{LEVELS}]) (\d+) ([\w.-]+): (.*)", re.DOTALL)

# ECMA-48: CSI and OSC sequences; ECMA-35: those with intermediate bytes; any other pair.
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[@-_])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A line of the log. Lines that the firmware's logger did not write have a text only."""

    text: str
    level: str | None = None
    """D, I, W or E."""
    ticks_ms: int | None = None
    """The board's own clock (``time.ticks_ms``, wraps at 2**30)."""
    source: str | None = None

    @property
    def raw(self) -> bool:
        """Whether somebody else wrote the line: the ROM, a traceback, the REPL."""
        return self.level is None

    def __str__(self) -> str:
        if self.raw:
            return self.text
        return f"{self.level} {self.ticks_ms} {self.source}: {self.text}"


def clean(text: str) -> str:
    """The text without escape sequences, control and text-direction characters (a tab stays)."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def parse(line: str) -> LogRecord:
    """The record of one line, which may hold anything."""
    line = clean(line)
    match = _LINE.fullmatch(line)
    if match is None:
        return LogRecord(line)
    level, ticks, source, text = match.groups()
    return LogRecord(text, level, int(ticks), source)
