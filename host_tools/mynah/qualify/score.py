"""The fixture ``score``: what a test found out about its board, for a scorecard."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SCORES = "scores"
"""The mark that names what a test measures: where the test is skipped, its reason is theirs."""


@dataclass(slots=True)
class Score:
    """Takes values; `mynah qualify` makes a card of them, and any test run notes the figures."""

    note_figure: Callable[[str, float, str], object]
    values: dict[str, tuple[float | str, str, str]] = field(default_factory=dict)
    """Value, unit, note; by the measure's name."""
    open: dict[str, str] = field(default_factory=dict)
    """Why there is no value, by the measure's name."""
    curves: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str, value: float | str, unit: str = "", *, note: str = "") -> None:
        """Give a measure its value.

        Args:
            name: ``section.what``, as in ``"speaker.level_dbfs"``; any other is one of your own.
            value: a number, or a text where there is none to compare.
            unit: of a measure of your own; the package knows its own.
            note: how it was measured.

        Raises:
            ValueError: the number is not finite.
        """
        if not isinstance(value, str):
            value = float(value)
            if not math.isfinite(value):
                raise ValueError(f"{name} is {value}: say score.not_measured({name!r}, why)")
            self.note_figure(name, value, unit)
        self.values[name] = (value, unit, note)

    def not_measured(self, name: str, reason: str) -> None:
        """Say why a measure has no value here."""
        self.open[name] = reason

    def curve(  # noqa: PLR0917 - x and y of a curve, and what they are
        self,
        name: str,
        x: Sequence[float],
        y: Sequence[float],
        title: str,
        x_unit: str,
        y_unit: str,
        *,
        log_x: bool = False,
    ) -> None:
        """Give a curve; ``x`` rises.

        Raises:
            ValueError: it has no points, or not as many of ``x`` as of ``y``.
        """
        if not len(x) or len(x) != len(y):
            raise ValueError(f"{name} has {len(x)} x and {len(y)} y")
        self.curves[name] = {
            "title": title,
            "x": [float(f"{value:.6g}") for value in x],
            "y": [float(f"{value:.6g}") for value in y],
            "x_unit": x_unit,
            "y_unit": y_unit,
            "log_x": log_x,
        }

    def about(self, **facts: str) -> None:
        """Tell facts about the board: ``score.about(chip="ESP32-S3 rev 0.2")``."""
        self.facts |= facts

    def as_data(self) -> dict[str, Any]:
        """Of builtin types only."""
        return {
            "values": {name: list(value) for name, value in self.values.items()},
            "open": self.open,
            "curves": self.curves,
            "facts": self.facts,
        }


KEY = pytest.StashKey[Score]()
"""Where a test keeps its `Score`."""


@pytest.fixture
def score(request: pytest.FixtureRequest) -> Score:
    """Note what was measured: ``score("speaker.level_dbfs", -3.1)``."""
    from mynah.hil.evidence import Evidence
    from mynah.hil.pool import EVIDENCE

    stash = request.node.stash
    if EVIDENCE not in stash:
        stash[EVIDENCE] = Evidence()

    def note(name: str, value: float, unit: str) -> None:
        stash[EVIDENCE].measure(name, value, unit)  # the fixture device may have put another there

    stash[KEY] = found = Score(note)
    return found


def pytest_configure(config: pytest.Config) -> None:
    """Explain the mark."""
    config.addinivalue_line(
        "markers", f"{SCORES}(*names): the measures of a scorecard that the test gives values"
    )
