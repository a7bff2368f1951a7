"""``mynah bench logs``."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mynah.cli.common import json_option, print_json, stdout, talk
from mynah.errors import UsageError

if TYPE_CHECKING:
    from mynah.bench.logs import Figure

_IDF_MONITOR = "esp-idf-monitor"


@click.command()
@click.option("--seconds", type=click.FloatRange(0.5), default=5.0, show_default=True)
@click.option("--baud", type=int, default=2_000_000, show_default=True)
@json_option
def command(seconds: float, baud: int, *, as_json: bool) -> None:
    """How fast a log may come: `mynah logs`, miniterm and esp-idf-monitor, one after another.

    A virtual board's MicroPython logs for so many seconds at a baud rate, over RFC 2217, and does
    not wait for the reader; then a pseudo-terminal brings as many lines, for programs the same as a
    serial device: at that rate, and as fast as they are read, as over USB.
    """
    if sys.platform != "linux":
        raise UsageError("mynah bench logs needs Linux: pseudo-terminals, and /proc for CPU times")
    from mynah.bench.logs import measure
    from mynah.bench.logs.measure import PROGRAMS

    programs = list(PROGRAMS)
    if importlib.util.find_spec("esp_idf_monitor") is None:
        talk("esp-idf-monitor is not installed and left out: pip install esp-idf-monitor")
        programs.remove(_IDF_MONITOR)
    figures = measure(seconds, baud=baud, programs=programs, on_figure=_tell)
    if as_json:
        print_json([_data(figure) for figure in figures])
    else:
        _print(figures)


def _tell(figure: Figure) -> None:
    talk(f"{figure.link}: {figure.program}: {figure.n_lost} of {figure.n_sent} lines lost")


def _data(figure: Figure) -> dict[str, object]:
    derived = {
        "n_lost": figure.n_lost,
        "lines_per_s": round(figure.lines_per_s, 1),
        "cpu_s_per_mb": round(figure.cpu_s_per_mb, 3),
    }
    return {**asdict(figure), **derived}


def _print(figures: list[Figure]) -> None:
    from rich.table import Table

    columns = ("link", "program", "lines/s", "lost", "seconds", "CPU s per MB")
    table = Table(*columns, box=None, header_style="bold")
    for figure in figures:
        table.add_row(
            figure.link,
            figure.program,
            f"{figure.lines_per_s:,.0f}",
            f"{figure.n_lost:,} of {figure.n_sent:,}",
            f"{figure.seconds:.2f}",
            f"{figure.cpu_s_per_mb:.2f}",
        )
    stdout().print(table)
