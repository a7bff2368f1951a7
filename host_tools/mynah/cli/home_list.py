"""``mynah home list``."""

from __future__ import annotations

from dataclasses import asdict

import click

from mynah.cli.common import json_option, print_json, stdout, talk
from mynah.cli.home_options import open_speaker, speaker_option, state_in_words

_ONLINE = {True: "yes", False: "no", None: "not asked yet"}


@click.command()
@speaker_option
@json_option
def command(speaker: str | None, *, as_json: bool) -> None:
    """List the devices that the speaker knows: where they are, whether they answer, their state."""
    from rich.table import Table

    from mynah.home.speaker import known
    from mynah.logs import clean

    with open_speaker(speaker) as client:
        devices = known(client)
    if as_json:
        print_json([asdict(device) for device in devices])
        return
    if not devices:
        talk("the speaker knows no device yet: see `mynah home add --help`")
        return
    table = Table("name", "room", "type", "online", "state", box=None, header_style="bold")
    for device in devices:
        words = (device.name, device.room, device.type)
        online = _ONLINE.get(device.online, "?")
        table.add_row(*map(clean, words), online, state_in_words(device.state))
    stdout().print(table)
