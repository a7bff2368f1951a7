"""The scorecard as data, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from mynah.errors import UsageError
from mynah.qualify.measures import BAD, GOOD, OPEN, SECTIONS, WEAK, Measure

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FORMAT = "mynah scorecard 1"

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
"""How a function did: a test of the suite, or of a user's own."""

NO_HARDWARE = "virtual board: no hardware was measured"


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure and what came of it: a value, or the reason why there is none."""

    measure: Measure
    value: float | str | None = None
    verdict: str = OPEN
    note: str = ""
    """How it was measured; of a measure without a value: why."""

    @property
    def shown(self) -> str:
        """The value with its unit, or that there is none."""
        return OPEN if self.value is None else self.measure.show(self.value)


@dataclass(frozen=True, slots=True)
class Function:
    """One thing that the board can do, or cannot."""

    section: str
    title: str
    outcome: str
    """`PASSED`, `FAILED` or `SKIPPED`."""
    seconds: float = 0.0
    note: str = ""
    """Why it failed or was skipped, or the figures that it noted, in a line."""
    test: str = ""
    """pytest's name of it."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A measured curve; ``x`` rises."""

    name: str
    title: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    x_unit: str
    y_unit: str
    log_x: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """One board's scorecard."""

    board: str
    """What the bench calls it."""
    title: str
    is_virtual: bool
    made: str
    """Local time, ISO 8601."""
    seconds: float
    version: str
    """Of this toolkit."""
    facts: dict[str, str] = field(default_factory=dict)
    """What is known of the board: chip, port, firmware and so on."""
    measures: tuple[Measured, ...] = ()
    functions: tuple[Function, ...] = ()
    curves: tuple[Curve, ...] = ()
    parts: tuple[tuple[str, float, str], ...] = ()
    """Name, price in yuan, where the price is from."""

    @property
    def sections(self) -> list[str]:
        """Those that have something to tell: the package's own first, then a user's."""
        there = [m.measure.section for m in self.measures] + [f.section for f in self.functions]
        own = [name for name in SECTIONS if name in there]
        return own + [name for name in dict.fromkeys(there) if name not in SECTIONS]

    @property
    def verdict(self) -> str:
        """`BAD` if a function failed or a value is bad, `WEAK` if one is weak, else `GOOD`."""
        found = {m.verdict for m in self.measures}
        if BAD in found or self.count(FAILED):
            return BAD
        if not self.count(PASSED):
            return OPEN
        return WEAK if WEAK in found else GOOD

    def section_verdict(self, section: str) -> str:
        """The same of one section; `OPEN` where nothing was measured and nothing ran."""
        found = {m.verdict for m in self.measures_of(section)}
        outcomes = {f.outcome for f in self.functions_of(section)}
        for verdict in (BAD, WEAK):
            if verdict in found or (verdict == BAD and FAILED in outcomes):
                return verdict
        return GOOD if PASSED in outcomes or found - {OPEN} else OPEN

    def measures_of(self, section: str) -> list[Measured]:
        """What was to be measured in a section."""
        return [m for m in self.measures if m.measure.section == section]

    def functions_of(self, section: str) -> list[Function]:
        """The functions of a section."""
        return [f for f in self.functions if f.section == section]

    def count(self, outcome: str) -> int:
        """How many functions did so."""
        return sum(f.outcome == outcome for f in self.functions)

    def bad(self) -> list[str]:
        """What a reader has to look at, in words."""
        failed = [f"{f.title}: {f.note}" for f in self.functions if f.outcome == FAILED]
        return failed + [
            f"{m.measure.title}: {m.shown} ({', '.join(m.measure.limits())})"
            for m in self.measures
            if m.verdict == BAD
        ]


def section_title(section: str) -> str:
    """A section's name as people read it."""
    return SECTIONS.get(section) or section.replace("_", " ").capitalize()


def to_json(card: Card) -> dict[str, Any]:
    """The card as builtin types; `from_json` reads it."""
    return {"format": FORMAT, "verdict": card.verdict, "not_hardware": card.is_virtual} | {
        key: value for key, value in asdict(card).items() if key != "is_virtual"
    }


def from_json(data: Any) -> Card:
    """The card in what `to_json` gave.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UsageError(f'it is no scorecard (its "format" is not "{FORMAT}")')
    try:
        plain = {k: v for k, v in data.items() if k not in {"format", "verdict", "not_hardware"}}
        rows: Iterable[dict[str, Any]] = plain["measures"]
        plain |= {
            "is_virtual": bool(data["not_hardware"]),
            "measures": tuple(Measured(**(m | {"measure": Measure(**m["measure"])})) for m in rows),
            "functions": tuple(Function(**row) for row in plain["functions"]),
            "curves": tuple(_curve(row) for row in plain["curves"]),
            "parts": tuple((str(n), float(p), str(s)) for n, p, s in plain["parts"]),
        }
        return Card(**plain)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"the scorecard is damaged: {error}") from None


def load(path: Path) -> Card:
    """The card in a file that `mynah qualify` wrote.

    Raises:
        UsageError: there is no such file, or it holds no card.
    """
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (ValueError, UsageError) as error:  # ValueError: no JSON, or not UTF-8
        raise UsageError(f"{path}: {error}; `mynah qualify` writes scorecards") from None


def _curve(row: dict[str, Any]) -> Curve:
    return Curve(**(row | {"x": tuple(map(float, row["x"])), "y": tuple(map(float, row["y"]))}))
