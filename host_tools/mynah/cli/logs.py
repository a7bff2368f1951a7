"""``mynah logs``."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import click

from mynah.cli.common import chosen_port, json_option, port_option, stdout, talk
from mynah.errors import BoardTimeoutError

if TYPE_CHECKING:
    from rich.text import Text

    from mynah.logs import LogRecord

_STYLES = {"D": "dim", "I": "", "W": "yellow", "E": "bold red"}


@click.command()
@port_option
@click.option("--baud", default=115200, show_default=True, help="Baud rate of the console.")
@click.option(
    "--level",
    type=click.Choice(["D", "I", "W", "E"], case_sensitive=False),
    default="D",
    help="Least urgent level to show; lines that are no records are always shown.",
)
@click.option("--until", metavar="REGEX", help="Stop at the first line in which this is found.")
@click.option(
    "--timeout", type=float, metavar="S", help="Stop after S seconds; with --until, exit code 5."
)
@click.option(
    "--reset", is_flag=True, help="Restart the board first, to see its log from the start."
)
@json_option
def command(
    port: str | None,
    baud: int,
    level: str,
    until: str | None,
    timeout: float | None,
    *,
    reset: bool,
    as_json: bool,
) -> None:
    """Follow a board's log, through resets and unplugged cables. Ctrl-C ends it.

    \b
    mynah logs --port /dev/ttyUSB0 --level W
    mynah logs --port rfc2217://127.0.0.1:3333 --reset --until 'app: ready' --timeout 20
    """
    from mynah.logs import LEVELS
    from mynah.logs.follow import follow

    pattern = _compile(until)
    console = stdout()
    shown_from = LEVELS.index(level.upper())
    url = chosen_port(port)
    for record in follow(url, baud=baud, timeout_s=timeout, reset=reset, talk=talk):
        if record.level is None or LEVELS.index(record.level) >= shown_from:
            if as_json:
                click.echo(_as_json(record))
            else:
                console.print(_render(record), soft_wrap=True)
        if pattern and pattern.search(str(record)):
            return
    if until:
        raise BoardTimeoutError(f"no line with {until!r} in {timeout:g} s")


def _compile(until: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(until) if until else None
    except re.error as error:
        raise click.UsageError(f"--until: {error}") from None


def _as_json(record: LogRecord) -> str:
    import json
    from dataclasses import asdict

    return json.dumps({"host_time": round(time.time(), 3), **asdict(record)}, ensure_ascii=False)


def _render(record: LogRecord) -> Text:
    from rich.text import Text

    if record.level is None:
        return Text(record.text)
    return Text.assemble(
        (f"{record.level} {record.ticks_ms} ", "dim"),
        (f"{record.source}: ", "cyan"),
        (record.text, _STYLES[record.level]),
    )
