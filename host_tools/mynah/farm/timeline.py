"""When which test ran on which board, from pytest-xdist's lines, and a picture of that."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_BEGUN = re.compile(r"\S+\.py::\S+\[(\w+)\S*\] *")
_ENDED = re.compile(r"\[gw\d+\] .* (PASSED|FAILED|ERROR|SKIPPED) \S+\.py::\S+\[(\w+)")
_COLOURS = {"PASSED": "#2e8b57", "FAILED": "#b03060", "ERROR": "#b03060", "SKIPPED": "#b8b8b8"}
_NAMES = {"PASSED": "passed", "ERROR": "failed", "SKIPPED": "skipped"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One test on one board; times in seconds since the timeline began."""

    board: str
    outcome: str
    start_s: float
    end_s: float


class Timeline:
    """Takes the lines of ``pytest -v -n N`` as they come.

    Args:
        clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._zero = clock()
        self._begun: dict[str, float] = {}
        self.bars: list[Bar] = []
        self.marks: list[tuple[float, str]] = []

    def take(self, line: str) -> bool:
        """Look at the next line; False if it only tells that a test begins."""
        now = self._clock() - self._zero
        begun = _BEGUN.fullmatch(line.rstrip("\n"))
        if begun:
            self._begun[begun[1]] = now
            return False
        ended = _ENDED.match(line)
        if ended:
            outcome, board = ended.groups()
            self.bars.append(Bar(board, outcome, self._begun.pop(board, now), now))
        return True

    def mark(self, text: str) -> None:
        """Note that something happened now."""
        self.marks.append((self._clock() - self._zero, text))

    def draw(self, boards: Sequence[str], path: Path) -> None:
        """A row for each board, a bar for each test; the file's ending says the format."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 0.9 + 0.45 * len(boards)), layout="constrained")
        axes = figure.subplots()
        first = min((bar.start_s for bar in self.bars), default=0.0)
        last = max((bar.end_s for bar in self.bars), default=1.0)
        least = (
            last - first
        ) / 120  # what is skipped takes no time, and is to be seen all the same
        row_ends = dict.fromkeys(boards, 0.0)
        for bar in self.bars:
            start = max(bar.start_s - first, row_ends[bar.board])
            width = max(bar.end_s - bar.start_s, least)
            row_ends[bar.board] = start + width
            axes.barh(
                boards.index(bar.board),
                width,
                left=start,
                height=0.62,
                color=_COLOURS[bar.outcome],
                edgecolor="white",
                linewidth=0.6,
            )
        for at, text in self.marks:
            axes.axvline(at - first, color="black", linewidth=1, linestyle=":")
            where = (at - first, 1.02)
            axes.annotate(text, where, xycoords=("data", "axes fraction"), fontsize=8)
        for outcome, name in _NAMES.items():
            axes.barh(0, 0, color=_COLOURS[outcome], label=name)
        axes.set_yticks(range(len(boards)), boards)
        axes.invert_yaxis()
        axes.set_xlabel("seconds")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
        figure.savefig(path, dpi=120)
