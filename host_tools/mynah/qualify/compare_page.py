"""The comparison as one HTML page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mynah.qualify import charts
from mynah.qualify.card import SKIPPED, section_title
from mynah.qualify.compare import BETTER, CHANGED, ONE, SAME, WORSE
from mynah.qualify.measures import OPEN
from mynah.qualify.page import WORDS, date, document, text

if TYPE_CHECKING:
    from mynah.qualify.card import Card
    from mynah.qualify.compare import Comparison, Line

_CLASSES = {ONE: "one"}
_SIGNS = {BETTER: "&#9650;", WORSE: "&#9660;", CHANGED: "&#9670;", ONE: "&#9671;", SAME: ""}


def page(comparison: Comparison) -> str:
    """The page's text."""
    first, second = comparison.first, comparison.second
    warning = comparison.warning
    banner = f"<div class=virtual>{text(warning)}</div>" if warning else ""
    return document(
        f"{first.board} and {second.board}",
        f"{banner}<header><div><h1>{_name(first)} and {_name(second)}</h1>"
        f"<p>{_counts(comparison)}</p></div></header>{_heads(first, second)}"
        f"{''.join(_section(comparison, name) for name in comparison.sections)}"
        f"{_curves(comparison)}<footer>Measured by <code>mynah qualify</code>; better and worse "
        "are the second card's against the first. Differences that two runs on one board may "
        "have are not marked.</footer>",
    )


def names(comparison: Comparison) -> tuple[str, str]:
    """What to call the two, apart from each other."""
    first, second = comparison.first, comparison.second
    if first.board != second.board:
        return first.board, second.board
    return f"{first.board}, {date(first.made)}", f"{second.board}, {date(second.made)}"


def _name(card: Card) -> str:
    return text(card.board)


def _counts(comparison: Comparison) -> str:
    told = [
        f"<b class={kind}>{comparison.count(change)} {change}</b>"
        for change, kind in ((BETTER, "good"), (WORSE, "bad"), (CHANGED, "weak"))
    ]
    rest = f"{comparison.count(SAME)} the same, {comparison.count(ONE)} only of one"
    return ", ".join([*told, rest])


def _heads(first: Card, second: Card) -> str:
    boxes = "".join(
        f"<section><h2>{letter}: {_name(card)}</h2><p>{text(card.title)}<br>"
        f"{date(card.made)}, {text(' '.join(card.facts.get(k, '') for k in ('firmware', 'chip')))}"
        f'</p><b class="{card.verdict if card.verdict in {"good", "weak", "bad"} else "none"}">'
        f"{WORDS[card.verdict]}</b></section>"
        for letter, card in (("A", first), ("B", second))
    )
    return f"<div class=grid>{boxes}</div>"


def _section(comparison: Comparison, name: str) -> str:
    rows = "".join(map(_row, comparison.condensed(name)))
    head = "<thead><tr><th></th><th>A</th><th>B</th><th>B against A</th></tr></thead>"
    table = f"<table class=compare>{head}<tbody>{rows}</tbody></table>"
    return f"<section><h2>{text(section_title(name))}</h2>{table}</section>"


def _row(line: Line) -> str:
    kind = _CLASSES.get(line.change, line.change)
    difference = "" if line.change == SAME else line.difference
    words = f"{_SIGNS[line.change]} {text(difference)} {line.change}".strip()
    values = "".join(map(_value, (line.first, line.second)))
    return (
        f"<tr class='measure {kind}'><td>{text(line.title)}</td>{values}"
        f"<td class=change>{words}</td></tr>"
    )


def _value(shown: str) -> str:
    kind = "value open" if shown in {OPEN, "-", SKIPPED} else "value"
    return f'<td class="{kind}">{text(shown)}</td>'


def _curves(comparison: Comparison) -> str:
    pairs = comparison.curves()
    if not pairs:
        return ""
    labels = [f"{letter}: {name}" for letter, name in zip("AB", names(comparison), strict=True)]
    figures = "".join(
        f"<figure><figcaption>{text(pair[0].title)}</figcaption>{charts.svg(pair, labels)}</figure>"
        for pair in pairs
    )
    return f"<section><h2>Curves</h2><div class=charts>{figures}</div></section>"
