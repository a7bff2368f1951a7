"""``mynah bench home``."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mynah.cli.common import json_option, print_json, progress_bar, stdout, talk

if TYPE_CHECKING:
    from mynah.bench.home.measure import Case


@click.command()
@click.option("--takes", type=click.IntRange(3), default=51, show_default=True)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also draw it: a .png or .svg file.",
)
@json_option
def command(takes: int, plot: Path | None, *, as_json: bool) -> None:
    """Time from a sentence to the lamp's acknowledgement, beside python-miio.

    Lamps that python-miio simulates, unmodified, are switched in turn by the speaker's own
    controller (in MicroPython, from the sentence on) and by python-miio's MiotDevice (which
    understands no sentences: from the call on), in this one run. Warm: the handshake was done
    before; cold: it is part of the time. After each take every lamp is asked whether it did it.
    """
    from mynah.bench.home.measure import measure

    with progress_bar("lamps") as tick:
        cases = measure(takes, tick)
    if plot:
        from mynah.bench.home.picture import draw

        draw(cases, plot)
        talk(f"drawn: {plot}")
    if as_json:
        print_json([_data(case) for case in cases])
        return
    _print(cases, takes)


def _data(case: Case) -> dict[str, object]:
    return {
        "name": case.name,
        "n_devices": case.n_devices,
        "cold": case.cold,
        "mynah_us": case.mynah_us,
        "mynah_call_us": case.mynah_call_us,
        "python_miio_us": case.python_miio_us,
        "ratio": round(case.ratio, 3),
    }


def _print(cases: list[Case], takes: int) -> None:
    from rich.table import Table

    table = Table(
        "",
        "mynah, sentence",
        "mynah, call only",
        "python-miio, call",
        "ratio",
        box=None,
        header_style="bold",
    )
    for case in cases:
        columns = (case.mynah_us, case.mynah_call_us, case.python_miio_us)
        medians = [f"{statistics.median(times_us) / 1000:.2f} ms" for times_us in columns]
        table.add_row(case.name, *medians, f"{case.ratio:.2f}")
    stdout().print(table)
    talk(f"medians of {takes} takes; every lamp was asked afterwards, and had done it")
