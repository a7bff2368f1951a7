"""Log entries as text for a terminal or a file."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from mynah.logs.decode import Entry

_RESET = "\x1b[0m"
_DIM, _CYAN, _MARK = "\x1b[2m", "\x1b[36m", "\x1b[7m"
_LEVELS = {"V": "\x1b[2m", "D": "\x1b[2m", "W": "\x1b[33m", "E": "\x1b[1;31m"}
_KINDS = {"rom": "\x1b[2m", "noise": "\x1b[2m", "traceback": "\x1b[31m", "panic": "\x1b[1;31m"}
_BOARDS = ("\x1b[35m", "\x1b[32m", "\x1b[34m", "\x1b[36m", "\x1b[33m", "\x1b[95m")
_NOTE = "    -> "


class TextShow:
    """Entries as lines of text, each with its end.

    Args:
        boards: their names; where there are several, each line begins with one.
        colour: whether to use a terminal's colours.
        host_time: whether each line begins with the host's time.
        highlight: what is marked in the text, in colour only.
    """

    def __init__(
        self,
        boards: Sequence[str],
        *,
        colour: bool = False,
        host_time: bool = True,
        highlight: Sequence[re.Pattern[str]] = (),
    ) -> None:
        self._colour = colour
        self._host_time = host_time
        self._highlight = tuple(highlight) if colour else ()
        width = max(map(len, boards), default=0)
        self._heads = {
            name: self._in(_BOARDS[index % len(_BOARDS)], f"{name:{width}} ")
            for index, name in enumerate(boards)
            if len(boards) > 1
        }
        self._second = -1
        self._clock = ""

    def __call__(self, entry: Entry) -> str:
        """One line, and one for each note."""
        record = entry.record
        head = self._time(entry.at) if self._host_time else ""
        head += self._heads.get(entry.board, "")
        if not self._colour:
            text = str(record)
        elif record.raw or record.by_idf:
            colour = _KINDS.get(entry.kind) or _LEVELS.get(record.level or "", "")
            text = self._in(colour, self._marked(str(record), colour))
        else:
            colour = _LEVELS.get(record.level or "", "")
            text = (
                f"{_DIM}{record.level} {record.ticks_ms} {_RESET}{_CYAN}{record.source}: {_RESET}"
            ) + self._in(colour, self._marked(record.text, colour))
        lines = [f"{head}{text}\n"]
        lines += [f"{self._in(_CYAN, _NOTE + note)}\n" for note in entry.notes]
        return "".join(lines)

    def _time(self, at: float) -> str:
        second = int(at)
        if second != self._second:
            self._second = second
            self._clock = time.strftime("%H:%M:%S", time.localtime(second))
        text = f"{self._clock}.{int(at * 1000) % 1000:03d} "
        return self._in(_DIM, text)

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colour and colour else text

    def _marked(self, text: str, colour: str) -> str:
        for pattern in self._highlight:
            text = pattern.sub(
                lambda found: f"{_MARK}{found[0]}{_RESET}{colour}" if found[0] else "", text
            )
        return text


def as_json(entry: Entry) -> str:
    """One object on one line, with its end."""
    return json.dumps(entry.data(), ensure_ascii=False) + "\n"
