"""``mynah farm use``."""

from __future__ import annotations

import os
import subprocess

import click

from mynah.cli.common import talk
from mynah.cli.farm import coordinator_option, need_labgrid
from mynah.errors import UsageError

_PORT = "{port}"


@click.command()
@coordinator_option
@click.option(
    "--wait", "wait_s", type=float, default=0.0, metavar="S", help="Wait so long for the place."
)
@click.argument("place")
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED)
def command(coordinator: str, place: str, program: tuple[str, ...], wait_s: float) -> int:
    """Take a place, run a program on its board, give the place back.

    Mynah's own commands find the port by themselves (MYNAH_PORT); for others write {port}. The exit
    code is the program's. A place that you had before stays yours.

    \b
    mynah farm use kitchen -- mynah logs --reset --until 'app: ready' --timeout 20
    mynah farm use kitchen -- mynah flash --board bread-compact --yes
    mynah farm use kitchen --wait 600 -- mpremote connect {port} run blink.py
    """
    need_labgrid()
    from mynah.farm.holding import Holding
    from mynah.farm.ports import port_at

    with Holding(coordinator, place).take(wait_s=wait_s):
        port = port_at(place)
        talk(f"{place}: {port}")
        return _run([word.replace(_PORT, port) for word in program], port)


def _run(program: list[str], port: str) -> int:
    try:
        process = subprocess.Popen(program, env={**os.environ, "MYNAH_PORT": port})
    except OSError as error:
        raise UsageError(f"{program[0]} cannot be run: {error.strerror}") from None
    try:
        return process.wait()
    except KeyboardInterrupt:  # the program has got it, too
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
