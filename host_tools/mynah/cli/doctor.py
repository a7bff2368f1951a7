"""``mynah doctor``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from mynah.cli.common import json_option, print_json, stderr, stdout, talk
from mynah.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from mynah.doctor.finding import Finding
    from mynah.doctor.run import Diagnosis

_STYLES = {"fault": "bold red", "warning": "yellow", "note": "cyan"}
_INDENT = 3


@click.command()
@click.option(
    "--port",
    metavar="PORT",
    envvar="MYNAH_PORT",
    help="Look at the board on this port, too; without it, at the only board there is.",
)
@click.option("--name", metavar="NAME", help="Look for this paired speaker on the network.")
@click.option("--address", metavar="ADDRESS", help="Look for a speaker at this IPv4 address.")
@click.option("--baud", default=115200, show_default=True, help="Baud rate of the console.")
@click.option("--no-reset", is_flag=True, help="Only listen: do not start the board anew.")
@json_option
def command(
    port: str | None,
    name: str | None,
    address: str | None,
    baud: int,
    *,
    no_reset: bool,
    as_json: bool,
) -> None:
    """Find out what is wrong, and say what to do about it, what to do first on top.

    Looks at this computer (USB, drivers, permissions, who has the port), then at the board: it is
    listened to, started anew (its log tells about power, flash, firmware, Wi-Fi), and asked for
    memory and files. With --name or --address it looks for the speaker on the network instead.
    Nothing on the board or on this computer is changed. Exit code 6: something is wrong.

    \b
    mynah doctor
    mynah doctor --port /dev/ttyUSB0
    mynah doctor --name kitchen
    """
    from mynah.doctor.host import Host
    from mynah.doctor.run import examine

    with progress() as show:
        diagnosis = examine(
            Host(),
            port=port,
            name=name,
            address=address,
            baud=baud,
            reset=not no_reset,
            talk=show,
        )
    if as_json:
        print_json(diagnosis.data())
    else:
        print_diagnosis(diagnosis)
    n = len(diagnosis.faults)
    if n:
        what = "one thing is" if n == 1 else f"{n} things are"
        raise VerificationError(f"{what} wrong: begin at the top, then run the doctor again")


def print_diagnosis(diagnosis: Diagnosis) -> None:
    """Findings as text for a person, what to do first on top."""
    from rich.text import Text

    from mynah.logs import clean

    console = stdout()
    for number, finding in enumerate(diagnosis.findings, 1):
        head = Text(f"{number}. {clean(finding.what)}", style=_STYLES[finding.severity])
        console.print(head.append(f"  [{finding.severity}: {finding.cause}]", style="dim"))
        for line in _lines(finding):
            _print_below(console, line)
    if not diagnosis.findings:
        console.print("nothing is wrong, as far as can be seen from here")
    for title, rows in (
        ("in order:", [(each.topic, each.text) for each in diagnosis.looked]),
        ("not seen:", [(each.topic, each.why) for each in diagnosis.unseen]),
    ):
        if rows:
            console.print()
            console.print(title)
        for topic, text in rows:
            _print_below(console, f"{topic}: {text}")


def _print_below(console: Console, line: str) -> None:
    """One line, or several below each other on a terminal that is too narrow."""
    from rich.text import Text

    from mynah.logs import clean

    for part in Text(clean(line)).wrap(console, max(console.width - _INDENT, _INDENT)):
        part.rstrip()
        console.print(Text(" " * _INDENT).append_text(part))


def _lines(finding: Finding) -> Iterator[str]:
    for line in finding.evidence:
        yield f"seen: {line}"
    for i, step in enumerate(finding.do):
        yield f"do:   {step}" if i == 0 else f"then: {step}"


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Gives a function that says what is being looked at: in place on a terminal, else in lines."""
    console = stderr()
    if not console.is_terminal:
        yield talk
        return
    with console.status("looking ...") as status:
        yield status.update
