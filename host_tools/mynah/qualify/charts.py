"""Curves as SVG that takes its colours from the page."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mynah.qualify.card import Curve

WIDTH, HEIGHT = 460, 190
"""In the SVG's own units."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 10, 34
LOG_TICKS = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)
"""Of an axis of frequencies, in Hz."""

_N_TICKS = 5
_LEAST_SPAN = {"dB": 24.0, "%": 2.0}
"""So that a flat curve looks flat."""


def ticks(low: float, high: float, n: int = _N_TICKS) -> list[float]:
    """Round values in a range, about ``n`` of them."""
    span = high - low
    if span <= 0:
        return [low]
    raw = span / n
    scale = 10 ** math.floor(math.log10(raw))
    step = next(s * scale for s in (1, 2, 5, 10) if s * scale >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def y_range(curves: Sequence[Curve]) -> tuple[float, float]:
    """The values that the picture spans: the curves', and at least a usual span around them."""
    values = [y for curve in curves for y in curve.y]
    low, high = min(values), max(values)
    least = _LEAST_SPAN.get(curves[0].y_unit, 0.0)
    if curves[0].y_unit == "%":
        return 0.0, max(high * 1.1, least)
    missing = max(least - (high - low), (high - low) * 0.1)
    return low - missing / 2, high + missing / 2


def x_label(value: float) -> str:
    """As on an axis: 2000 is 2k."""
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def svg(curves: Sequence[Curve], labels: Sequence[str] = ()) -> str:
    """A picture of curves of one kind, laid over each other; ``labels`` tell them apart."""
    first = curves[0]
    low, high = y_range(curves)
    x_low, x_high = min(c.x[0] for c in curves), max(c.x[-1] for c in curves)

    def across(x: float) -> float:
        share = (
            math.log(x / x_low) / math.log(x_high / x_low)
            if first.log_x and x_high > x_low
            else (x - x_low) / ((x_high - x_low) or 1)
        )
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def up(y: float) -> float:
        return HEIGHT - _BOTTOM - (y - low) / ((high - low) or 1) * (HEIGHT - _TOP - _BOTTOM)

    parts = [
        (
            f'<svg class=chart viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{html.escape(first.title)}">'
        )
    ]
    parts += [_row(up(y), f"{y:g}") for y in ticks(low, high)]
    marks = LOG_TICKS if first.log_x else ticks(x_low, x_high)
    parts += [_column(across(x), x_label(x)) for x in marks if x_low <= x <= x_high]
    parts.append(
        f'<text class=tick x="{WIDTH - _RIGHT}" y="{HEIGHT - 3}" text-anchor=end>'
        f'{html.escape(first.x_unit)}</text><text class=tick x="4" y="{_TOP + 4}">'
        f"{html.escape(first.y_unit)}</text>"
    )
    for number, curve in enumerate(curves):
        points = " ".join(
            f"{across(x):.1f},{up(y):.1f}" for x, y in zip(curve.x, curve.y, strict=True)
        )
        parts.append(f'<polyline class="curve c{number}" points="{points}"/>')
        if labels:
            parts.append(
                f'<text class="tick c{number}" x="{_LEFT + 8 + number * 190}" '
                f'y="{HEIGHT - _BOTTOM - 8}">{html.escape(labels[number])}</text>'
            )
    return "".join(parts) + "</svg>"


def _row(y: float, label: str) -> str:
    return (
        f'<line class=grid x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class=tick x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor=end>{label}</text>'
    )


def _column(x: float, label: str) -> str:
    bottom = HEIGHT - _BOTTOM
    return (
        f'<line class=grid y1="{_TOP}" y2="{bottom}" x1="{x:.1f}" x2="{x:.1f}"/>'
        f'<text class=tick x="{x:.1f}" y="{bottom + 15}" text-anchor=middle>{label}</text>'
    )
