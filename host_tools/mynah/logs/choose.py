"""Which lines of a log are wanted."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mynah.errors import UsageError
from mynah.logs.record import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mynah.logs.decode import Entry

_CRASHES = {"traceback", "panic"}


@dataclass(frozen=True, slots=True)
class Choice:
    """The filters of `mynah logs`; a crash passes those of level and source."""

    level: str = "D"
    """The least urgent level; lines that are no records pass."""
    sources: Sequence[str] = ()
    """Names or patterns as ``net.*`` of sources, ``!name`` for those not wanted."""
    grep: Sequence[re.Pattern[str]] = ()
    """At least one must be found in the line."""
    hide: Sequence[re.Pattern[str]] = ()
    """None may be found in the line."""
    _wanted: list[str] = field(init=False)
    _unwanted: list[str] = field(init=False)

    def __post_init__(self) -> None:
        wanted = [name for name in self.sources if not name.startswith("!")]
        unwanted = [name[1:] for name in self.sources if name.startswith("!")]
        object.__setattr__(self, "_wanted", wanted)
        object.__setattr__(self, "_unwanted", unwanted)

    def takes(self, entry: Entry) -> bool:
        """Whether the line is wanted."""
        record = entry.record
        if entry.kind not in _CRASHES:
            # V of ESP-IDF, which is not in LEVELS, counts as D.
            if record.level and max(0, LEVELS.find(record.level)) < LEVELS.index(self.level):
                return False
            if self.sources and not self._takes_source(record.source):
                return False
        if not self.grep and not self.hide:
            return True
        text = str(record)
        if self.grep and not any(pattern.search(text) for pattern in self.grep):
            return False
        return not any(pattern.search(text) for pattern in self.hide)

    def _takes_source(self, source: str | None) -> bool:
        if source is None:
            return not self._wanted
        if any(fnmatch.fnmatchcase(source, name) for name in self._unwanted):
            return False
        return not self._wanted or any(fnmatch.fnmatchcase(source, name) for name in self._wanted)


def compile_regex(text: str, option: str) -> re.Pattern[str]:
    """A regular expression from the command line.

    Raises:
        UsageError: it is none; the message names the option.
    """
    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(f"{option} {text!r} is no regular expression: {error}") from None
