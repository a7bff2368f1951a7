"""``mynah privacy``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mynah.cli.common import json_option, print_json, stdout, talk
from mynah.errors import UsageError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mynah.privacy import Difference, Row


@click.command()
@click.argument("name", required=False)
@click.option(
    "--port",
    metavar="PORT",
    help="Ask the board on this serial port: device path or rfc2217://HOST:PORT.",
)
@json_option
def command(name: str | None, port: str | None, *, as_json: bool) -> None:
    """List everything that a speaker listens on, sends, stores and keeps.

    From the tables that the firmware works by: without a board, those of the firmware that `mynah
    flash` would put on it. With NAME (from `mynah pair`) or --port a running speaker is asked for
    its own, and for what is in use at the moment; where its tables differ from the firmware's,
    that is told and the exit code is 6.

    \b
    mynah privacy
    mynah privacy kitchen
    mynah privacy --port /dev/ttyUSB0 --json
    """
    from mynah import privacy

    if name and port:
        raise UsageError("give a NAME or --port, not both")
    here = privacy.of_firmware()
    there = _ask(name, port)
    differing = privacy.differences(here, there) if there is not None else []
    rows = here if there is None else there
    if as_json:
        data = {"rows": rows}
        if there is not None:
            data["differences"] = [asdict(each) for each in differing]
        print_json(data)
    else:
        _print_tables(rows)
        _print_outcome(there, differing)
    if differing:
        raise VerificationError(
            f"the board differs from this firmware in {len(differing)} rows: `mynah deploy` "
            "brings it up to date"
        )


def _ask(name: str | None, port: str | None) -> list[Row] | None:
    from mynah import privacy

    if name:
        from mynah.find import open_known

        with open_known(name, talk=talk) as client:
            return privacy.over_network(client)
    if port:
        from mynah.hil.console import Console

        with Console(port) as console:
            return privacy.over_console(console)
    return None


def _print_tables(rows: Sequence[Row]) -> None:
    from rich.table import Table

    from mynah.privacy import by_section, columns, show

    console = stdout()
    for section, entries in by_section(rows).items():
        heads = columns(entries)
        table = Table(
            section, *heads, box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0)
        )
        for row in entries:
            table.add_row(show(row["name"]), *(show(row.get(head, "")) for head in heads))
        console.print(table)
        console.print()


def _print_outcome(there: list[Row] | None, differing: Sequence[Difference]) -> None:
    if there is None:
        talk("of the firmware; `mynah privacy NAME` asks a running speaker")
    elif not differing:
        talk("the board's tables are those of this firmware")
    for each in differing:
        talk(f"differs: {each}")
