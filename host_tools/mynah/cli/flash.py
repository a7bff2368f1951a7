"""``mynah flash``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from mynah.cli.common import (
    chosen_port,
    json_option,
    port_option,
    print_json,
    progress_bar,
    stdout,
    talk,
)

if TYPE_CHECKING:
    from mynah.flash.job import FlashReport


@click.command()
@click.option(
    "--board",
    metavar="NAME",
    help="Board name (`mynah boards`) or file; without it, what the board says that it is.",
)
@port_option
@click.option(
    "--image",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="MicroPython for it (.bin); without it, the newest is fetched from micropython.org.",
)
@click.option(
    "--models",
    default="okay_nabu",
    show_default=True,
    metavar="NAME[,NAME]",
    help="Wake-word models to install.",
)
@click.option("--erase", is_flag=True, help="Erase the whole flash first.")
@click.option(
    "--baud",
    type=int,
    help="Baud rate of the transfer; without it, the fastest that holds, which is remembered.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait until the speaker says that it is well.")
@click.option("--yes", is_flag=True, help="Do not ask before settings on the board are lost.")
@json_option
def command(
    board: str | None,
    port: str | None,
    image: Path | None,
    models: str,
    baud: int | None,
    *,
    no_wait: bool,
    erase: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Put MicroPython and the speaker's firmware on a board, start it, and wait until it is well.

    The chip is read first: it decides which MicroPython is right, and whether anything is written
    at all. What lies in the flash already is left out, the rest is written in one go and verified.
    Wi-Fi and other settings on the board are lost; `mynah deploy` keeps them.

    It works whatever is on the board: nothing, a program that does not stop, half an image.

    \b
    mynah flash --board bread-compact --port /dev/ttyUSB0
    mynah flash --board virtual --port rfc2217://127.0.0.1:3333
    """
    from mynah import boards
    from mynah.flash.job import flash_board
    from mynah.flash.which import which_board

    url = chosen_port(port)
    chosen = boards.load(board) if board else which_board(url)
    if not board:
        talk(f"board: {chosen.name}")
    if not yes and not chosen.is_virtual and sys.stdin.isatty():
        click.confirm(f"Flash {url}? Settings on the board are lost", abort=True, err=True)
    with progress_bar("writing") as progress:
        report = flash_board(
            chosen,
            url,
            image=image,
            models=[name for name in models.split(",") if name],
            erase=erase,
            baud=baud,
            wait=not no_wait,
            progress=progress,
            talk=talk,
        )
    if as_json:
        print_json(report)
        return
    stdout().print(_table(report))
    state = "the board starts" if no_wait else "the speaker is well"
    logs = f"mynah logs --port {port or url}"  # as it was named: a share's address does not last
    talk(f"{state}: `mynah pair` gives it its Wi-Fi, `{logs}` shows its log")


def _table(report: FlashReport) -> Table:
    """How long each part took."""
    table = Table("part", "KB", "there already", "seconds", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("read the chip", "", "", f"{report.identify_s:.1f}")
    table.add_row("prepare image and files", "", "", f"{report.prepare_s:.1f}")
    table.add_row(f"connect, {report.baud} baud", "", "", f"{report.connect_s:.1f}")
    for part in report.parts:
        sizes = (_kb(part.size), _kb(part.skipped))
        table.add_row(f"write and verify {part.name}", *sizes, f"{part.seconds:.1f}")
    if report.start_s is not None:
        table.add_row("start, until it is well", "", "", f"{report.start_s:.1f}")
    total = report.written_bytes + report.skipped_bytes
    table.add_row("all", _kb(total), _kb(report.skipped_bytes), f"{report.seconds:.1f}")
    return table


def _kb(n_bytes: int) -> str:
    """Begun KB, of 1024 bytes."""
    return str(-(-n_bytes // 1024))
