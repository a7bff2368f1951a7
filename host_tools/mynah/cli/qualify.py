"""``mynah qualify``: measure a board and write its scorecard; compare two of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource
from rich.table import Table
from rich.text import Text

from mynah.cli.common import json_option, print_json, stderr, stdout, talk
from mynah.cli.qualify_compare import command as compare_command
from mynah.errors import VerificationError

if TYPE_CHECKING:
    from typing_extensions import Self

    from mynah.qualify.card import Card
    from mynah.qualify.session import Event

_COLOURS = {"good": "green", "weak": "yellow", "bad": "red", "failed": "red", "passed": "green"}
_FAILED = {"failed", "error"}


@click.group(invoke_without_command=True)
@click.option(
    "--port",
    metavar="PORT",
    envvar="MYNAH_PORT",
    help="Device path or rfc2217://HOST:PORT; without it (and without --bench) a virtual board.",
)
@click.option(
    "--board",
    metavar="NAME",
    help="Board file of the board on --port; without it the board's own firmware is asked. With "
    "--bench: the board's name in it.",
)
@click.option(
    "--bench",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Bench file: where the board is, and what is wired to it to measure with.",
)
@click.option(
    "--flash",
    "may_flash",
    is_flag=True,
    help="Flash MicroPython and the firmware first, and time it. Settings on the board are lost.",
)
@click.option(
    "--recordings",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Your own recordings of the wake word: sound files, or a folder as for `mynah bench "
    "accuracy`.",
)
@click.option(
    "--suite",
    "suites",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Tests of your own to run, too; each is a line of the card. May be repeated.",
)
@click.option(
    "--limits",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.toml",
    help="Limits of your own, written as the package's (host_tools/docs/qualify.md).",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="NAME",
    help="Write NAME.json, NAME.html and NAME.pdf; default: scorecard-BOARD here.",
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="The measurements' logs, sounds and waveforms, as one page.",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    help="The PDF's page as a picture, too.",
)
@json_option
@click.pass_context
def command(
    context: click.Context,
    *,
    port: str | None,
    board: str | None,
    bench: Path | None,
    may_flash: bool,
    recordings: Path | None,
    suites: tuple[Path, ...],
    limits: Path | None,
    out: Path | None,
    evidence: Path | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Measure a board and write its scorecard: JSON, a HTML page, a PDF of one page.

    Function by function, then sound, wake word, Wi-Fi, boot, flash, memory, power, price, each
    against a limit. What the bench cannot measure is "not measured", with the reason. The exit
    code is 6 if a function failed or a value is bad.

    The board needs the speaker's firmware (or --flash). Without equipment its own microphone and
    serial port are used; a bench file names more: sound card, relays, a second radio.

    \b
    mynah qualify                                  a virtual board, to see what comes out
    mynah qualify --port /dev/ttyUSB0              the board as it is
    mynah qualify --bench desk.toml --board left --recordings our-voices --flash
    mynah qualify --suite tests/hil --out release-1.2
    mynah qualify compare old.json new.json
    """
    if context.invoked_subcommand is not None:
        return
    from mynah.qualify import files
    from mynah.qualify.run import Wishes, qualify
    from mynah.qualify.target import check_suites, choose

    if bench is not None and context.get_parameter_source("port") is ParameterSource.ENVIRONMENT:
        port = None  # MYNAH_PORT is for when nothing else is said
    check_suites(suites)
    for path in (out, evidence, picture):
        files.check_writable(path)
    target = choose(port, board, bench)
    base = out or Path(f"scorecard-{target.name}")
    files.check_apart(base, (evidence, picture))
    if target.is_virtual:
        talk("virtual board: no hardware is measured; --port or --bench name a real one")
    with _Progress() as progress:
        wishes = Wishes(suites, recordings, may_flash, limits, evidence=evidence is not None)
        card, shown = qualify(target, wishes, progress.take)
    more = {evidence: shown} if evidence is not None and shown is not None else {}
    written = files.write(card, base, picture=picture, more=more)
    if as_json:
        from mynah.qualify.card import to_json

        print_json(to_json(card))
    else:
        _show(card)
        for path in written:
            click.echo(path)
    if card.verdict == "bad":
        raise VerificationError(
            "not good enough:\n" + "\n".join(f"  {line}" for line in card.bad())
        )


command.add_command(compare_command, "compare")


class _Progress:
    """Says on stderr what is under way."""

    def __init__(self) -> None:
        self._console = stderr()
        self._titles: dict[str, str] = {}
        self._n = 0
        self._status = self._console.status("")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._status.stop()

    def take(self, event: Event) -> None:
        """Take one event of the session."""
        kind = event["event"]
        if kind == "tests":
            self._titles.update({test["test"]: test["title"] for test in event["tests"]})
        elif kind == "start":
            self._status.update(Text(f"{self._count(1)} {self._title(event)}", "dim"))
            self._status.start()
        elif kind == "end":
            self._n += 1
            self._end(event)
        elif kind == "unreadable":
            self._console.print(Text(f"cannot be read: {event['test']}: {event['reason']}", "red"))

    def _end(self, event: Event) -> None:
        outcome = event["outcome"]
        line = Text(f"{self._count(0)} ")
        line.append(self._title(event))
        line.append(f"  {outcome}", _COLOURS.get(outcome, "red" if outcome in _FAILED else "dim"))
        line.append(f"  {event['seconds']:.1f} s", "dim")
        if event["reason"]:
            line.append(f"  {event['reason']}", "dim")
        self._console.print(line, soft_wrap=True)

    def _title(self, event: Event) -> str:
        return self._titles.get(event["test"]) or str(event["test"])

    def _count(self, more: int) -> str:
        return f"{self._n + more:>3}/{len(self._titles)}"


def _show(card: Card) -> None:
    from mynah.qualify.card import NO_HARDWARE, section_title

    console = stdout()
    title = f"{card.title}: {card.verdict}" + (f" ({NO_HARDWARE})" if card.is_virtual else "")
    table = Table(title=title, title_justify="left")
    for name in ("", "measure", "value", "", "limit, or why there is no value"):
        table.add_column(name, justify="right" if name == "value" else "left", overflow="fold")
    for section in card.sections:
        first = section_title(section)
        for m in card.measures_of(section):
            words = m.note if m.value is None else ", ".join(m.measure.limits())
            verdict = m.verdict if m.verdict in _COLOURS else ""
            cells = (first, m.measure.title, m.shown, verdict, words)
            styles = (
                "bold",
                "",
                "" if m.value is not None else "dim",
                _COLOURS.get(verdict, "dim"),
            )
            table.add_row(*map(Text, cells, (*styles, "dim")))
            first = ""
        table.add_section()
    console.print(table)
    counts = ", ".join(f"{card.count(o)} {o}" for o in ("passed", "failed", "skipped"))
    console.print(f"functions: {counts}")
