"""``mynah farm``: boards in racks, by labgrid."""

from __future__ import annotations

import logging
from importlib.util import find_spec

import click

from mynah.cli import LazyGroup
from mynah.errors import UsageError

COMMANDS = {
    "list": "the coordinator's places: who has each, and what is there",
    "use": "take a place, run a program on its board, give the place back",
    "demo": "a farm on this computer, whose half dies in the middle of the tests",
}


coordinator_option = click.option(
    "--coordinator",
    metavar="HOST[:PORT]",
    envvar="LG_COORDINATOR",
    default="127.0.0.1:20408",
    show_default=True,
    help="labgrid's coordinator.",
)


def need_labgrid() -> None:
    """See to it that labgrid is installed, and that it does not talk.

    Raises:
        UsageError: it is not.
    """
    if find_spec("labgrid") is None:
        raise UsageError(
            "this needs labgrid: pip install 'mynah-speaker[farm]', in an environment of its own"
        )
    # labgrid logs what it raises, too; without a handler that would be printed.
    logging.getLogger().addHandler(logging.NullHandler())


@click.group(cls=LazyGroup, commands=COMMANDS, prefix="mynah.cli.farm_")
def command() -> None:
    """Share boards in racks with labgrid: its coordinator, exporters and places.

    Tests take them with `pytest --lg-env farm.yaml -n auto`; see docs/farm.md.
    """
