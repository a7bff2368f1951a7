"""``mynah home add``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mynah.cli.common import json_option, print_json, stdout, talk
from mynah.cli.home_options import (
    asked_token,
    in_words,
    open_speaker,
    speaker_option,
    state_in_words,
)

if TYPE_CHECKING:
    from mynah.find import Found
    from mynah.miio import MiioClient


@click.command()
@click.option("--address", metavar="IP", help="Where the device is; without it, look for devices.")
@click.option("--name", metavar="TEXT", help='What you call it: "kitchen lamp", "厨房灯".')
@click.option("--room", default="", metavar="TEXT", help='Where it is: "kitchen", "厨房".')
@click.option("--token-stdin", is_flag=True, help="Read the token from stdin.")
@click.option("--model", metavar="NAME", help="Its model; without it, the device is asked.")
@click.option(
    "--spec",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Its MIoT spec (JSON), or a description of an old device (TOML, JSON).",
)
@click.option("--type", "kind", metavar="TYPE", help="Take it for a lamp, plug, fan, ...")
@click.option(
    "--service", type=int, metavar="N", help="Main service, where it has several of a kind."
)
@click.option("--port", type=int, default=54321, show_default=True, help="UDP port of the device.")
@click.option("--unchecked", is_flag=True, help="Store it without asking the device anything.")
@speaker_option
@json_option
def command(
    address: str | None,
    name: str | None,
    room: str,
    *,
    token_stdin: bool,
    model: str | None,
    spec: Path | None,
    kind: str | None,
    service: int | None,
    port: int,
    unchecked: bool,
    speaker: str | None,
    as_json: bool,
) -> None:
    """Find a device, check its token, and store it on the speaker.

    The token is asked for, or read from stdin or from MYNAH_DEVICE_TOKEN; a device that nobody has
    set up yet tells it itself. How to get a token is in the documentation (docs/home.md). What
    the device can do comes from its MIoT spec: from --spec FILE, or from miot-spec.org by its
    model, kept for the next time. Old devices that Mynah knows need neither.

    \b
    mynah home add                                     lists what answers, and asks
    mynah home add --address 192.168.1.40 --name "kitchen lamp" --room kitchen
    mynah home add --address 192.168.1.41 --name 风扇 --room 卧室 --model zhimi.fan.za4
    mynah home add --address 192.168.1.42 --name heater --spec heater.json --type thermostat
    """
    with open_speaker(speaker) as client:
        if address is None:
            address = _chosen(port, client, as_json=as_json)
            if address is None:
                return
        added = _add(
            client,
            address,
            port,
            name=name,
            room=room,
            token_stdin=token_stdin,
            model=model or "",
            spec=spec,
            kind=kind,
            service=service,
            unchecked=unchecked,
        )
    if as_json:
        print_json(added)


def _add(
    client: MiioClient,
    address: str,
    port: int,
    *,
    name: str | None,
    room: str,
    token_stdin: bool,
    model: str,
    spec: Path | None,
    kind: str | None,
    service: int | None,
    unchecked: bool,
) -> dict[str, Any]:
    from mynah.home import device, speaker
    from mynah.home.description import Record
    from mynah.home.finding import describe

    shown_token = None if unchecked else device.hello(address, port).token
    if shown_token:
        talk(f"the device at {address} is not set up yet and tells its token itself")
    token = shown_token or asked_token(from_stdin=token_stdin)
    identity = None if unchecked else device.identify(address, port, token)
    if identity:
        talk(f"{address} is a {identity.model or 'device that does not tell its model'}")
    model = model or (identity.model if identity else "")
    description = describe(model, spec, kind=kind, service=service)
    state = None if unchecked else device.read(address, port, token, description)
    record = Record(
        name=name or _asked_name(description.type, room),
        room=room,
        model=model,
        address=address,
        port=port,
        token=token,
        device_id=identity.device_id if identity else 0,
        description=description,
    )
    for role in record.left_out():
        talk(f"note: {role} is left out: the speaker keeps so much of a device and no more")
    speaker.add(client, record)
    for note in description.notes:
        talk(f"note: {note}")
    talk(f"{record.name} is on the speaker; {description.type}: {in_words(description)}")
    if state is not None:
        talk(f"now: {state_in_words(state)}")
    return {
        "name": record.name,
        "room": room,
        "type": description.type,
        "model": model,
        "address": address,
        "roles": list(record.data()["roles"]),
        "state": state,
    }


def _asked_name(kind: str, room: str) -> str:
    suggested = f"{room} {kind}".strip()
    if not sys.stdin.isatty():
        raise click.UsageError(f'no name: pass --name, as --name "{suggested}"')
    answer: str = click.prompt("Name", default=suggested, err=True)
    return answer


def _chosen(port: int, client: MiioClient, *, as_json: bool) -> str | None:
    """The address that the user picks among those that answer; None: only listed."""
    from mynah.find import search
    from mynah.miio.devices import known

    talk("asking in every network of this computer who is there ...")
    speakers = known()
    found = [
        each
        for each in search(known=speakers, port=port)
        if each.name is None and each.address != client.address
    ]
    if as_json:
        print_json([each.data() for each in found])
        return None
    if not found:
        talk("no device answers: is it on, and this computer in its Wi-Fi? Else pass --address")
        return None
    _print_found(found)
    if not sys.stdin.isatty():
        talk("add one with --address")
        return None
    choice = click.prompt(
        "Which one", type=click.Choice([each.address for each in found]), show_choices=False
    )
    return str(choice)


def _print_found(found: list[Found]) -> None:
    from rich.table import Table

    from mynah.logs import clean

    table = Table("address", "device id", "model", "token", box=None, header_style="bold")
    for each in found:
        told = "told by the device" if each.token else "needed"
        number = "" if each.device_id is None else str(each.device_id)
        table.add_row(each.address, number, clean(each.model or ""), told)
    stdout().print(table)
