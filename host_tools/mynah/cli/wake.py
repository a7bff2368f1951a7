"""``mynah wake``: run a wake-word model over recordings, as the board does, or on a board."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from mynah.cli.common import chosen_port, progress_bar
from mynah.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.audio_files import Samples
    from mynah.wake import WakeResult

    Hear = Callable[[Samples], dict[str, WakeResult]]

_HERE_ONLY = ("model", "cutoff")


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--model",
    default="okay_nabu",
    show_default=True,
    metavar="NAME|PATH",
    help="A shipped model (alexa, hey_jarvis, hey_mycroft, okay_nabu), or a .tflite, its .json, "
    "or a .wake file.",
)
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="Draw it (one FILE).")
@click.option("--cutoff", type=click.FloatRange(0, 1), help="Instead of the model's own.")
@click.option(
    "--port",
    metavar="PORT",
    help="Have the board on this port hear it, in its microphone's place: device path or "
    "rfc2217://HOST:PORT.",
)
@click.option(
    "--feed-baud",
    type=int,
    metavar="RATE",
    help="With --port: a faster serial rate for the time of it; through a USB-to-UART bridge real "
    "time needs 460800 or more.",
)
@click.option("--realtime", is_flag=True, help="With --port: no faster than real time.")
@click.option("--live", is_flag=True, help="Show what a board hears right now, until Ctrl-C.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="End --live after this.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for other programs.")
@click.pass_context
def command(
    context: click.Context,
    *,
    files: tuple[Path, ...],
    model: str,
    picture: Path | None,
    cutoff: float | None,
    port: str | None,
    feed_baud: int | None,
    realtime: bool,
    live: bool,
    seconds: float | None,
    as_json: bool,
) -> None:
    """Run a wake-word model over recordings, as the board does, or on a board.

    Prints when the wake word was heard, in seconds from the recording's start, and the mean
    probability. Recordings that are not 16 kHz mono are converted.

    \b
    mynah wake kitchen.flac --model alexa --plot out.png
    mynah wake kitchen.flac --port /dev/ttyUSB0    the same on a board, fed over its serial port
    mynah wake --live --port /dev/ttyUSB0          its microphone, as the probability moves
    """
    _check_words(context, files, picture, port=port, live=live)
    if live:
        from mynah.cli.wake_live import show

        show(chosen_port(port), seconds, as_json=as_json)
        return
    if port is None:
        results = _hear_all(files, picture, _here(model, cutoff), as_json=as_json)
    else:
        from mynah.wake.board import BoardWake

        with BoardWake(port) as board, progress_bar("feeding") as progress:
            if feed_baud is not None and not board.faster(feed_baud):
                click.echo(f"the board stays at its usual rate: {feed_baud} is refused", err=True)
            pace = 1.0 if realtime else None
            results = _hear_all(
                files,
                picture,
                lambda samples: board.feed(samples, pace=pace, progress=progress),
                as_json=as_json,
            )
    if as_json:
        click.echo(json.dumps(results))


def _check_words(
    context: click.Context,
    files: tuple[Path, ...],
    picture: Path | None,
    *,
    port: str | None,
    live: bool,
) -> None:
    if live and files:
        raise UsageError("--live listens to the board's microphone: give no FILE")
    if not live and not files:
        raise UsageError("give a recording (FILE), or --live to look at a board")
    if picture is not None and len(files) != 1:
        raise UsageError("--plot draws one recording: give one FILE")
    if port is None and not live:
        return
    for name in _HERE_ONLY:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(f"--{name} is for this computer; a board runs what is on it")


def _here(model: str, cutoff: float | None) -> Hear:
    from mynah import wake

    level = None if cutoff is None else int(cutoff * 255)
    return lambda samples: {model: wake.run(samples, model, cutoff=level)}


def _hear_all(
    files: tuple[Path, ...], picture: Path | None, hear: Hear, *, as_json: bool
) -> list[dict[str, object]]:
    from mynah import audio_files, wake

    results = []
    for file in files:
        samples = audio_files.load(file)
        heard = hear(samples)
        for model, result in heard.items():
            results.append({"file": str(file), "model": model, **result.to_json()})
            if not as_json:
                _print(file, result)
        if picture is not None:
            # A board may listen for several words: the one that came closest.
            result = max(heard.values(), key=lambda each: int(each.means.max(initial=0)))
            wake.plot(samples, result, picture, title=f"{file.name}: “{result.wake_word}”")
            click.echo(f"drawn: {picture}", err=True)
    return results


def _print(file: Path, result: WakeResult) -> None:
    peak = int(result.probabilities.max(initial=0)) / 255
    if not result.detections:
        click.echo(f'{file}: "{result.wake_word}" not heard (highest output {peak:.2f})')
    for hit in result.detections:
        click.echo(f'{file}: "{result.wake_word}" at {hit.time_s:.2f} s (mean {hit.mean:.2f})')
