"""``mynah farm demo``."""

from __future__ import annotations

from pathlib import Path

import click

from mynah.cli.common import json_option, print_json, talk
from mynah.cli.farm import need_labgrid


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
    """Show a farm of two exporters and four virtual boards, in about a minute.

    A real labgrid coordinator and two exporters run on this computer. pytest takes the four
    boards, tests on all of them at once, and one exporter is killed in the middle: its boards'
    tests are skipped with one reason, the others go on, every place is free afterwards. Then that
    exporter comes back with blank boards, which are flashed and tested.

    \b
    pip install 'mynah-speaker[farm]'
    mynah farm demo
    """
    need_labgrid()
    from mynah.farm.demo import run_demo

    result = run_demo(out, talk if as_json else click.echo)
    if as_json:
        print_json(result)
