"""``mynah home remove``."""

from __future__ import annotations

import click

from mynah.cli.common import talk
from mynah.cli.home_options import open_speaker, speaker_option


@click.command()
@click.argument("name")
@speaker_option
def command(name: str, speaker: str | None) -> None:
    """Make the speaker forget the device NAME, and its token."""
    from mynah.home.speaker import remove

    with open_speaker(speaker) as client:
        remove(client, name)
    talk(f"the speaker has forgotten {name}")
