"""``mynah bench deploy``."""

from __future__ import annotations

import statistics
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mynah.cli.common import json_option, print_json, progress_bar, stdout, talk

if TYPE_CHECKING:
    from mynah.bench.deploy.measure import Case

_BAUD = 115200


@click.command()
@click.option("--takes", type=click.IntRange(1), default=5, show_default=True)
@json_option
def command(takes: int, *, as_json: bool) -> None:
    """Bring the firmware onto a virtual board: `mynah deploy` beside `mpremote fs cp -r`.

    The same files for the same board, the tools in turn, each as a command with all its start-up;
    afterwards the board's flash is read and compared. The virtual serial line takes no time for its
    bytes, so they are counted: the last columns say what they alone take on a real line.
    """
    from mynah.bench.deploy.measure import measure

    with progress_bar("deploying") as tick:
        cases = measure(takes, tick)
    if as_json:
        print_json([asdict(case) for case in cases])
        return
    _print(cases, takes)


def _print(cases: list[Case], takes: int) -> None:
    from rich.table import Table

    table = Table(
        "",
        "tool",
        "seconds",
        "KB sent",
        "KB received",
        f"s at {_BAUD} baud",
        box=None,
        header_style="bold",
    )
    for column in table.columns[2:]:
        column.justify = "right"
    for case in cases:
        for tool, result in case.results.items():
            table.add_row(
                case.name,
                tool,
                f"{statistics.median(result.seconds):.1f}",
                f"{statistics.median(result.sent) / 1024:.0f}",
                f"{statistics.median(result.received) / 1024:.0f}",
                f"{result.at_baud(_BAUD):.1f}",
            )
        table.add_row(
            "",
            "ratio",
            f"{case.ratio(lambda each: each.seconds):.1f}",
            f"{case.ratio(lambda each: each.sent):.1f}",
            f"{case.ratio(lambda each: each.received):.1f}",
            "",
        )
    stdout().print(table)
    talk(f"medians of {takes} takes; the board's files were compared after each")
