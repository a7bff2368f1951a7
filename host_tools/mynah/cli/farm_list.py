"""``mynah farm list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mynah.cli.common import json_option, print_json, stdout, talk
from mynah.cli.farm import coordinator_option, need_labgrid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mynah.farm.place import PlaceInfo


@click.command()
@coordinator_option
@json_option
def command(coordinator: str, *, as_json: bool) -> None:
    """List a coordinator's places: who has each, and what is there.

    \b
    mynah farm list --coordinator rack.example.org
    """
    need_labgrid()
    from mynah.farm.place import Coordinator

    places = Coordinator(coordinator).places()
    if as_json:
        print_json(places)
        return
    _show(places)
    free = [place.name for place in places if place.holder is None and place.resources]
    if free:
        talk(f"take one: mynah farm use {free[0]} -- mynah logs")


def _show(places: Sequence[PlaceInfo]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("place", "state", "what is there", "tags"):
        table.add_column(column)
    for place in places:
        state = place.holder or ("free" if place.resources else "nothing there")
        tags = " ".join(f"{key}={value}" for key, value in sorted(place.tags.items()))
        table.add_row(place.name, state, "\n".join(place.resources), tags)
    stdout().print(table)
