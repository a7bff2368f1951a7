"""The curve: miss rate against false accepts per hour, each engine's own cutoff marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mynah.errors import MynahError

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

_COLOURS = ("#1f5fa8", "#e0912f", "#d1495b", "#4b8b5a")
_STYLES = ("-", "--", ":", "-.")
_MOST_PER_HOUR = 20


def plot(data: dict[str, Any], path: Path) -> None:
    """Draw what `mynah.bench.accuracy.report.to_json` returned (PNG, SVG or PDF by the suffix).

    Raises:
        MynahError: the picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for engine, style in zip(data["engines"], _STYLES, strict=False):
        _draw(axes, engine, style)
    hours = max(sum(engine["hours"].values()) for engine in data["engines"])
    n_keywords = data["recordings"]["keyword"]
    axes.set_title(f"“{data['keyword']}”: {n_keywords} recordings, {hours:.1f} h without it")
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(-0.05, _MOST_PER_HOUR)
    axes.set_xticks((0, 0.5, 1, 2, 5, 10, 20), ("0", "0.5", "1", "2", "5", "10", "20"))
    axes.set_xlabel("false accepts per hour")
    axes.set_ylim(0, min(100, max(10, 2 * max(map(_highest, data["engines"])))))
    axes.set_ylabel("missed, %")
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="small")
    try:
        figure.savefig(str(path), dpi=90)
    except (OSError, ValueError) as error:
        raise MynahError(f"cannot write the picture {path}: {error}") from error


def _draw(axes: Axes, engine: dict[str, Any], style: str) -> None:
    own = engine["operating_point"]
    for condition, colour in zip(own["miss_rate"], _COLOURS, strict=False):
        rates = [100 * point["miss_rate"][condition] for point in engine["curve"]]
        axes.plot(
            [point["per_hour"] for point in engine["curve"]], rates,
            style, color=colour, linewidth=1.5, label=f"{engine['engine']}, {condition}",
        )  # fmt: skip
        axes.plot(own["per_hour"], 100 * own["miss_rate"][condition], "o", color=colour)
    axes.annotate(
        f"cutoff {own['cutoff']:.2f}", (own["per_hour"], _highest(engine)),
        xytext=(8, 4), textcoords="offset points", fontsize="small",
    )  # fmt: skip


def _highest(engine: dict[str, Any]) -> float:
    """The highest miss rate at its own cutoff, in %."""
    return 100 * float(max(engine["operating_point"]["miss_rate"].values()))
