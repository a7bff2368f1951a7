"""The bench as a picture: every take a dot, the medians a line."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from mynah.bench.home.measure import Case

_COLOURS = {"Mynah, from the sentence": "#1f6f8b", "python-miio, the call": "#c8553d"}


def draw(cases: list[Case], path: Path) -> None:
    """Draw the cases below each other, in milliseconds; the file's ending says the format."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure = Figure(figsize=(8, 1 + 0.9 * len(cases)), layout="constrained")
    axes = figure.subplots()
    for row, case in enumerate(cases):
        both = zip(_COLOURS.items(), (case.mynah_us, case.python_miio_us), strict=True)
        for place, ((label, colour), times_us) in enumerate(both):
            height = -row + (0.18, -0.18)[place]
            times_ms = [time_us / 1000 for time_us in times_us]
            median = statistics.median(times_ms)
            spread = [height + 0.1 * ((i % 7) / 6 - 0.5) for i in range(len(times_ms))]
            axes.plot(times_ms, spread, ".", color=colour, alpha=0.45, markersize=4)
            axes.plot([median] * 2, [height - 0.14, height + 0.14], color=colour, linewidth=2.5)
            axes.annotate(
                f" {median:.2f} ms", (max(times_ms), height), color=colour, va="center", fontsize=9
            )
            if row == 0:
                axes.plot([], [], color=colour, linewidth=2.5, label=label)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("milliseconds to the last acknowledgement (medians as lines)")
    axes.set_yticks([-row for row in range(len(cases))], [case.name for case in cases])
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2, frameon=False)
    left, right = axes.get_xlim()
    axes.set_xlim(left, right * 1.5)
    figure.savefig(path, dpi=120)
