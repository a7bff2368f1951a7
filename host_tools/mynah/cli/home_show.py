"""``mynah home show``."""

from __future__ import annotations

from dataclasses import asdict

import click

from mynah.cli.common import json_option, print_json, stdout
from mynah.cli.home_options import open_speaker, speaker_option


@click.command()
@click.argument("name")
@speaker_option
@json_option
def command(name: str, speaker: str | None, *, as_json: bool) -> None:
    """Show what the device NAME can do: its roles, what they take, and their last values."""
    from rich.table import Table

    from mynah.home.description import is_readable, is_writable
    from mynah.home.speaker import find
    from mynah.home.values import show, takes
    from mynah.logs import clean

    with open_speaker(speaker) as client:
        device = find(client, name)
    if as_json:
        print_json(asdict(device))
        return
    console = stdout()
    place = f" in {clean(device.room)}" if device.room else ""
    console.print(f"{clean(device.name)}{place}: {clean(device.type)}", style="bold")
    console.print(f"{clean(device.model) or 'unknown model'} at {clean(device.address)}")
    table = Table("role", "now", "takes", box=None, header_style="bold")
    for role, entry in device.roles.items():
        now = clean(show(role, device.state.get(role))) if is_readable(entry) else ""
        table.add_row(role, now, clean(takes(role, entry)) if is_writable(entry) else "only told")
    console.print(table)
