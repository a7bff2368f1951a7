"""Measurements as data to keep, and as a table beside those of an earlier run."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING, Any

from mynah import __version__
from mynah.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mynah.bench.accuracy.corpus import Corpus
    from mynah.bench.accuracy.measure import Measurement, Point
    from mynah.bench.accuracy.recipe import Recipe

_FORMAT = "mynah accuracy 1"
_LEVELS_PER_HOUR = (0.5, 1.0, 2.0)


def to_json(
    corpus: Corpus, rules: Recipe, model: str, measurements: Sequence[Measurement]
) -> dict[str, Any]:
    """Everything that was measured, and what is needed to measure it again."""
    return {
        "format": _FORMAT,
        "mynah": __version__,
        "python": platform.python_version(),
        "model": model,
        "keyword": corpus.keyword,
        "recipe": {"snrs_db": list(rules.snrs_db), "hours": rules.hours, "seed": rules.seed},
        "recordings": {
            "keyword": len(corpus.keywords),
            "speech": len(corpus.speech),
            "noise": len(corpus.noise),
            "digest": corpus.digest(),
        },
        "engines": [_engine(measurement) for measurement in measurements],
    }


def load(path: Path) -> dict[str, Any]:
    """What an earlier run wrote.

    Raises:
        UsageError: it is not such a file.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise UsageError(f"{path} was not written by `mynah bench accuracy --out`")
    return data


def rows(data: dict[str, Any]) -> list[tuple[str, ...]]:
    """The table: a row for each engine at its own cutoff, and at some rates of false accepts."""
    found = []
    for engine in data["engines"]:
        found.append(_row(engine, engine["operating_point"], "its own"))
        for level in _LEVELS_PER_HOUR:
            point = at_most(engine, level)
            if point is not None:
                found.append(_row(engine, point, f"at most {level:g} an hour"))
    return found


def heading(data: dict[str, Any]) -> tuple[str, ...]:
    """The table's first line."""
    conditions = data["engines"][0]["operating_point"]["missed"]
    return ("engine", "cutoff", "", *(f"missed, {name}" for name in conditions), "false accepts")


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What changed since an earlier run, in words; first, why they may not be compared at all."""
    lines = [
        f"not the same {name}: {old[name]} then, {new[name]} now"
        for name in ("model", "keyword", "recipe", "recordings")
        if old[name] != new[name]
    ]
    before = {engine["engine"]: engine for engine in old["engines"]}
    for engine in new["engines"]:
        earlier = before.get(engine["engine"])
        if earlier is not None:
            lines += _engine_differences(earlier["operating_point"], engine)
    return lines


def _engine_differences(then: dict[str, Any], engine: dict[str, Any]) -> list[str]:
    now, name = engine["operating_point"], engine["engine"]
    lines = []
    if then["cutoff"] != now["cutoff"]:
        lines.append(f"{name}: cutoff {then['cutoff']} then, {now['cutoff']} now")
    for condition, missed in now["missed"].items():
        earlier = set(then["missed"].get(condition, ()))
        worse, better = sorted(set(missed) - earlier), sorted(earlier - set(missed))
        lines += [f"{name}, {condition}: newly missed {file}" for file in worse]
        lines += [f"{name}, {condition}: newly heard {file}" for file in better]
    if then["false_accepts"] != now["false_accepts"]:
        accepts = f"{_counts(then)} then, {_counts(now)} now"
        lines.append(f"{name}: false accepts {accepts}")
    return lines or [f"{name}: the same decisions"]


def _engine(measurement: Measurement) -> dict[str, Any]:
    own = measurement.operating_point
    return {
        "engine": measurement.engine,
        **measurement.about,
        "cutoff": round(measurement.cutoff, 4),
        "n_keywords": measurement.n_keywords,
        "hours": measurement.hours,
        "operating_point": {
            **_numbers(measurement, own),
            "missed": {name: list(files) for name, files in own.missed.items()},
        },
        "curve": [_numbers(measurement, point) for point in measurement.points],
    }


def _numbers(measurement: Measurement, point: Point) -> dict[str, Any]:
    return {
        "cutoff": round(point.cutoff, 4),
        "miss_rate": {name: round(measurement.miss_rate(point, name), 4) for name in point.missed},
        "false_accepts": point.false_accepts,
        "per_hour": round(measurement.per_hour(point), 3),
        "beside": point.beside,
    }


def at_most(engine: dict[str, Any], per_hour: float) -> dict[str, Any] | None:
    """The lowest cutoff from which on false accepts stay at or below so many an hour."""
    best: dict[str, Any] | None = None
    for point in reversed(engine["curve"]):
        if point["per_hour"] > per_hour:
            break
        best = point
    return best


def _row(engine: dict[str, Any], point: dict[str, Any], which: str) -> tuple[str, ...]:
    hours = sum(engine["hours"].values())
    missed = (f"{100 * rate:.1f} %" for rate in point["miss_rate"].values())
    accepts = f"{point['per_hour']:.2f} an hour ({_counts(point)} in {hours:.2f} h)"
    return (engine["engine"], f"{point['cutoff']:.3f}", which, *missed, accepts)


def _counts(point: dict[str, Any]) -> str:
    return " + ".join(f"{count} {kind}" for kind, count in point["false_accepts"].items())
