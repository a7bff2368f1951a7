"""``mynah wake --live``: the wake probability of a board's microphone, as it moves."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click
from rich.live import Live
from rich.text import Text

from mynah.cli.common import stderr
from mynah.wake.board import BoardWake

if TYPE_CHECKING:
    from mynah.wake.board import Told

_WIDTH = 50
_RATE_HZ = 16000


def show(port: str, seconds: float | None, *, as_json: bool) -> None:
    """Show a board's outputs until Ctrl-C, or for so many seconds.

    On a terminal a bar on stderr moves, and detections stay as lines on stdout; elsewhere, and as
    JSON, each batch of outputs is a line on stdout.

    Raises:
        PortError, BoardError, BoardTimeoutError: as `mynah.wake.board.BoardWake.live`.
    """
    console = stderr()
    end = None if seconds is None else time.monotonic() + seconds
    n_outputs = n_heard = 0
    with BoardWake(port) as board, Live(console=console, transient=True, auto_refresh=False) as bar:
        for told in board.live():
            fresh, n_outputs = told.outputs[n_outputs:], len(told.outputs)
            if console.is_terminal and not as_json:
                bar.update(_bar(told, fresh), refresh=True)
            else:
                _print_outputs(told, fresh, as_json=as_json)
            for at, mean in told.heard[n_heard:]:
                _print_heard(told, at, mean, as_json=as_json)
            n_heard = len(told.heard)
            if end is not None and time.monotonic() > end:
                return


def _bar(told: Told, fresh: list[int]) -> Text:
    """The highest new output as a bar, with the cutoff in it."""
    peak = max(fresh)
    filled, mark = (round(value * _WIDTH / 255) for value in (peak, told.cutoff))
    cells = ["█" if i < filled else "·" for i in range(_WIDTH)]
    cells[min(mark, _WIDTH - 1)] = "|"
    style = "bold red" if peak > told.cutoff else "cyan"
    return Text.assemble(
        f"{told.wake_word} ", ("".join(cells), style), f" {peak / 255:.2f}  {_seconds(told):8.1f} s"
    )


def _print_outputs(told: Told, fresh: list[int], *, as_json: bool) -> None:
    values = [round(value / 255, 3) for value in fresh]
    if as_json:
        click.echo(json.dumps({"time_s": round(_seconds(told), 3), "probabilities": values}))
    else:
        click.echo(f"{_seconds(told):.2f} " + " ".join(f"{value:.2f}" for value in values))


def _print_heard(told: Told, at: int, mean: int, *, as_json: bool) -> None:
    time_s, value = round(at / _RATE_HZ, 3), round(mean / 255, 3)
    if as_json:
        click.echo(json.dumps({"heard": told.wake_word, "time_s": time_s, "mean": value}))
    else:
        click.echo(f'"{told.wake_word}" at {time_s:.2f} s (mean {value:.2f})')


def _seconds(told: Told) -> float:
    return told.newest / _RATE_HZ
