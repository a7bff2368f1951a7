"""One line of a board's log, as text that is safe to show and as data."""

from __future__ import annotations

import re
from dataclasses import dataclass

LEVELS = "DIWE"
"""Level letters from the least to the most urgent: debug, info, warning, error."""

# level letter, ticks_ms, source, text: firmware/speaker/util/log.py
_LINE = re.compile(rf"([{LEVELS}]) (\d+) ([\w.-]+): (.*)", re.DOTALL)
# ESP-IDF's: components/log, "E (100) boot: text"; V is more talkative than D
_IDF_LINE = re.compile(rf"([{LEVELS}V]) \((\d+)\) ([\w. -]+): (.*)", re.DOTALL)

# ECMA-48: CSI and OSC sequences; ECMA-35: those with intermediate bytes; any other pair.
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[@-_])"
)
# C0, C1, Unicode's own line ends (a program that splits lines would see two), text directions.
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A line of the log. Lines that the firmware's logger did not write have a text only."""

    text: str
    level: str | None = None
    """D, I, W or E; of ESP-IDF also V, the most talkative."""
    ticks_ms: int | None = None
    """The board's own clock (``time.ticks_ms``, wraps at 2**30)."""
    source: str | None = None
    by_idf: bool = False
    """Whether ESP-IDF's logger wrote it: the boot loader, a driver in C."""

    @property
    def raw(self) -> bool:
        """Whether somebody else wrote the line: the ROM, a traceback, the REPL."""
        return self.level is None

    def __str__(self) -> str:
        if self.raw:
            return self.text
        if self.by_idf:
            return f"{self.level} ({self.ticks_ms}) {self.source}: {self.text}"
        return f"{self.level} {self.ticks_ms} {self.source}: {self.text}"


def clean(text: str) -> str:
    """The text without escape sequences, control and text-direction characters (a tab stays)."""
    if text.isprintable():  # nearly every line, and five times as quick
        return text
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def parse(line: str) -> LogRecord:
    """The record of one line, which may hold anything."""
    line = clean(line)
    match = _LINE.fullmatch(line)
    by_idf = match is None
    if match is None:
        match = _IDF_LINE.fullmatch(line)
    if match is None:
        return LogRecord(line)
    level, ticks, source, text = match.groups()
    return LogRecord(text, level, int(ticks), source, by_idf)
