"""Two scorecards beside each other: what is better, what is worse, what is only in one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mynah.qualify.card import FAILED, PASSED
from mynah.qualify.measures import LESS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mynah.qualify.card import Card, Curve, Function, Measured

SAME, BETTER, WORSE, CHANGED, ONE = "same", "better", "worse", "changed", "only one has it"
"""How the second card does against the first; ``CHANGED``: it differs, and neither is better."""

MEASURE, FUNCTION = "measure", "function"

_MANY = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One measure or function of both cards."""

    section: str
    title: str
    first: str
    second: str
    change: str
    """`SAME`, `BETTER`, `WORSE`, `CHANGED` or `ONE`."""
    difference: str = ""
    """Of two numbers, with sign and unit."""
    kind: str = MEASURE
    """Or `FUNCTION`."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of it."""

    first: Card
    second: Card
    lines: tuple[Line, ...]

    def count(self, change: str) -> int:
        """How many lines are so."""
        return sum(line.change == change for line in self.lines)

    @property
    def warning(self) -> str:
        """What makes the comparison less than it seems; empty: nothing."""
        if self.first.is_virtual != self.second.is_virtual:
            return "one of the two is a virtual board: no hardware is compared"
        if self.first.is_virtual:
            return "two virtual boards: no hardware is compared"
        return ""

    def condensed(self, section: str, *, all_functions: bool = False) -> list[Line]:
        """The lines of a section to show: functions that are alike, or only in one, as one line.

        Args:
            section: its name.
            all_functions: every function has a line.
        """
        lines = [line for line in self.lines if line.section == section]
        if all_functions:
            return lines
        alike: dict[tuple[str, str, str], list[Line]] = {}
        for line in lines:
            if line.kind == FUNCTION and line.change in {SAME, ONE}:
                alike.setdefault((line.change, line.first, line.second), []).append(line)
        shown = [line for line in lines if line.kind == MEASURE or line.change not in {SAME, ONE}]
        for (change, first, second), some in alike.items():
            if change == ONE and len(some) <= _MANY:
                shown += some
                continue
            title = f"{len(some)} functions" if len(some) > 1 else "1 function"
            shown.append(Line(section, title, first, second, change, kind=FUNCTION))
        return shown

    @property
    def sections(self) -> list[str]:
        """Those of both cards."""
        return list(dict.fromkeys([*self.first.sections, *self.second.sections]))

    def curves(self) -> list[tuple[Curve, Curve]]:
        """Those that both have."""
        theirs = {curve.name: curve for curve in self.second.curves}
        return [(c, theirs[c.name]) for c in self.first.curves if c.name in theirs]

    def as_data(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "first": _about(self.first),
            "second": _about(self.second),
            "warning": self.warning,
            "counts": {name: self.count(name) for name in (BETTER, WORSE, CHANGED, SAME, ONE)},
            "lines": [asdict(line) for line in self.lines],
        }


def compare(first: Card, second: Card) -> Comparison:
    """Compare two cards, measure by measure and function by function, by their names."""
    sections = Comparison(first, second, ()).sections
    lines = [
        line
        for section in sections
        for line in (*_measures(first, second, section), *_functions(first, second, section))
    ]
    return Comparison(first, second, tuple(lines))


def _measures(first: Card, second: Card, section: str) -> Iterator[Line]:
    ours = {m.measure.name: m for m in first.measures_of(section)}
    theirs = {m.measure.name: m for m in second.measures_of(section)}
    for name in dict.fromkeys([*ours, *theirs]):
        a, b = ours.get(name), theirs.get(name)
        known = a or b
        assert known is not None
        change, difference = _change(a, b)
        yield Line(section, known.measure.title, _shown(a), _shown(b), change, difference)


def _change(a: Measured | None, b: Measured | None) -> tuple[str, str]:
    one = a.value if a is not None else None
    two = b.value if b is not None else None
    if one is None and two is None:
        return SAME, ""
    if a is None or one is None or two is None:
        return ONE, ""
    if isinstance(one, str) or isinstance(two, str):
        return (SAME if one == two else CHANGED), ""
    measure = a.measure
    difference = measure.show(two - one)
    if two > one:
        difference = f"+{difference}"
    if measure.is_same(one, two):
        return SAME, difference
    if not measure.better:
        return CHANGED, difference
    return (BETTER if (two < one) == (measure.better == LESS) else WORSE), difference


def _functions(first: Card, second: Card, section: str) -> Iterator[Line]:
    # By titles: the board's name may be a part of the test's.
    ours = {f.title: f for f in first.functions_of(section)}
    theirs = {f.title: f for f in second.functions_of(section)}
    for title in dict.fromkeys([*ours, *theirs]):
        yield _function_line(section, title, ours.get(title), theirs.get(title))


def _function_line(section: str, title: str, a: Function | None, b: Function | None) -> Line:
    first, second = (f.outcome if f is not None else "-" for f in (a, b))
    change = ONE
    if a is not None and b is not None:
        ran = {PASSED, FAILED}
        if a.outcome == b.outcome:
            change = SAME
        elif {a.outcome, b.outcome} == ran:
            change = BETTER if b.outcome == PASSED else WORSE
    return Line(section, title, first, second, change, kind=FUNCTION)


def _shown(m: Measured | None) -> str:
    return "-" if m is None else m.shown


def _about(card: Card) -> dict[str, Any]:
    return {
        "board": card.board,
        "title": card.title,
        "made": card.made,
        "verdict": card.verdict,
        "not_hardware": card.is_virtual,
    }
