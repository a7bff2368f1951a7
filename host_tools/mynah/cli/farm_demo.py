"""``mynah farm demo``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from mynah.cli.common import json_option, print_json, talk
from mynah.errors import UsageError


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("mynah-farm"),
    show_default=True,
    help="Folder for the farm's configuration, logs and reports.",
)
@json_option
def command(out: Path, *, as_json: bool) -> None:
    """Show a farm of two exporters and four virtual boards, in under a minute.

    A real labgrid coordinator and two exporters run on this computer. pytest takes the four
    boards, tests on all of them at once, and one exporter is killed in the middle: its boards'
    tests are skipped with one reason, the others go on, every place is free afterwards. Then that
    exporter comes back with blank boards, which are flashed and tested.

    \b
    pip install 'mynah-speaker[farm]'
    mynah farm demo
    """
    if find_spec("labgrid") is None or find_spec("xdist") is None:
        raise UsageError(
            "this needs labgrid: pip install 'mynah-speaker[farm]', in an environment of its own"
        )
    from mynah.farm.demo import run_demo

    result = run_demo(out, talk if as_json else click.echo)
    if as_json:
        print_json(result)
