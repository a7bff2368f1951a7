"""One picture of a recording: its waveform, the wake probability, the cutoff, the detections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mynah.audio_files import RATE_HZ, Samples
from mynah.errors import MynahError

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from mynah.wake.engine import WakeResult

_WAVE, _PROBABILITY, _MEAN, _CUTOFF, _HIT = "#5b7083", "#9ec5e8", "#1f5fa8", "#8a8a8a", "#d1495b"
_COLUMNS = 2000


def plot(
    samples: Samples,
    result: WakeResult,
    path: str | Path,
    *,
    title: str | None = None,
    word_end_s: float | None = None,
) -> None:
    """Draw a result over its recording into a picture file (PNG, SVG or PDF by its suffix).

    Args:
        samples: what was given to `mynah.wake.run`.
        result: what came back.
        path: the picture.
        title: the line above it; the wake word by default.
        word_end_s: where the word is known to end; marked when given.

    Raises:
        MynahError: the picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), layout="constrained")
    FigureCanvasAgg(figure)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    top.set_title(title or f"“{result.wake_word}”", loc="left", fontweight="bold")
    _draw_waveform(top, samples)
    _draw_probability(bottom, result)
    for axes in (top, bottom):
        _mark(axes, result, word_end_s)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0)
    bottom.legend(loc="upper left", frameon=False, ncols=5, bbox_to_anchor=(0, 1.16))
    try:
        figure.savefig(str(path), dpi=120)
    except (OSError, ValueError) as error:
        raise MynahError(f"cannot write the picture {path}: {error}") from error


def _draw_waveform(axes: Axes, samples: Samples) -> None:
    """Lowest and highest sample of each column: a peak is never lost."""
    step = max(1, len(samples) // _COLUMNS)
    n_columns = len(samples) // step
    columns = samples[: n_columns * step].reshape(n_columns, step) / 32768
    times = np.arange(n_columns) * step / RATE_HZ
    axes.fill_between(times, columns.min(1), columns.max(1), color=_WAVE, linewidth=0.3)
    axes.set_ylim(-1, 1)
    axes.set_ylabel("sound")


def _draw_probability(axes: Axes, result: WakeResult) -> None:
    axes.step(
        result.times_s, result.probabilities / 255,
        where="post", color=_PROBABILITY, linewidth=1, label="model's output",
    )  # fmt: skip
    axes.step(
        result.times_s, result.means / 255,
        where="post", color=_MEAN, linewidth=1.6, label=f"mean of {result.window}",
    )  # fmt: skip
    axes.axhline(
        result.cutoff / 255, color=_CUTOFF, linestyle="--", linewidth=1,
        label=f"cutoff {result.cutoff / 255:.2f}",
    )  # fmt: skip
    axes.set_ylim(0, 1.05)
    axes.set_xlim(0, max(result.duration_s, 0.01))
    axes.set_ylabel("wake probability")
    axes.set_xlabel("seconds")


def _mark(axes: Axes, result: WakeResult, word_end_s: float | None) -> None:
    for number, hit in enumerate(result.detections):
        axes.axvline(hit.time_s, color=_HIT, linewidth=1.4, label=None if number else "heard")
    if word_end_s is not None:
        axes.axvline(word_end_s, color=_CUTOFF, linewidth=1, linestyle=":", label="word's end")
