"""``mynah bench pc``."""

from __future__ import annotations

import statistics

import click

from mynah.cli.common import json_option, print_json


@click.command()
@click.option("--model", default="okay_nabu", show_default=True, metavar="NAME|PATH")
@click.option("--takes", type=click.IntRange(1), default=7, show_default=True)
@json_option
def command(model: str, takes: int, *, as_json: bool) -> None:
    """Time the wake engine on this computer: 10 s of speech, beside pymicro-wakeword.

    Both engines run in turn, in this one run, from samples to detections; the medians count.
    """
    from mynah.bench.pc import SECONDS, measure

    speed = measure(model, takes)
    if as_json:
        print_json(
            {
                "model": speed.model,
                "backend": speed.backend,
                "sound_s": SECONDS,
                "mynah_s": speed.mynah_s,
                "pymicro_wakeword_s": speed.pymicro_s,
                "ratio": round(speed.ratio, 3),
            }
        )
        return
    click.echo(f"{SECONDS} s of speech, model {speed.model}, medians of {takes} takes:")
    for name, seconds in (
        (f"mynah in MicroPython ({speed.backend})", speed.mynah_s),
        ("pymicro-wakeword (TFLite, C)", speed.pymicro_s),
    ):
        median = statistics.median(seconds)
        click.echo(f"  {name:34} {median * 1000:7.1f} ms  {SECONDS / median:6.0f} x real time")
    click.echo(f"  ratio {speed.ratio:.2f}")
