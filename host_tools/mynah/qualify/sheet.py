"""The scorecard as a PDF of one page, A4: as much detail as fits."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.qualify import charts
from mynah.qualify.card import FAILED, NO_HARDWARE, PASSED, SKIPPED, section_title
from mynah.qualify.measures import BAD, GOOD, LESS, OPEN, TOLD, WEAK
from mynah.qualify.page import WORDS, date

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    from mynah.qualify.card import Card, Curve, Measured

WIDTH, HEIGHT = 8.27, 11.69
"""Of the page, in inches."""

_MARGIN, _GAP, _CHARTS = 0.45, 0.25, 1.65
_COLUMN = (WIDTH - 2 * _MARGIN - _GAP) / 2
_LIMIT = 0.72  # the last part of a line
_INDENT = 0.14
_LARGEST, _SMALLEST = 0.17, 0.118
_POINTS = 44.0  # of the type for each inch of a line's height
_SECTION = 1.45  # lines
_COLOURS = {GOOD: "#1a7f4b", WEAK: "#a56a00", BAD: "#c62f2f", TOLD: "#1c2024", OPEN: "#8a93a0"}
_OUTCOMES = {PASSED: GOOD, FAILED: BAD, SKIPPED: OPEN}
_FG, _DIM, _LINE, _CURVE = "#1c2024", "#667080", "#dfe3e8", "#2b6cb0"
_MAX_CURVES = 3
_FEW = 6  # functions
_MEASURING_DPI = 400  # coarser ones round the widths of characters
_END = "..."


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the sheet: of kind "section", "measure", "function" or "note"."""

    kind: str
    left: str
    value: str = ""
    limit: str = ""
    colour: str = _FG

    @property
    def lines(self) -> float:
        """How high it is."""
        return {"section": _SECTION, "note": 0.8}.get(self.kind, 1.0)


def render(card: Card, kind: str = "pdf", *, dpi: int = 100) -> bytes:
    """The page as PDF, or as a picture of it (``kind`` "png")."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=dpi if kind == "png" else _MEASURING_DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    top = _header(axes, card)
    bottom = _MARGIN + 0.1
    if card.curves:
        _draw_curves(figure, card.curves[:_MAX_CURVES], bottom)
        bottom += _CHARTS
    _body(axes, card, top, bottom)
    footer = (
        f"mynah {card.version}, mynah qualify. Limits: good to, and in brackets bad from there "
        "on; the HTML page has their reasons."
    )
    _words(axes, (_MARGIN, 0.36), footer, 6, _DIM)
    buffer = io.BytesIO()
    title = {"Title": f"Scorecard: {card.title}"}
    figure.savefig(buffer, format=kind, dpi=dpi, metadata=title)
    return buffer.getvalue()


def _header(axes: Axes, card: Card) -> float:
    """Draw what stands on top; where it ends."""
    from matplotlib.patches import FancyBboxPatch

    y = HEIGHT - _MARGIN
    right = WIDTH - _MARGIN
    if card.is_virtual:
        shape = "round,pad=0,rounding_size=0.06"
        width = WIDTH - 2 * _MARGIN
        box = FancyBboxPatch((_MARGIN, y - 0.42), width, 0.42, shape, fc="#b02a2a", ec="none")
        axes.add_patch(box)
        at = (WIDTH / 2, y - 0.215)
        _words(axes, at, NO_HARDWARE.upper(), 16.5, "white", bold=True, align="center center")
        y -= 0.6
    verdict = WORDS[card.verdict] + (" (firmware)" if card.is_virtual else "")
    room = WIDTH - 2 * _MARGIN
    _words(axes, (_MARGIN, y), card.title, 14, _FG, bold=True, room=room)
    y -= 0.27
    colour = _COLOURS[card.verdict]
    taken = _words(axes, (right, y), verdict, 13, colour, bold=True, align="right top")
    counts = ", ".join(f"{card.count(o)} {o}" for o in _OUTCOMES if card.count(o))
    told = f"Scorecard of {date(card.made)}; functions: {counts}"
    _words(axes, (_MARGIN, y), told, 8.5, _DIM, room=room - taken - 0.15)
    y -= 0.25
    facts = [f"{k}: {v}" for k, v in ({"board": card.board} | card.facts).items()]
    for line in textwrap.wrap("   ".join(fact.replace(" ", "\xa0") for fact in facts), 135)[:2]:
        _words(axes, (_MARGIN, y), line, 7, _DIM)
        y -= 0.13
    return y - 0.05


def _body(axes: Axes, card: Card, top: float, bottom: float) -> None:
    """Fill two columns with the most detailed of the lists that fits."""
    height = top - bottom
    for detail in (3, 2, 1, 0):
        rows = list(_rows(card, detail))
        columns = _in_columns(rows)
        row = min(height / max(map(_lines, columns)), _LARGEST)
        if row >= _SMALLEST:
            break
    for number, column in enumerate(columns):
        x, y = _MARGIN + number * (_COLUMN + _GAP), top
        for each in column:
            y -= each.lines * row
            if y < bottom - row / 2:
                _words(axes, (x, y), "more in the HTML page", 6, _COLOURS[BAD])
                break
            _draw_row(axes, each, (x, y + row / 2), row)


def _in_columns(rows: Sequence[_Row]) -> tuple[Sequence[_Row], Sequence[_Row]]:
    """Two columns of about the same height; the second begins with a section."""
    starts = [i for i, row in enumerate(rows) if row.kind == "section"]
    best = min(starts, key=lambda i: max(_lines(rows[:i]), _lines(rows[i:])), default=len(rows))
    return rows[:best], rows[best:]


def _lines(rows: Sequence[_Row]) -> float:
    return sum(row.lines for row in rows) or 1.0


def _rows(card: Card, detail: int) -> Iterator[_Row]:
    """The lines of all sections.

    Args:
        card: it.
        detail: 3 lists every function, 2 those of sections with few, 1 those that failed, and 0
            leaves out reasons.
    """
    for name in card.sections:
        functions = card.functions_of(name)
        least = 2 if len(functions) <= _FEW else 3
        n_run = sum(f.outcome != SKIPPED for f in functions)
        n_passed = sum(f.outcome == PASSED for f in functions)
        told = f"{n_passed} of {n_run} functions" if n_run else ""
        colour = _COLOURS[card.section_verdict(name)]
        yield _Row("section", section_title(name), told, colour=colour)
        for m in card.measures_of(name):
            yield _Row("measure", m.measure.title, m.shown, _limit(m), _COLOURS[m.verdict])
            if m.value is None and detail:
                yield _Row("note", m.note, colour=_COLOURS[OPEN])
        for function in functions:
            if detail >= least or function.outcome == FAILED:
                colour = _COLOURS[_OUTCOMES[function.outcome]]
                yield _Row("function", function.title, function.outcome, colour=colour)
            if function.outcome == FAILED and detail:
                yield _Row("note", function.note, colour=_COLOURS[BAD])


def _limit(m: Measured) -> str:
    measure = m.measure
    if m.value is None or not measure.better or measure.weak is None:
        return ""
    sign = "\N{LESS-THAN OR EQUAL TO}" if measure.better == LESS else "\N{GREATER-THAN OR EQUAL TO}"
    bad = f" ({measure.bad:g})" if measure.bad not in {None, measure.weak} else ""
    return f"{sign} {measure.weak:g}{bad}"


def _draw_row(axes: Axes, row: _Row, at: tuple[float, float], height: float) -> None:
    x, y = at
    right, size = x + _COLUMN, height * _POINTS
    if row.kind == "section":
        axes.plot([x, right], [y - height * 0.32] * 2, color=row.colour, linewidth=0.8)
        at = (x, y + height * 0.12)
        _words(axes, at, row.left, size * 1.2, row.colour, bold=True, align="left center")
        _words(axes, (right, at[1]), row.value, size * 0.95, _DIM, align="right center")
        return
    left, room = x + _INDENT, _COLUMN - _INDENT
    if row.kind == "note":
        _words(
            axes,
            (left, y + height * 0.1),
            row.left,
            size * 0.82,
            row.colour,
            align="left center",
            room=room,
        )
        return
    if row.kind == "function":
        sign = {PASSED: "\N{CHECK MARK}", FAILED: "\N{BALLOT X}"}.get(row.value, "\N{EN DASH}")
        _words(axes, (x, y), sign, size, row.colour, align="left center")
        _words(axes, (left, y), row.left, size, _DIM, align="left center", room=room)
        return
    axes.plot([x + 0.04], [y], marker="o", markersize=size * 0.45, color=row.colour)
    bold = row.value != OPEN
    value_at = (right - _LIMIT, y)
    taken = _words(axes, value_at, row.value, size, row.colour, bold=bold, align="right center")
    room -= _LIMIT + taken + 0.08
    _words(axes, (left, y), row.left, size, _FG, align="left center", room=room)
    _words(axes, (right, y), row.limit, size * 0.9, _DIM, align="right center")


def _words(
    axes: Axes,
    at: tuple[float, float],
    words: str,
    size: float,
    colour: str,
    *,
    bold: bool = False,
    align: str = "left top",
    room: float = WIDTH,
) -> float:
    """Write words, as many as there is room for; their width in inches."""
    across, up = align.split()
    weight = "bold" if bold else "normal"
    plain = words.replace("$", r"\$")  # a dollar sign would begin a formula
    drawn = axes.text(*at, plain, fontsize=size, color=colour, fontweight=weight, ha=across, va=up)
    width = _width(drawn)
    n = len(plain)
    while width > room and n > 1:
        n = min(n - 1, int(n * room / width))
        drawn.set_text(plain[:n].rstrip() + _END)
        width = _width(drawn)
    return width


def _width(drawn: Text) -> float:
    figure = drawn.figure
    assert figure is not None
    return float(drawn.get_window_extent().width / figure.dpi)


def _draw_curves(figure: Figure, curves: Sequence[Curve], bottom: float) -> None:
    width = (WIDTH - 2 * _MARGIN - 0.3 * len(curves)) / len(curves)
    for i, curve in enumerate(curves):
        x = _MARGIN + 0.3 + i * (width + 0.3)
        y, height = bottom + 0.25, _CHARTS - 0.6
        axes = figure.add_axes((x / WIDTH, y / HEIGHT, (width - 0.05) / WIDTH, height / HEIGHT))
        axes.plot(curve.x, curve.y, color=_CURVE, linewidth=1.2)
        if curve.log_x:
            axes.set_xscale("log")
            inside = [tick for tick in charts.LOG_TICKS if curve.x[0] <= tick <= curve.x[-1]]
            axes.set_xticks(inside, [charts.x_label(tick) for tick in inside])
            axes.minorticks_off()
        axes.set_xlim(curve.x[0], curve.x[-1])
        axes.set_ylim(*charts.y_range([curve]))
        title = f"{curve.title}, {curve.y_unit} over {curve.x_unit}"
        axes.set_title(
            textwrap.shorten(title, 48, placeholder=_END), fontsize=7, color=_DIM, loc="left"
        )
        axes.tick_params(labelsize=6, colors=_DIM, length=2)
        axes.grid(visible=True, color=_LINE, linewidth=0.5)
        for spine in axes.spines.values():
            spine.set_color(_LINE)
