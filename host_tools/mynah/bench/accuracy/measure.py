"""Stream the sections through an engine and count hits and false accepts at every cutoff."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mynah.audio_files import RATE_HZ
from mynah.bench.accuracy import engines, recipe
from mynah.bench.accuracy.corpus import NOISE, SPEECH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mynah.bench.accuracy.corpus import Corpus
    from mynah.bench.accuracy.engines import Engine, Outputs
    from mynah.bench.accuracy.recipe import Keyword, Recipe

LATE_S = 0.75
"""A detection counts for a keyword until this long after its recording's end."""


@dataclass(frozen=True, slots=True)
class Point:
    """What an engine does at one cutoff."""

    cutoff: float
    missed: dict[str, tuple[str, ...]]
    """The missed recordings by keyword stream, sorted."""
    false_accepts: dict[str, int]
    """By negative stream."""
    beside: int
    """Detections in the keyword streams that belong to no keyword."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One engine over the whole recipe."""

    engine: str
    about: dict[str, Any]
    cutoff: float
    """The model's own."""
    n_keywords: int
    hours: dict[str, float]
    """Of negative sound, by stream."""
    points: tuple[Point, ...]
    """By rising cutoff."""

    @property
    def operating_point(self) -> Point:
        """What it does at the model's own cutoff."""
        return next(point for point in self.points if point.cutoff == self.cutoff)

    def miss_rate(self, point: Point, condition: str) -> float:
        """The share of the keywords that were missed, 0..1."""
        return len(point.missed[condition]) / self.n_keywords

    def per_hour(self, point: Point) -> float:
        """False accepts per hour of negative sound."""
        return sum(point.false_accepts.values()) / sum(self.hours.values())


@dataclass(slots=True)
class _Heard:
    """An engine's outputs over one section."""

    kind: str
    keywords: tuple[Keyword, ...]
    outputs: Outputs


@dataclass(slots=True)
class _Run:
    engine: Engine
    heard: list[_Heard] = field(default_factory=list)
    hours: dict[str, float] = field(default_factory=dict)


def measure(
    corpus: Corpus,
    rules: Recipe,
    wanted: Sequence[Engine],
    progress: Callable[[float], None] = lambda _: None,
) -> list[Measurement]:
    """Stream everything once through each engine.

    Args:
        corpus: the recordings.
        rules: what to stream.
        wanted: the engines, each with its model.
        progress: called with the share that is done, 0 to 1.

    Raises:
        AudioError, MynahError: a recording cannot be read, or an engine failed.
    """
    runs = [_Run(engine) for engine in wanted]
    whole_s = recipe.total_seconds(corpus, rules) * len(runs)
    done_s = 0.0
    for section in recipe.sections(corpus, rules):
        for run in runs:
            outputs = run.engine.run(section.samples)
            run.heard.append(_Heard(section.kind, section.keywords, outputs))
            if section.kind in {SPEECH, NOISE}:
                hours = run.hours.get(section.kind, 0.0)
                run.hours[section.kind] = hours + section.seconds / 3600
            done_s += section.seconds
            progress(min(1.0, done_s / whole_s))
    return [_measurement(run, rules, len(corpus.keywords)) for run in runs]


def _measurement(run: _Run, rules: Recipe, n_keywords: int) -> Measurement:
    engine = run.engine
    points = tuple(_point(run, rules, cutoff) for cutoff in engines.cutoffs(engine))
    hours = {kind: round(value, 4) for kind, value in run.hours.items()}
    return Measurement(engine.name, dict(engine.about), engine.cutoff, n_keywords, hours, points)


def _point(run: _Run, rules: Recipe, cutoff: float) -> Point:
    missed: dict[str, list[str]] = {name: [] for name in rules.conditions()}
    false_accepts = dict.fromkeys(run.hours, 0)
    beside = 0
    for heard in run.heard:
        times = heard.outputs.times_s[run.engine.detections(heard.outputs, cutoff)]
        if heard.kind in false_accepts:
            false_accepts[heard.kind] += int((times > recipe.LEAD_IN_S).sum())
            continue
        missed[heard.kind] += missed_keywords(heard.keywords, times)
        beside += len(times) - _near(heard.keywords, times)
    in_order = {name: tuple(sorted(names)) for name, names in missed.items()}
    return Point(cutoff, in_order, false_accepts, beside)


def missed_keywords(keywords: Sequence[Keyword], times_s: npt.NDArray[np.float64]) -> list[str]:
    """The names of the keywords within which, or shortly after which, nothing was heard."""
    return [
        keyword.name
        for keyword in keywords
        if not np.any((times_s > _first_s(keyword)) & (times_s <= _last_s(keyword)))
    ]


def _near(keywords: Sequence[Keyword], times_s: npt.NDArray[np.float64]) -> int:
    return sum(
        any(_first_s(keyword) < time <= _last_s(keyword) for keyword in keywords)
        for time in times_s
    )


def _first_s(keyword: Keyword) -> float:
    return keyword.first / RATE_HZ


def _last_s(keyword: Keyword) -> float:
    return keyword.end / RATE_HZ + LATE_S
