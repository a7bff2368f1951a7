"""The command ``mynah``: one module a subcommand, loaded when it is called.

A module ``mynah.cli.<name>`` holds one click command named ``command``. ``main`` turns every
`MynahError` into one line on stderr and its exit code, and Ctrl-C into exit code 130.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from typing import Any

import click

from mynah import __version__
from mynah.errors import MynahError

COMMANDS = {
    "demo": "the whole speaker on a virtual board, in under a minute",
    "virtual": "run a virtual board that esptool and mpremote can reach",
    "flash": "put MicroPython and the speaker's firmware on a board",
    "deploy": "send the firmware files that changed",
    "logs": "follow boards' logs; say what crashes mean",
    "broker": "serve a port to several programs at once",
    "find": "list the speakers and other miIO devices on the network",
    "pair": "give a board its Wi-Fi and take its token",
    "control": "read and set a paired speaker's properties",
    "secure": "refuse plain miIO: calls only in an encrypted channel",
    "home": "lamps, plugs, fans and more: add them to a speaker, say what they shall do",
    "privacy": "list what a speaker listens on, sends, stores and keeps",
    "wake": "run a wake-word model over recordings, as the board does",
    "qualify": "measure a board and write its scorecard; compare two",
    "bench": "measure: the wake engine's misses, false accepts and speed; the control of lamps",
    "model": "find, look into, compile and check wake-word models",
    "farm": "share boards in racks: labgrid's coordinator, exporters and places",
    "boards": "list and check the board files",
    "doctor": "find out what is wrong with a board, its port or its Wi-Fi, and what to do",
    "report": "pack what a maintainer needs into one file, without secrets",
    "ports": "list serial ports, virtual boards, and what is on them",
}


class LazyGroup(click.Group):
    """A group whose subcommands are imported when they are called.

    Args:
        commands: name and what the help says of each.
        prefix: the module of the command ``name`` is ``prefix + name``.
    """

    def __init__(self, *args: Any, commands: dict[str, str], prefix: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._commands = commands
        self._prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the table's order."""
        return list(self._commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command, if there is such a one."""
        if cmd_name not in self._commands:
            return None
        command = import_module(self._prefix + cmd_name).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The help's list, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._commands.items()))


@click.group(
    cls=LazyGroup,
    commands=COMMANDS,
    prefix="mynah.cli.",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `mynah demo`: it needs no hardware.",
)
@click.version_option(__version__, prog_name="mynah")
def cli() -> None:
    """Mynah: an open smart speaker on an ESP32-S3, flashed, paired, logged and tested from here."""


def _leave(signum: int, _frame: object) -> None:
    """Unwind what is under way; the exit code is the shell's for that signal."""
    sys.exit(128 + signum)


def main() -> None:
    """Run the command line and exit with the code that `mynah.errors` gives."""
    for name in ("SIGTERM", "SIGHUP"):  # a closed terminal, too, must leave nothing behind
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _leave)
    try:
        code = cli.main(standalone_mode=False)
    except MynahError as error:
        click.echo(f"mynah: {error}", err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        click.echo("mynah: stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("mynah: stopped", err=True)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
