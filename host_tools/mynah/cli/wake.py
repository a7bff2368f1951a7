"""``mynah wake``: run a wake-word model over recordings, as the board does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mynah.errors import UsageError

if TYPE_CHECKING:
    from mynah.wake import WakeResult


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
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
@click.option("--json", "as_json", is_flag=True, help="Everything, for other programs.")
def command(
    files: tuple[Path, ...],
    model: str,
    picture: Path | None,
    cutoff: float | None,
    as_json: bool,
) -> None:
    """Run a wake-word model over recordings, as the board does.

    Prints when the wake word was heard, in seconds from the recording's start, and the mean
    probability. Recordings that are not 16 kHz mono are converted.
    """
    from mynah import audio_files, wake

    if picture is not None and len(files) != 1:
        raise UsageError("--plot draws one recording: give one FILE")
    results = []
    for file in files:
        samples = audio_files.load(file)
        result = wake.run(samples, model, cutoff=None if cutoff is None else int(cutoff * 255))
        results.append({"file": str(file), **result.to_json()})
        if not as_json:
            _print(file, result)
        if picture is not None:
            wake.plot(samples, result, picture, title=f"{file.name}: “{result.wake_word}”")
            click.echo(f"drawn: {picture}", err=True)
    if as_json:
        click.echo(json.dumps(results))


def _print(file: Path, result: WakeResult) -> None:
    peak = int(result.probabilities.max(initial=0)) / 255
    if not result.detections:
        click.echo(f"{file}: not heard (highest output {peak:.2f})")
    for hit in result.detections:
        click.echo(f'{file}: "{result.wake_word}" at {hit.time_s:.2f} s (mean {hit.mean:.2f})')
