"""One HTML page of a test session that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import html
import re
import time
from typing import TYPE_CHECKING

from mynah import __version__
from mynah.errors import AudioError
from mynah.hil.report import sound_picture
from mynah.hil.report.model import OUTCOMES, SKIPPED, in_short
from mynah.hil.report.style import SCRIPT, STYLE
from mynah.logs import parse
from mynah.userdirs import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mynah.hil.evidence import Attachment, Figure
    from mynah.hil.report.model import Run, TestResult

_MAX_TEXT = 64 * 1024
_MAX_SHORT = 300


def write_page(path: Path, run: Run) -> None:
    """Write the page, as a whole.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, page(run).encode())


def page(run: Run) -> str:
    """The page's text."""
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    revision = f", {_text(run.revision)}" if run.revision else ""
    title = f"{run.project}: board tests of {started}"
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{STYLE}</style></head><body>\n"
        f"<header><h1>{_text(run.project)}{revision}</h1>"
        f"<p>{started}, {run.seconds:.0f} s, mynah {__version__}</p>{_boards(run)}"
        f"{_summary(run)}</header>\n<main>\n"
        f"{''.join(map(_test, _sorted(run.tests)))}</main>\n"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def _sorted(tests: Iterable[TestResult]) -> list[TestResult]:
    """What failed first, what was skipped last; else in the order in which they ran."""
    return sorted(tests, key=lambda test: (not test.is_bad, test.outcome == SKIPPED))


def _boards(run: Run) -> str:
    rows = "".join(
        f"<tr><th>{_text(name)}</th><td>{_counts(run, name)}</td><td>{_text(port)}</td>"
        f"<td>{_text(firmware)}</td></tr>"
        for name, (port, firmware) in sorted(run.boards.items())
    )
    if not rows:
        return ""
    head = "<tr><th>board</th><th>tests</th><th>port</th><th>firmware</th></tr>"
    return f"<table class=boards>{head}{rows}</table>"


def _counts(run: Run, board: str) -> str:
    counts = ((outcome, run.count(outcome, board)) for outcome in OUTCOMES)
    return ", ".join(f"<span class={what}>{n} {what}</span>" for what, n in counts if n)


def _summary(run: Run) -> str:
    chips = "".join(
        f'<label class="chip {outcome}"><input type=checkbox checked value="{outcome}">'
        f"{run.count(outcome)} {outcome}</label>"
        for outcome in OUTCOMES
        if run.count(outcome)
    )
    return (
        f"<div class=bar>{chips}"
        '<input type=search placeholder="name, board or text of a log" aria-label="search">'
        "<button type=button id=open>open all</button></div>"
    )


def _test(test: TestResult) -> str:
    name = re.sub(r"^(.*/)", r"<span class=dim>\1</span>", _text(test.name))
    pictures = sum(not a.media_type.startswith("text/") for a in test.evidence.attachments)
    marks = f'<span class=dim title="sounds and pictures">{"&#9834;" * min(pictures, 5)}</span>'
    return (
        f'<details class="test {test.outcome}"{" open" if test.is_bad else ""}>'
        f"<summary><b>{test.outcome}</b><span class=name>{name}</span>{marks}"
        f"<span class=board>{_text(test.board)}</span>"
        f"<span class=time>{test.seconds:.2f} s</span>{_short(test)}</summary><div class=body>"
        f"{_reason(test)}{_figures(test.evidence.figures)}"
        f"{''.join(map(_attachment, test.evidence.attachments))}{_log(test)}</div></details>\n"
    )


def _short(test: TestResult) -> str:
    """What failed, or why it was skipped."""
    if not test.reason:
        return ""
    return f"<span class=short>{_text(in_short(test.reason)[:_MAX_SHORT])}</span>"


def _reason(test: TestResult) -> str:
    if not test.reason:
        return ""
    return f'<pre class="{"why" if test.is_bad else "skip"}">{_text(test.reason)}</pre>'


def _figures(figures: Iterable[Figure]) -> str:
    rows = "".join(
        f"<tr><th>{_text(f.name)}</th><td>{f.value:.6g} {_text(f.unit)}</td></tr>" for f in figures
    )
    return f"<table class=figures>{rows}</table>" if rows else ""


def _attachment(attachment: Attachment) -> str:
    name, kind = _text(attachment.name), attachment.media_type
    if kind == "text/plain":
        text = attachment.content[:_MAX_TEXT].decode("utf-8", "replace")
        return f"<figure><figcaption>{name}</figcaption><pre>{_text(text)}</pre></figure>"
    source = _data_url(kind, attachment.content)
    if kind.startswith("image/"):
        image = f'<img src="{source}" alt="{name}">'
        return f"<figure><figcaption>{name}</figcaption>{image}</figure>"
    return (
        f"<figure><figcaption>{name}{_measures(attachment.content)}</figcaption>"
        f"{_sound(attachment.content)}<audio controls preload=none src={source!r}></audio></figure>"
    )


def _measures(data: bytes) -> str:
    try:
        sound = sound_picture.load_wav(data)
    except (AudioError, RuntimeError, OSError):
        return ""
    return (
        f" <span class=dim>{sound.seconds:.2f} s at {sound.rate} Hz, {sound.level_dbfs:.1f} dBFS, "
        f"peak {sound.peak_dbfs:.1f} dBFS</span>"
    )


def _sound(data: bytes) -> str:
    try:
        sound = sound_picture.load_wav(data)
    except (AudioError, RuntimeError, OSError):
        return ""
    drawn = sound_picture.waveform_svg(sound)
    spectrum = sound_picture.spectrogram_png(sound)
    if spectrum is not None:
        source = _data_url("image/png", spectrum)
        drawn += (
            f'<img class=spectrum src="{source}" alt="spectrogram" '
            f'title="0 to {sound.rate / 2000:g} kHz, {sound.seconds:.2f} s">'
        )
    return drawn


def _log(test: TestResult) -> str:
    if not test.log:
        return ""
    lines = "".join(map(_log_line, test.log.splitlines()))
    return f"<figure><figcaption>the board's log</figcaption><pre class=log>{lines}</pre></figure>"


def _log_line(line: str) -> str:
    if line.startswith("repl"):
        return f"<i>{_text(line)}</i>\n"
    level = parse(line).level
    return f"<span class={level}>{_text(line)}</span>\n" if level else f"{_text(line)}\n"


def _data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _text(text: str) -> str:
    return html.escape(text)
