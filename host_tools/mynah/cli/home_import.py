"""``mynah home import``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mynah.cli.common import json_option, print_json, progress_bar, stdout, talk
from mynah.cli.home_options import open_speaker, speaker_option
from mynah.errors import BoardError, BoardTimeoutError, MynahError

if TYPE_CHECKING:
    from mynah.home.description import Record
    from mynah.home.lists import Listed
    from mynah.miio import MiioClient


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--dry-run", is_flag=True, help="Check every device, but store none.")
@click.option("--unchecked", is_flag=True, help="Do not ask the devices anything.")
@speaker_option
@json_option
def command(
    file: Path, *, dry_run: bool, unchecked: bool, speaker: str | None, as_json: bool
) -> None:
    """Add every device of a list with tokens to the speaker.

    FILE is CSV with a heading, or JSON: every object in it that has an address and a token is a
    device. So the lists that token extractors write as JSON, and Home Assistant's
    core.config_entries, are read as they are. Keys: name, address (or ip, localip, host), token,
    model, room, type, spec (a file beside the list). Each device is asked who it is, as
    `mynah home add` does; those that do not answer are told and left out. The exit code is 4 when
    some were left out.

    \b
    name,address,token,model,room
    kitchen lamp,192.168.1.40,<32 hexadecimal digits>,yeelink.light.ct2,kitchen

    \b
    mynah home import devices.csv --dry-run
    mynah home import devices.csv
    """
    from mynah.home import lists

    listed = lists.read(file)
    with open_speaker(speaker) as client, progress_bar(f"{len(listed)} devices") as progress:
        rows = []
        for done, item in enumerate(listed):
            progress(done / len(listed))
            rows.append(_import(client, item, file.parent, unchecked=unchecked, dry_run=dry_run))
    if as_json:
        print_json(rows)
    else:
        _print(rows)
    n_left_out = sum(not row["ok"] for row in rows)
    verb = "could be added" if dry_run else "added"
    talk(f"{len(rows) - n_left_out} {verb}, {n_left_out} left out")
    if n_left_out:
        sys.exit(BoardError.exit_code)


def _import(
    client: MiioClient, item: Listed, folder: Path, *, unchecked: bool, dry_run: bool
) -> dict[str, Any]:
    """Check and add one device; what came of it."""
    from mynah.home import speaker

    row = {"name": item.name, "address": item.address, "model": item.model, "type": item.type}
    try:
        record = _record(item, folder, unchecked=unchecked)
    except MynahError as error:
        return {**row, "ok": False, "why": str(error)}
    row |= {"model": record.model, "type": record.description.type}
    if not dry_run:
        try:
            speaker.add(client, record)
        except BoardTimeoutError:  # the speaker has gone, so the rest would fail as well
            raise
        except MynahError as error:
            return {**row, "ok": False, "why": str(error)}
    return {**row, "ok": True, "why": ""}


def _record(item: Listed, folder: Path, *, unchecked: bool) -> Record:
    from mynah.home import device
    from mynah.home.description import Record
    from mynah.home.finding import describe
    from mynah.miio.codec import PORT

    identity = None if unchecked else device.identify(item.address, PORT, item.token)
    model = item.model or (identity.model if identity else "")
    spec = folder / item.spec if item.spec else None
    description = describe(model, spec, kind=item.type or None)
    if not unchecked:
        device.read(item.address, PORT, item.token, description)
    return Record(
        name=item.name,
        room=item.room,
        model=model,
        address=item.address,
        token=item.token,
        device_id=identity.device_id if identity else 0,
        description=description,
    )


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from mynah.logs import clean

    table = Table("name", "address", "model", "type", "", box=None, header_style="bold")
    for row in rows:
        words = (row["name"], row["address"], row["model"], row["type"])
        table.add_row(*map(clean, words), "ok" if row["ok"] else clean(row["why"]))
    stdout().print(table)
