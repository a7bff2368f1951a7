"""``mynah flash``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mynah.cli.common import chosen_port, json_option, port_option, print_json, progress_bar, talk


@click.command()
@click.option("--board", required=True, metavar="NAME", help="Board name (`mynah boards`) or file.")
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
@click.option("--baud", default=460800, show_default=True, help="Baud rate of the transfer.")
@click.option("--yes", is_flag=True, help="Do not ask before settings on the board are lost.")
@json_option
def command(
    board: str,
    port: str | None,
    image: Path | None,
    models: str,
    baud: int,
    *,
    erase: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Put MicroPython and the speaker's firmware on a board.

    Image and chip are checked before anything is erased; everything is written in one go and
    verified. Wi-Fi and other settings on the board are lost; `mynah deploy` keeps them.

    \b
    mynah flash --board bread-compact --port /dev/ttyUSB0
    mynah flash --board virtual --port rfc2217://127.0.0.1:3333
    """
    from mynah import boards
    from mynah.flash.job import flash_board

    chosen = boards.load(board)
    url = chosen_port(port)
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
            progress=progress,
            talk=talk,
        )
    if as_json:
        print_json(report)
        return
    talk(
        f"wrote {report.written_bytes // 1024} KB in {report.seconds:.0f} s, verified by "
        f"{report.verified_by}"
    )
    talk(f"the board starts; watch it with `mynah logs --port {url}`")
