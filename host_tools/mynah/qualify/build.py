"""Makes a card of what the tests told."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mynah import __version__
from mynah.qualify.card import FAILED, PASSED, SKIPPED, Card, Curve, Function, Measured
from mynah.qualify.measures import NOT_REACHED, OPEN, TOLD, catalogue, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mynah.boards import Board
    from mynah.qualify.measures import Measure
    from mynah.qualify.session import Event

_OUTCOMES = {"passed": PASSED, "xfailed": PASSED, "skipped": SKIPPED}
_POWER = ("power.brownouts", "power.crashes")
_PRICE = "price.parts_yuan"


@dataclass(slots=True)
class Builder:
    """Takes events of test sessions in turn; `card` is what they come to."""

    measures: Mapping[str, Measure] = field(default_factory=catalogue)
    """What is to be measured, and the limits."""

    tests: dict[str, dict[str, Any]] = field(default_factory=dict)
    functions: list[Function] = field(default_factory=list)
    values: dict[str, tuple[float | str, str, str]] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)
    curves: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Take one event."""
        kind = event["event"]
        if kind == "tests":
            self.tests.update({test["test"]: test for test in event["tests"]})
        elif kind == "end":
            self._end(event)
        elif kind == "unreadable":
            name = event["test"]
            self.functions.append(
                Function("unreadable", name, FAILED, note=event["reason"], test=name)
            )

    def card(self, name: str, board: Board | None, *, is_virtual: bool, started: float) -> Card:
        """The card of a board.

        Args:
            name: what the bench calls it.
            board: its board file; None where nobody knows.
            is_virtual: whether it is a virtual one.
            started: seconds since 1970.
        """
        for measure, count in self._counts.items():
            self.values[measure] = (count, "", f"in the logs of {len(self.functions)} tests")
        self._price(board)
        names = dict.fromkeys([*self.measures, *self.values, *self.open])
        return Card(
            board=name,
            title=board.title if board is not None else name,
            is_virtual=is_virtual,
            made=time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(started)),
            seconds=round(time.time() - started, 1),
            version=__version__,
            facts=self.facts,
            measures=tuple(map(self._measured, names)),
            functions=tuple(self.functions),
            curves=tuple(Curve(key, **_tuples(curve)) for key, curve in self.curves.items()),
            parts=tuple((p.name, float(p.price_yuan), p.source) for p in board.parts)
            if board is not None
            else (),
        )

    def _end(self, event: Event) -> None:
        test = self.tests.get(event["test"], {})
        outcome = _OUTCOMES.get(event["outcome"], FAILED)
        score = event["score"] or {"values": {}, "open": {}, "curves": {}, "facts": {}}
        note = event["reason"]
        if outcome == PASSED:
            note = ", ".join(f"{n} {v:.4g} {u}".rstrip() for n, v, u in event["figures"])
        self.functions.append(
            Function(
                str(test.get("section", "tests")),
                str(test.get("title", event["test"])),
                outcome,
                event["seconds"],
                note,
                event["test"],
            )
        )
        self.values |= {name: tuple(value) for name, value in score["values"].items()}
        self.open |= score["open"]
        self.curves |= score["curves"]
        self.facts |= score["facts"]
        why = {FAILED: f"its test failed: {note}", SKIPPED: note}.get(outcome, "")
        for name in test.get("scores", ()):
            if why and name not in self.values:
                self.open.setdefault(name, why)
        self._board(event["board"], passed=outcome == PASSED)

    def _board(self, board: Mapping[str, Any] | None, *, passed: bool) -> None:
        if board is None:
            return
        for key in ("port", "firmware"):  # a test may know it better: with its version
            if len(board[key]) > len(self.facts.get(key, "")):
                self.facts[key] = board[key]
        n_crashes = 0 if passed else board["crashes"]  # a test that passes had expected them
        for name, count in zip(_POWER, (board["brownouts"], n_crashes), strict=True):
            self._counts[name] = self._counts.get(name, 0) + count

    def _price(self, board: Board | None) -> None:
        if board is None:
            self.open[_PRICE] = "nobody said which board it is (--board NAME)"
        elif board.is_virtual:
            self.open[_PRICE] = "a virtual board has no parts"
        elif not board.parts:
            self.open[_PRICE] = f"the board file {board.name} names no parts"
        else:
            sources = sorted({part.source for part in board.parts})
            self.values[_PRICE] = (board.price_yuan, "", "; ".join(sources))

    def _measured(self, name: str) -> Measured:
        if name not in self.values:
            measure = self.measures.get(name) or plain(name)
            return Measured(
                measure, None, OPEN, self.open.get(name) or measure.unmeasured or NOT_REACHED
            )
        value, unit, note = self.values[name]
        measure = self.measures.get(name) or plain(name, unit)
        verdict = measure.judge(value) if measure.better else TOLD
        return Measured(measure, value, verdict, note)


def _tuples(curve: Mapping[str, Any]) -> dict[str, Any]:
    return {**curve, "x": tuple(curve["x"]), "y": tuple(curve["y"])}
