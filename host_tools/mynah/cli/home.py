"""``mynah home``: the devices that a speaker controls."""

from __future__ import annotations

import click

from mynah.cli import LazyGroup

COMMANDS = {
    "add": "find a device, check its token, and store it on the speaker",
    "import": "add every device of a list with tokens",
    "list": "the devices that the speaker knows, and their state",
    "show": "what one device can do",
    "do": "say what is to be done, as a voice command would",
    "remove": "make the speaker forget a device",
}


@click.group(cls=LazyGroup, commands=COMMANDS, prefix="mynah.cli.home_")
def command() -> None:
    """Control lamps, plugs, fans and more through the speaker, without a cloud.

    A device is added once, with its address and token; both stay on the speaker, which then reads
    and sets it over the local network. The token is never shown again.

    \b
    mynah home add                                     what is in the network?
    mynah home add --address 192.168.1.40 --name "kitchen lamp" --room kitchen
    mynah home list
    mynah home do "turn on the kitchen lamp"
    mynah home do "set the bedroom lamp to 30 percent"
    mynah home do "打开厨房的灯"                       turn on the kitchen's lamp
    mynah home do "把空调调到26度"                     set the air conditioner to 26 degrees

    With more than one paired speaker, --speaker NAME says which (or MYNAH_SPEAKER).
    """
