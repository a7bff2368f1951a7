"""What the commands share: options, talk on stderr, data on stdout, progress on a terminal."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FILE_WIDTH = 200  # where no terminal says how wide it is

port_option = click.option(
    "--port",
    metavar="PORT",
    envvar="MYNAH_PORT",
    help="Device path or rfc2217://HOST:PORT; without it, the only board there is.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print data as JSON on stdout.")


def stderr() -> Console:
    """The console for talk; it honours NO_COLOR and takes no text for markup."""
    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def stdout() -> Console:
    """The console for data that a person reads; it takes no text for markup."""
    width = None if sys.stdout.isatty() else _FILE_WIDTH
    return Console(markup=False, highlight=False, emoji=False, width=width)


def talk(text: str) -> None:
    """Say something about what is going on."""
    click.echo(text, err=True)


def print_json(data: Any) -> None:
    """Print data (dataclasses as objects) as JSON on stdout."""
    click.echo(json.dumps(data, indent=2, default=_plain, ensure_ascii=False))


def chosen_port(port: str | None) -> str:
    """The port that was named, or the only one with a board on it.

    Where somebody shares it (`mynah logs`, `mynah broker`), the address at which they do.

    Raises:
        PortError: none was named, and there is no board or more than one.
    """
    from mynah.link.shares import find_share

    found = port or only_port_here()
    share = find_share(found)
    if share is None:
        return found
    talk(f"{found} is shared by {share.program}: {share.url}")
    return share.url


def only_port_here() -> str:
    """The only port with a board on it; raises as `chosen_port` does."""
    from mynah.link.ports import find_ports, only_port

    found = only_port(find_ports())
    talk(f"port: {found}")
    return found


@contextmanager
def progress_bar(text: str) -> Iterator[Callable[[float], None]]:
    """Gives a function that takes the share done, 0 to 1; shows a bar on a terminal only."""
    console = stderr()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as bar:
        task = bar.add_task(text, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
