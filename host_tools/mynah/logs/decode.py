"""A board's lines with what they mean: source lines, causes of panics and resets, symbols."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mynah.logs import panics, resets
from mynah.logs.lines import NOISE
from mynah.logs.record import LogRecord, clean, parse
from mynah.logs.secrets import redact

if TYPE_CHECKING:
    from mynah.logs.sources import Sources
    from mynah.logs.symbols import Symbols

_TRACEBACK = "Traceback (most recent call last):"
_MAX_CRASH = 60  # lines; a panic or traceback that seems longer is over
_ROM = re.compile(
    r"ESP-ROM:|Build:|rst:0x|SPIWP:|mode:[DQ]|load:0x|entry 0x|waiting for download|"
    r"invalid header: |Invalid |ets_main\.c|Saved PC:|configsip:|clk_drv:|csum err:|"
    r"Checksum failure|SHA-256 comparison|Calculated: |Expected: |Attempting to boot"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of one board's log."""

    board: str
    """The board's name, or its port."""
    at: float
    """Host time of its arrival, in seconds since 1970."""
    record: LogRecord
    kind: str
    """"log": the firmware's or ESP-IDF's logger; "rom", "traceback", "panic", "noise"; "text"."""
    notes: tuple[str, ...] = ()
    """What the line means, a sentence or a place in a source file each."""

    def data(self) -> dict[str, Any]:
        """What `mynah logs --json` prints of it."""
        record = self.record
        return {
            "host_time": round(self.at, 3),
            "board": self.board,
            "kind": self.kind,
            "level": record.level,
            "ticks_ms": record.ticks_ms,
            "source": record.source,
            "text": record.text,
            "notes": list(self.notes),
        }


class Decoder:
    """Takes the lines of one board, in their order.

    Args:
        board: its name.
        sources: where tracebacks are looked up; None: nowhere.
        symbols: where addresses are looked up; None: nowhere.
    """

    def __init__(
        self, board: str, sources: Sources | None = None, symbols: Symbols | None = None
    ) -> None:
        self.board = board
        self._sources = sources
        self._symbols = symbols
        self._crash: str | None = None
        self._crash_lines = 0

    def take(self, line: str, at: float) -> Entry:
        """What the next line is; ``at`` is the host's time.

        Escape sequences, control characters and what looks like a secret are taken out.
        """
        record = parse(redact(clean(line)))
        kind = self._kind(record)
        return Entry(self.board, at, record, kind, self._notes(record, kind))

    def _kind(self, record: LogRecord) -> str:
        text = record.text
        if record.raw and text.startswith(NOISE):
            return "noise"
        if _TRACEBACK in text:
            return self._begin("traceback")
        is_ours = not record.raw and not record.by_idf  # no panic is printed by our logger
        if not is_ours and panics.PANIC_START.search(text):
            return self._begin("panic")
        if self._crash is not None:
            kind = self._go_on(text)
            if kind is not None:
                return kind
        if not record.raw:
            return "log"
        return "rom" if _ROM.match(text) else "text"

    def _begin(self, kind: str) -> str:
        self._crash = kind
        self._crash_lines = 0
        return kind

    def _go_on(self, text: str) -> str | None:
        """The kind of a line after the start of a crash; None: it does not belong to it."""
        kind = self._crash
        self._crash_lines += 1
        if self._crash_lines > _MAX_CRASH:
            self._crash = None
        elif kind == "panic":
            if not panics.PANIC_GOES_ON.match(text):
                self._crash = None
                return None
        elif not text.startswith(" "):  # the exception itself is the last line
            self._crash = None
        return kind

    def _notes(self, record: LogRecord, kind: str) -> tuple[str, ...]:
        text = record.text
        notes: list[str | None] = []
        if kind == "traceback":
            notes = [self._sources.explain(text) if self._sources else None, panics.explain(text)]
        elif kind in {"rom", "panic", "text"} or record.by_idf or record.source == "app":
            notes = [resets.explain(text), panics.explain(text)]
            if self._symbols is not None and panics.is_backtrace(text):
                notes += [panics.backtrace_note(text), *self._symbols.explain(text)]
            counter = panics.program_counter(text)
            if self._symbols is not None and counter:
                notes.append(self._symbols.where(counter))
        return tuple(note for note in notes if note)
