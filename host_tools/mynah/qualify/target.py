"""Which board is qualified: the command's words, completed by what the board itself says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah import boards
from mynah.errors import UsageError
from mynah.hil import Console, ExpectTimeoutError, benchfile
from mynah.hil.benchfile import VIRTUAL
from mynah.link import open_port

if TYPE_CHECKING:
    from pathlib import Path

    from mynah.boards import Board

_TOLD = r" app: board ([\w.-]+), last reset"
_START_S = 20.0


@dataclass(frozen=True, slots=True)
class Target:
    """One board to qualify."""

    name: str
    kind: Board | None
    """Its board file."""
    is_virtual: bool
    options: tuple[str, ...]
    """What pytest is told of it."""


def choose(port: str | None, board: str | None, bench: Path | None) -> Target:
    """The board that the command's options name; without any, a virtual one.

    A board whose file is not named is reset and asked: its firmware tells in its log.

    Raises:
        UsageError: the options contradict each other, or name no board, or more than one.
        PortError: the port is missing or busy.
    """
    if bench is not None:
        return _of_bench(bench, board, port)
    if port is None and board is not None:
        raise UsageError("--board says what is on --port: give that, too")
    if port is None or port == VIRTUAL:
        kind = boards.load(board or VIRTUAL)
        words = ("--port", VIRTUAL, "--board", board) if board else ()
        return Target(kind.name, kind, is_virtual=True, options=words)
    open_port(port).close()  # nothing is measured, and no card written, where there is no board
    board = board or _told_by(port)
    kind = boards.load(board)
    return Target(
        kind.name, kind, is_virtual=kind.is_virtual, options=("--port", port, "--board", board)
    )


def _of_bench(bench: Path, board: str | None, port: str | None) -> Target:
    if port is not None:
        raise UsageError("--bench says where the boards are: it goes without --port")
    entries = {entry.name: entry for entry in benchfile.load(bench)}
    name = board or (next(iter(entries)) if len(entries) == 1 else None)
    if name not in entries:
        names = ", ".join(entries)
        raise UsageError(f"name the one board to qualify with --board; the bench has: {names}")
    entry = entries[name]
    if entry.type is None and not entry.is_virtual:
        raise UsageError(f"{bench.name}: board {name} needs its type (the board file) for a card")
    if entry.port is not None and not entry.is_virtual:
        open_port(entry.port).close()
    kind = boards.load(entry.type or VIRTUAL)
    words = ("--bench", str(bench.resolve()), "--board", name)
    return Target(name, kind, is_virtual=entry.is_virtual or kind.is_virtual, options=words)


def _told_by(port: str) -> str:
    advice = "say what it is with --board NAME (`mynah boards` lists them)"
    with Console(port) as console:
        console.reset_board()
        try:
            name = console.expect(_TOLD, _START_S)[1]
        except ExpectTimeoutError:
            raise UsageError(
                f"the board on {port} does not say which board it is: {advice}"
            ) from None
    if name not in boards.names():
        raise UsageError(f"the board on {port} calls itself {name!r}, which has no file: {advice}")
    return name


def check_suites(suites: tuple[Path, ...]) -> None:
    """Refuse a suite that is not there.

    Raises:
        UsageError: it is not.
    """
    for path in suites:
        if not path.exists():
            raise UsageError(f"--suite {path}: there is no such folder or file of tests")
