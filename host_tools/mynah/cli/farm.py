"""``mynah farm``: boards in racks, by labgrid."""

from __future__ import annotations

import click

from mynah.cli import LazyGroup

COMMANDS = {
    "demo": "a farm on this computer, whose half dies in the middle of the tests",
}


@click.group(cls=LazyGroup, commands=COMMANDS, prefix="mynah.cli.farm_")
def command() -> None:
    """Share boards in racks with labgrid: its coordinator, exporters and places.

    Tests take them with `pytest --lg-env farm.yaml -n auto`; see docs/farm.md.
    """
