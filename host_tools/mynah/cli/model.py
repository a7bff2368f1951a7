"""``mynah model``: find, look into, compile and check wake-word models."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mynah.cli.common import json_option, print_json, talk
from mynah.errors import AudioError, UsageError, VerificationError

if TYPE_CHECKING:
    from mynah.models.comparison import Comparison
    from mynah.models.inspection import Inspection

_SOUNDS = {".wav", ".flac", ".ogg"}


@click.group()
def command() -> None:
    """Find, look into, compile and check wake-word models.

    A MODEL is the name of a shipped one, or a .tflite, its .json, or a .wake file.
    """


@command.command("list")
@json_option
def list_models(*, as_json: bool) -> None:
    """List the models that came with pymicro-wakeword."""
    from mynah import models
    from mynah.models.inspection import inspect

    found = {name: inspect(models.compiled(name)) for name in models.shipped()}
    if as_json:
        print_json([{"name": name, **_facts(what)} for name, what in found.items()])
        return
    for name, what in found.items():
        about = what.manifest
        click.echo(
            f"{name:<14}“{about.wake_word}”  {', '.join(about.languages)}  "
            f"cutoff {about.cutoff / 255:.2f} over {about.window}  "
            f"{what.file_bytes / 1000:.0f} kB  {about.licence}"
        )


@command.command("inspect")
@click.argument("model")
@json_option
def inspect_model(model: str, *, as_json: bool) -> None:
    """Say what a MODEL is, what it costs, and which instructions it runs."""
    from mynah import models
    from mynah.models.inspection import inspect

    what = inspect(models.compiled(model))
    if as_json:
        print_json(_facts(what))
        return
    about = what.manifest
    lines = {
        "wake word": about.wake_word,
        "kind": about.kind,
        "languages": ", ".join(about.languages) or "not said",
        "author": about.author or "not said",
        "website": about.website or "not said",
        "licence": about.licence or "not said",
        "cutoff": f"{about.cutoff} of 255 ({about.cutoff / 255:.2f}), mean of {about.window}",
        "an inference": f"every {10 * what.stride} ms, {what.macs:,} multiply-accumulates",
        "memory": f"{what.file_bytes:,} bytes of file, {what.arena_bytes:,} of state and buffers",
        "instructions": ", ".join(f"{n} {name}" for name, n in what.instructions.items()),
    }
    for name, text in lines.items():
        click.echo(f"{name + ':':<14}{text}")


@command.command("compile")
@click.argument("model")
@click.option("--out", "-o", type=click.Path(path_type=Path), help="Default: MODEL's name, .wake.")
@click.option("--cutoff", type=click.FloatRange(0, 1, min_open=True), help="Instead of its own.")
@click.option("--window", type=click.IntRange(1, 255), help="Outputs to average.")
@click.option("--wake-word", metavar="TEXT", help="What it listens for.")
@click.option(
    "--kind",
    type=click.Choice(["wake", "stop", "vad"]),
    help="A wake word, a word that ends what plays, or what hears speech at all.",
)
@json_option
def compile_model(model: str, out: Path | None, *, as_json: bool, **options: Any) -> None:
    """Compile a MODEL to the .wake file that a board loads from /models."""
    from mynah import models
    from mynah.models.inspection import inspect
    from mynah.models.wake_file import with_manifest

    changes = {name: value for name, value in options.items() if value is not None}
    if "cutoff" in changes:
        changes["cutoff"] = int(changes["cutoff"] * 255)
    data = models.compiled(model)
    if changes:
        data = with_manifest(data, **changes)
    out = out or Path(Path(model).stem + ".wake")
    try:
        out.write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from error
    if as_json:
        print_json({"file": str(out), **_facts(inspect(data))})
    else:
        click.echo(f"{out}: {len(data):,} bytes")


@command.command("compare")
@click.argument("model")
@click.argument("sounds", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
def compare_model(model: str, sounds: tuple[Path, ...], *, as_json: bool) -> None:
    """Run a MODEL over recordings (files or folders) in the firmware's engine and in TFLite.

    Ends with exit code 6 if an output differs by more than one step of 255 or the detections are
    not the same.
    """
    from mynah import audio_files, models
    from mynah.models.comparison import compare

    tflite = models.source(model)
    results = []
    for file in _files(sounds):
        result = compare(audio_files.load(file), model, tflite)
        results.append((file, result))
        if not as_json:
            click.echo(f"{file}: {_sentence(result)}")
    total = _total([result for _, result in results])
    if as_json:
        files = [{"file": str(file), **asdict(result)} for file, result in results]
        print_json({"model": model, "total": total, "files": files})
    elif len(results) > 1:
        talk(
            f"{len(results)} files, {total['inferences']} inferences: {total['differ']} differ, "
            f"at most by {total['largest']}; detections {total['mynah']} and {total['tflite']}"
        )
    if total["largest"] > 1 or any(one.mynah_s != one.tflite_s for _, one in results):
        raise VerificationError(f"the engine and TensorFlow Lite disagree about {model}")


def _files(sounds: tuple[Path, ...]) -> list[Path]:
    files: list[Path] = []
    for path in sounds:
        if path.is_dir():
            files += sorted(each for each in path.rglob("*") if each.suffix.lower() in _SOUNDS)
        else:
            files.append(path)
    if not files:
        raise AudioError("there are no recordings in there (WAV, FLAC or OGG)")
    return files


def _sentence(result: Comparison) -> str:
    text = f"{result.inferences} inferences, "
    text += f"{result.differ} differ by up to {result.largest}" if result.differ else "all equal"
    return f"{text}; heard at {_times(result.mynah_s)} (TFLite: {_times(result.tflite_s)})"


def _times(times: tuple[float, ...]) -> str:
    return ", ".join(f"{time:.2f} s" for time in times) or "no time"


def _total(results: list[Comparison]) -> dict[str, int]:
    return {
        "inferences": sum(one.inferences for one in results),
        "differ": sum(one.differ for one in results),
        "largest": max(one.largest for one in results),
        "mynah": sum(len(one.mynah_s) for one in results),
        "tflite": sum(len(one.tflite_s) for one in results),
    }


def _facts(what: Inspection) -> dict[str, Any]:
    facts = asdict(what)
    return {**facts.pop("manifest"), **facts}
