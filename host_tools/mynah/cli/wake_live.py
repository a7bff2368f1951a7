"""``mynah wake --live``: the wake probability of a board's microphone, as it moves."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click
from rich.live import Live
from rich.text import Text

from mynah.audio_files import RATE_HZ
from mynah.cli.common import stderr
from mynah.wake.board import BoardWake

if TYPE_CHECKING:
    from mynah.wake.told import Told, ToldWord

_WIDTH = 50


class _Screen:
    """Shows what is new; ``bar`` is None where there is no terminal."""

    def __init__(self, bar: Live | None, *, as_json: bool) -> None:
        self._bar = bar
        self._as_json = as_json
        self._n_outputs: dict[str, int] = {}
        self._n_heard: dict[str, int] = {}
        self._peaks: dict[str, int] = {}

    def show(self, told: Told) -> None:
        for word in told.words:
            fresh = word.outputs[self._n_outputs.get(word.name, 0) :]
            self._n_outputs[word.name] = len(word.outputs)
            if fresh:
                self._peaks[word.name] = max(fresh)
                if self._bar is None:
                    self._print_outputs(word, fresh)
            for at, mean in word.heard[self._n_heard.get(word.name, 0) :]:
                self._print_heard(word, at, mean)
            self._n_heard[word.name] = len(word.heard)
        if self._bar is not None:
            lines = [_line(word, self._peaks.get(word.name, 0)) for word in told.words]
            self._bar.update(Text("\n").join(lines), refresh=True)

    def _print_outputs(self, word: ToldWord, fresh: list[int]) -> None:
        time_s = word.newest / RATE_HZ
        values = [round(value / 255, 3) for value in fresh]
        if self._as_json:
            data = {"model": word.name, "time_s": round(time_s, 3), "probabilities": values}
            click.echo(json.dumps(data))
        else:
            click.echo(f"{word.name} {time_s:.2f} " + " ".join(f"{value:.2f}" for value in values))

    def _print_heard(self, word: ToldWord, at: int, mean: int) -> None:
        time_s, value = round(at / RATE_HZ, 3), round(mean / 255, 3)
        if self._as_json:
            data = {"model": word.name, "heard": word.wake_word, "time_s": time_s, "mean": value}
            click.echo(json.dumps(data))
        else:
            click.echo(f'"{word.wake_word}" at {time_s:.2f} s (mean {value:.2f})')


def show(port: str, seconds: float | None, *, as_json: bool) -> None:
    """Show a board's outputs until Ctrl-C, or for so many seconds.

    On a terminal a bar for each wake word moves on stderr, and detections stay as lines on stdout;
    elsewhere, and as JSON, each batch of outputs is a line on stdout.

    Raises:
        PortError, BoardError, BoardTimeoutError: as `mynah.wake.board.BoardWake.live`.
    """
    console = stderr()
    end = None if seconds is None else time.monotonic() + seconds
    with BoardWake(port) as board, Live(console=console, transient=True, auto_refresh=False) as bar:
        screen = _Screen(bar if console.is_terminal and not as_json else None, as_json=as_json)
        for told in board.live():
            screen.show(told)
            if end is not None and time.monotonic() > end:
                return


def _line(word: ToldWord, peak: int) -> Text:
    """The highest new output as a bar, with the cutoff in it."""
    filled, mark = (round(value * _WIDTH / 255) for value in (peak, word.cutoff))
    cells = ["█" if i < filled else "·" for i in range(_WIDTH)]
    cells[min(mark, _WIDTH - 1)] = "|"
    style = "bold red" if peak > word.cutoff else "cyan"
    return Text.assemble(f"{word.wake_word:14} ", ("".join(cells), style), f" {peak / 255:.2f}")
