"""The scorecard as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from mynah.qualify import charts
from mynah.qualify.card import FAILED, NO_HARDWARE, PASSED, SKIPPED, section_title
from mynah.qualify.measures import BAD, GOOD, OPEN, TOLD, WEAK
from mynah.qualify.style import STYLE

if TYPE_CHECKING:
    from mynah.qualify.card import Card, Function, Measured

WORDS = {GOOD: "good", WEAK: "good enough", BAD: "not good enough", OPEN: "nothing was measured"}
"""What the whole card's verdict is called."""

SIGNS = {GOOD: "&#10003;", WEAK: "!", BAD: "&#10007;", TOLD: "", OPEN: "&ndash;"}
_FUNCTION_SIGNS = {PASSED: "&#10003;", FAILED: "&#10007;", SKIPPED: "&ndash;"}
_CLASSES = {OPEN: "none"}


def page(card: Card) -> str:
    """The page's text."""
    sections = "".join(_section(card, name) for name in card.sections)
    return document(
        f"Scorecard: {card.title}",
        f"{banner(card.is_virtual)}{_header(card)}{_look(card)}"
        f"<div class=grid>{sections}{_parts(card)}</div>{_curves(card)}{_footer(card)}",
    )


def document(title: str, body: str) -> str:
    """A whole HTML document."""
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def banner(is_virtual: bool) -> str:
    """What nobody may overlook on the card of a virtual board."""
    return f"<div class=virtual>{NO_HARDWARE}</div>" if is_virtual else ""


def text(words: str) -> str:
    """Escaped."""
    return html.escape(words)


def date(made: str) -> str:
    """As people read it."""
    return made[:16].replace("T", " ")


def _header(card: Card) -> str:
    facts = {"board": card.board} | card.facts
    items = "".join(f"<li><b>{text(k)}</b> {text(v)}</li>" for k, v in facts.items())
    counts = f"{card.count(PASSED)} of {len(card.functions)} functions passed"
    for outcome in (FAILED, SKIPPED):
        if card.count(outcome):
            counts += f", {card.count(outcome)} {outcome}"
    verdict = card.verdict
    what = " (of the firmware alone)" if card.is_virtual else ""
    return (
        f"<header><div><h1>{text(card.title)}</h1>"
        f"<p>Scorecard of {date(card.made)}; {counts}; took {card.seconds:.0f} s</p></div>"
        f'<div class="verdict {_CLASSES.get(verdict, verdict)}" style="flex: none">'
        f"{WORDS[verdict]}{what}</div></header><ul class=facts>{items}</ul>"
    )


def _look(card: Card) -> str:
    rows = "".join(f"<li>{text(line)}</li>" for line in card.bad())
    if not rows:
        return ""
    return f"<section class=look><h2 class=bad>Look at this</h2><ul>{rows}</ul></section>"


def _section(card: Card, name: str) -> str:
    verdict = card.section_verdict(name)
    sign = f'<span class="{_CLASSES.get(verdict, verdict)}">{SIGNS[verdict]}</span>'
    rows = "".join(map(_measure, card.measures_of(name)))
    functions = "".join(map(_function, card.functions_of(name)))
    table = f"<table>{rows}</table>" if rows else ""
    listed = f"<ul class=functions>{functions}</ul>" if functions else ""
    return f"<section><h2>{sign}{text(section_title(name))}</h2>{table}{listed}</section>"


def _measure(m: Measured) -> str:
    kind = _CLASSES.get(m.verdict, m.verdict)
    value = "value open" if m.value is None else f"value {kind if m.verdict != TOLD else ''}"
    limits = [] if m.value is None else m.measure.limits()
    why = f'title="{text(m.measure.why)}"' if m.measure.why else ""
    note = f"<tr {why}><td><td class=note colspan=3>{text(m.note)}</td></tr>" if m.note else ""
    return (
        f'<tr class=measure {why}><td class="mark {kind}">{SIGNS[m.verdict]}</td>'
        f'<td>{text(m.measure.title)}</td><td class="{value}">{text(m.shown)}</td>'
        f"<td class=limit>{'<br>'.join(map(text, limits))}</td></tr>{note}"
    )


def _function(function: Function) -> str:
    return (
        f'<li title="{text(function.test)}"><b class={function.outcome}>'
        f"{_FUNCTION_SIGNS[function.outcome]}</b>{text(function.title)}{_note(function.note)}</li>"
    )


def _note(words: str) -> str:
    return f"<span class=note>{text(words)}</span>" if words else ""


def _parts(card: Card) -> str:
    if not card.parts:
        return ""
    rows = "".join(
        f"<tr><td>{text(name)}<span class=note>{text(source)}</span></td>"
        f"<td class=value>{price:g} yuan</td></tr>"
        for name, price, source in card.parts
    )
    return f"<section><h2>Parts</h2><table>{rows}</table></section>"


def _curves(card: Card) -> str:
    if not card.curves:
        return ""
    figures = "".join(
        f"<figure><figcaption>{text(curve.title)}</figcaption>{charts.svg([curve])}</figure>"
        for curve in card.curves
    )
    return f"<section class=wide><h2>Curves</h2><div class=charts>{figures}</div></section>"


def _footer(card: Card) -> str:
    return (
        f"<footer>Written by mynah {text(card.version)} (<code>mynah qualify</code>). Limits are "
        "the project's judgement unless a source is named: hold the pointer on a line to read why. "
        "Levels are root mean squares against a full-scale square wave.</footer>"
    )
