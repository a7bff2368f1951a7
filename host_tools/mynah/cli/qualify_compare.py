"""``mynah qualify compare``: two scorecards side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from mynah.cli.common import json_option, print_json, stdout

if TYPE_CHECKING:
    from mynah.qualify.compare import Comparison, Line

_COLOURS = {"better": "green", "worse": "red", "changed": "yellow"}


@click.command()
@click.argument("first", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("second", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page with the curves laid over each other.",
)
@click.option("--all", "show_all", is_flag=True, help="List what is the same, too.")
@json_option
def command(*, first: Path, second: Path, page: Path | None, show_all: bool, as_json: bool) -> None:
    """Compare two scorecards (JSON files that `mynah qualify` wrote).

    Better and worse are the SECOND's against the FIRST. What two runs on one board may differ by
    counts as the same.

    \b
    mynah qualify compare scorecard-kit.json scorecard-supplier.json --html both.html
    """
    from mynah.qualify import card, compare, compare_page, files

    found = compare.compare(card.load(first), card.load(second))
    if page is not None:
        files.check_writable(page)
        files.write_all({page: compare_page.page(found).encode()})
    if as_json:
        print_json(found.as_data())
        return
    _show(found, compare_page.names(found), show_all=show_all)
    if page is not None:
        click.echo(page)


def _show(found: Comparison, names: tuple[str, str], *, show_all: bool) -> None:
    from mynah.qualify.card import section_title
    from mynah.qualify.compare import SAME

    console = stdout()
    if found.warning:
        console.print(Text(found.warning.upper(), "bold red"))
    table = Table()
    for name in ("", "", *names, "second against first"):
        table.add_column(name, justify="right" if name in names else "left", overflow="fold")
    for section in found.sections:
        lines = found.condensed(section, all_functions=show_all)
        shown = [line for line in lines if show_all or line.change != SAME]
        heads = [section_title(section), *[""] * len(shown)]
        for head, line in zip(heads, shown, strict=False):
            table.add_row(Text(head, "bold"), *_cells(line))
        table.add_section()
    if table.row_count:
        console.print(table)
    console.print(
        f"{found.count('better')} better, {found.count('worse')} worse, "
        f"{found.count('changed')} changed, {found.count(SAME)} the same"
    )


def _cells(line: Line) -> tuple[Text, Text, Text, Text]:
    words = f"{line.difference} {line.change}".strip()
    return (
        Text(line.title),
        Text(line.first),
        Text(line.second),
        Text(words, _COLOURS.get(line.change, "dim")),
    )
