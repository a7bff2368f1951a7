"""``mynah boards``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mynah.cli.common import json_option, print_json, stdout

if TYPE_CHECKING:
    from mynah.boards import Board


@click.group(invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List, show and check the board files.

    \b
    mynah boards                  what there is
    mynah boards show NAME        pins, wires, parts and prices of one
    mynah boards check FILE.toml  a board file of your own
    """
    if context.invoked_subcommand is None:
        context.invoke(list_boards)


@command.command("list")
@json_option
def list_boards(*, as_json: bool = False) -> None:
    """List the boards that Mynah knows."""
    from rich.table import Table

    from mynah import boards

    found = [boards.load(name) for name in boards.names()]
    if as_json:
        print_json([_summary(board) for board in found])
        return
    table = Table("name", "board", "memory", "parts, about", box=None, header_style="bold")
    for board in found:
        memory = f"{board.flash_mb} MB flash, {board.psram or 'no PSRAM'}"
        price = f"{board.price_yuan:g} yuan" if board.parts else "nothing"
        table.add_row(board.name, board.title, memory, price)
    stdout().print(table)


@command.command("show")
@click.argument("name")
@json_option
def show(name: str, *, as_json: bool) -> None:
    """Show a board's facts: NAME, or the path of a TOML file."""
    from rich.table import Table

    from mynah import boards

    board = boards.load(name)
    findings = boards.check_pins(board)
    if as_json:
        print_json({"board": board, "wires": boards.connections(board), "findings": findings})
        return
    console = stdout()
    console.print(f"{board.name}: {board.title}", style="bold")
    console.print(f"image {board.image}, USB {' and '.join(board.usb)}")
    pins = Table("pin", "use", box=None, header_style="bold")
    for use, pin in sorted(board.pins(), key=lambda row: row[1]):
        pins.add_row(f"GPIO{pin}", use)
    console.print(pins)
    _print_wires(board)
    parts = Table("part", "yuan, about", "source", box=None, header_style="bold")
    for part in board.parts:
        parts.add_row(part.name, f"{part.price_yuan:g}", part.source)
    if board.parts:
        parts.add_row("together", f"{board.price_yuan:g}", "")
        console.print(parts)
    for text in (*board.notes, *(finding.text for finding in findings)):
        console.print(f"note: {text}")
    console.print("facts from: " + "; ".join(board.sources))


@command.command("check")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def check(file: Path, *, as_json: bool) -> None:
    """Check a board file; exit code 2 when it breaks a rule."""
    from mynah import boards

    if file.suffix != ".toml":
        raise click.UsageError("a board file is named *.toml")
    board = boards.load(file)
    findings = boards.check_pins(board)
    if as_json:
        print_json({"name": board.name, "ok": True, "findings": findings})
        return
    for finding in findings:
        click.echo(f"note: {finding.text}")
    click.echo(f"{file.name}: {board.name} is in order")


def _print_wires(board: Board) -> None:
    from rich.table import Table

    from mynah import boards

    wires = boards.connections(board)
    if not wires:
        return
    table = Table("signal", "part", "its pin", "wire to", "note", box=None, header_style="bold")
    for wire in wires:
        table.add_row(wire.signal, wire.part, wire.pin, wire.to, wire.note)
    stdout().print(table)


def _summary(board: Board) -> dict[str, object]:
    return {
        "name": board.name,
        "title": board.title,
        "image": board.image,
        "flash_mb": board.flash_mb,
        "psram": board.psram,
        "price_yuan": board.price_yuan,
    }
