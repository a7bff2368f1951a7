"""``mynah bench accuracy``."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mynah.cli.common import json_option, progress_bar, stdout, talk
from mynah.errors import MynahError

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--model", default="okay_nabu", show_default=True, metavar="NAME|PATH")
@click.option("--keyword", metavar="TEXT", help="Text of the keyword recordings; default: model's.")
@click.option(
    "--engine",
    "engines",
    default="mynah",
    show_default=True,
    metavar="NAME,...",
    help="mynah (in MicroPython), pymicro-wakeword, pyopen-wakeword.",
)
@click.option("--snr", default="10,5", show_default=True, metavar="DB,...", help="Noise to mix in.")
@click.option(
    "--hours",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Of sound without the keyword.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same sound.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Keep the figures (JSON)."
)
@click.option(
    "--plot", "picture", type=click.Path(path_type=Path, dir_okay=False), help="Draw the curve."
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="OLD.json",
    help="Say what changed since an earlier --out.",
)
@click.option("--list-missed", is_flag=True, help="Name the recordings that were missed.")
@json_option
def command(
    *,
    folder: Path,
    model: str,
    keyword: str | None,
    engines: str,
    snr: str,
    hours: float,
    seed: int,
    out: Path | None,
    picture: Path | None,
    compare: Path | None,
    list_missed: bool,
    as_json: bool,
) -> None:
    """Measure miss rate against false accepts per hour over a FOLDER of recordings.

    FOLDER holds manifest.tsv or manifest.csv with the columns file, label (keyword, speech, noise)
    and text. Every keyword is streamed once after 2 to 4 s of speech, alone and with noise; false
    accepts are counted on speech and noise. The same seed gives the same sound.

    \b
    mynah bench accuracy recordings --model alexa --engine mynah,pymicro-wakeword
    mynah bench accuracy recordings --model alexa --out new.json --compare old.json
    """
    from mynah.bench.accuracy import Recipe, measure, read_corpus, report
    from mynah.bench.accuracy.engines import make
    from mynah.bench.accuracy.picture import plot

    earlier = report.load(compare) if compare else None
    wanted = [make(name.strip(), model) for name in engines.split(",")]
    corpus = read_corpus(folder, keyword or _keyword_of(model))
    rules = Recipe(_snrs(snr), hours, seed)
    with progress_bar("streaming") as progress:
        measurements = measure(corpus, rules, wanted, progress)
    data = report.to_json(corpus, rules, model, measurements)
    if out is not None:
        with _written_at_once(out) as path:
            path.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
        talk(f"figures: {out}")
    if picture is not None:
        with _written_at_once(picture) as path:
            plot(data, path)
        talk(f"drawn: {picture}")
    if as_json:
        click.echo(json.dumps(data))
        return
    _print_table(report.heading(data), report.rows(data))
    if list_missed:
        _print_missed(data)
    if earlier is not None:
        for line in report.differences(earlier, data):
            click.echo(line)


def _keyword_of(model: str) -> str:
    from mynah import models
    from mynah.models import wake_file

    return wake_file.read(models.compiled(model))[1].wake_word


def _snrs(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(each) for each in text.split(",") if each.strip())
    except ValueError:
        raise click.UsageError(f"--snr: {text!r} is no list of decibels") from None


@contextlib.contextmanager
def _written_at_once(path: Path) -> Iterator[Path]:
    """A file beside ``path`` that takes its place when all went well, and is gone otherwise."""
    part = path.with_name(f".part-{path.name}")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise MynahError(f"cannot write {path}: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _print_table(heading: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.table import Table

    table = Table(*heading)
    for row in rows:
        table.add_row(*row)
    stdout().print(table)


def _print_missed(data: dict[str, Any]) -> None:
    for engine in data["engines"]:
        for condition, files in engine["operating_point"]["missed"].items():
            click.echo(f"{engine['engine']}, {condition}: missed {len(files)}")
            for file in files:
                click.echo(f"  {file}")
