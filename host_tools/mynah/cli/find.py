"""``mynah find``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from mynah.cli.common import json_option, print_json, stderr, stdout, talk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.table import Table

    from mynah.find import Found


@click.command()
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.2, max=60),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to look.",
)
@json_option
def command(*, timeout: float, as_json: bool) -> None:
    """Find the speakers and other miIO devices on the local network.

    Everybody in every network that this computer is in is asked by a hello and by mDNS; virtual
    boards are found, too. Those that you have paired are listed by name, and a new address of one
    (routers change them) is kept for `mynah control`.

    \b
    mynah find
    mynah find --timeout 10 --json
    """
    from mynah.find import search
    from mynah.miio import devices

    known = devices.known()
    with _progress() as show:
        found = search(timeout, known=known, on_change=show)
    for each in found:
        if each.name and each.moved_from:
            devices.move(each.name, each.address)
            talk(f"{each.name} is at {each.address} now, no more at {each.moved_from}")
    if as_json:
        print_json([each.data() for each in found])
        return
    if found:
        stdout().print(_table(found))
    for advice in _advice(found, set(known)):
        talk(advice)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[list[Found]], None]]:
    """Gives a function that shows what was found so far; on a terminal only."""
    from rich.console import Group
    from rich.live import Live
    from rich.spinner import Spinner

    console = stderr()
    if not console.is_terminal:
        yield lambda _: None
        return
    spinner = Spinner("dots", "looking ...")
    with Live(spinner, console=console, transient=True) as live:
        yield lambda found: live.update(Group(_table(found), spinner))


def _table(found: list[Found]) -> Table:
    from rich.table import Column, Table

    table = Table(
        *("name", Column("model", overflow="fold"), "address", "device id", "state", "dBm"),
        "found by",
        box=None,
        header_style="bold",
        pad_edge=False,
    )
    for each in found:
        table.add_row(
            each.name or "",
            each.model or "",
            each.address,
            "" if each.device_id is None else str(each.device_id),
            _state(each),
            "" if each.rssi is None else str(each.rssi),
            "both" if len(each.found_by) > 1 else each.found_by[0],
        )
    return table


def _state(found: Found) -> str:
    if found.name:
        return "yours"
    if found.paired is None:
        return ""
    return "paired" if found.paired else "new"


def _advice(found: list[Found], known: set[str]) -> Iterator[str]:
    if not found:
        yield (
            "nobody answers: is this computer in the devices' Wi-Fi, and may its programs be "
            "reached (firewall)? Guest networks often keep their members apart. A speaker that is "
            "new has a Wi-Fi of its own, mynah-speaker-..."
        )
    new = [each for each in found if each.paired is False]
    if new:
        yield f"a new one is paired by `mynah pair {new[0].address} --ssid YOUR-WIFI --name NAME`"
    missing = sorted(known - {each.name for each in found})
    if found and missing:
        yield f"not found: {', '.join(missing)}"
