"""``mynah demo``."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.option(
    "--wav", type=click.Path(path_type=Path), help="Recording to play into the microphone."
)
@click.option("--mic", is_flag=True, help="Speak yourself: record the computer's microphone.")
@click.option("--model", default="okay_nabu", show_default=True, help="Wake-word model.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("mynah-demo"),
    show_default=True,
    help="Folder for the log, the picture and the captured sound.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON on stdout.")
@click.option("--quiet", is_flag=True, help="Do not stream the board's log.")
def command(
    wav: Path | None, model: str, out: Path, *, mic: bool, as_json: bool, quiet: bool
) -> int:
    """Show the whole speaker on a virtual board, in under a minute.

    A virtual ESP32-S3 is flashed with esptool over its serial port, boots, is paired with a
    simulated Wi-Fi, hears a wake word in a recording that is played into its microphone, and
    obeys commands over miIO. No hardware, no network, no account.

    \b
    mynah demo                              the demo's own recording
    mynah demo --wav kitchen.flac           a recording of yours
    mynah demo --mic --model alexa          your own voice, another word
    """
    from mynah.demo import DemoOptions, run_demo
    from mynah.demo.report import Screen, print_report
    from mynah.demo.sound import default_sound, sound_from_file, sound_from_microphone
    from mynah.models import shipped

    if wav is not None and mic:
        raise click.UsageError("--wav and --mic exclude each other")
    if model not in shipped():
        raise click.UsageError(f"no model {model!r}: there are {', '.join(sorted(shipped()))}")
    if mic:
        sound = sound_from_microphone(lambda text: click.echo(text, err=True))
    elif wav is not None:
        sound = sound_from_file(wav)
    else:
        sound = default_sound(model)
    screen = Screen(quiet=quiet)
    with screen:
        result = run_demo(DemoOptions(sound, model, out), screen.listener())
    if as_json:
        click.echo(json.dumps(result.as_dict(), indent=2))
    else:
        print_report(result)
    if result.error is not None:
        raise result.error
    return 0
