"""``mynah report``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from mynah.cli.common import json_option, print_json, talk
from mynah.errors import UsageError


@click.command()
@click.option(
    "--port",
    metavar="PORT",
    envvar="MYNAH_PORT",
    help="The board's port; without it, the only board there is, if there is one.",
)
@click.option("--name", metavar="NAME", help="Look for this paired speaker on the network, too.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; without it, mynah-report-DATE.zip here.",
)
@click.option("--baud", default=115200, show_default=True, help="Baud rate of the console.")
@click.option("--keep-mac", is_flag=True, help="Leave MAC addresses and device numbers in it.")
@click.option("--no-reset", is_flag=True, help="Only listen: do not start the board anew.")
@json_option
def command(
    port: str | None,
    name: str | None,
    output: Path | None,
    baud: int,
    *,
    keep_mac: bool,
    no_reset: bool,
    as_json: bool,
) -> None:
    """Pack what a maintainer needs into one zip file, without secrets.

    What `mynah doctor` finds, the board's log, partition table, memory and settings, versions, and
    this computer's ports. Tokens, keys and passwords that this computer or the board knows are
    taken out in every spelling, and what looks like one; user's, computer's and networks' names
    and MAC addresses have stand-ins. Nothing is sent: the file is yours, look into it first.

    \b
    mynah report --port /dev/ttyUSB0
    mynah report --name kitchen --output kitchen.zip
    """
    from mynah.cli.doctor import progress
    from mynah.doctor.host import Host
    from mynah.report.bundle import make_report

    path = output or Path(time.strftime("mynah-report-%Y%m%d-%H%M%S.zip"))
    try:
        with progress() as show:
            report = make_report(
                Host(),
                path,
                port=port,
                name=name,
                baud=baud,
                reset=not no_reset,
                keep_mac=keep_mac,
                talk=show,
            )
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    if as_json:
        print_json(report)
        return
    click.echo(report.path)
    for file, size in report.files.items():
        click.echo(f"  {file:<16} {size} bytes")
    for what, n in sorted(report.removed.items()):
        talk(f"taken out: {what}, {n} times")
    if report.board is None:
        talk("no board's log is in it: name the board with --port (`mynah ports` lists them)")
    for cause in report.faults:
        talk(f"wrong: {cause} (`mynah doctor` says what to do)")
    talk("look into it before you send it: what is yours alone, a program cannot know")
