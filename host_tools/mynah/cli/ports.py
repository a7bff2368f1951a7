"""``mynah ports``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mynah.cli.common import json_option, print_json, stdout, talk

if TYPE_CHECKING:
    from mynah.link.ports import PortInfo


@click.command()
@json_option
def command(*, as_json: bool) -> None:
    """List the serial ports, what seems to be on each, and whether a program holds it.

    The virtual boards that you run with `mynah virtual` are among them.
    """
    from rich.table import Table

    from mynah.link.ports import find_ports, hint

    ports = find_ports()
    if as_json:
        print_json(ports)
        return
    if not ports:
        talk(
            "no serial port: plug a board in with a cable that carries data, or run `mynah virtual`"
        )
        return
    table = Table("port", "what", "serial number", "state", box=None, header_style="bold")
    for port in ports:
        table.add_row(port.url, port.description, port.serial_number or "", _state(port))
    stdout().print(table)
    advice = hint(ports)
    if advice:
        talk(advice)


def _state(port: PortInfo) -> str:
    if port.held_by is None:
        return ""
    if not port.held_by:
        return "free"
    shared = f", shared at {port.shared_at}" if port.shared_at else ""
    return f"used by {', '.join(port.held_by)}{shared}"
