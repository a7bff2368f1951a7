"""The board under test: a virtual one with the firmware on it, or a real one on a port."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah import boards
from mynah.flash.job import flash_board
from mynah.virtual.board import VirtualBoard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mynah.boards import Board


@dataclass(frozen=True, slots=True)
class Bench:
    """A board that runs the firmware, and how to reach it."""

    url: str
    """Serial port: device path or ``rfc2217://host:port``."""
    board: Board
    """What the board file says of it."""
    virtual: VirtualBoard | None
    """The virtual board, whose world can be driven; None for a board on ``--port``."""


@contextlib.contextmanager
def open_bench(port: str | None, board_name: str | None) -> Iterator[Bench]:
    """The bench for a test run.

    Args:
        port: the port of a board that has the firmware on it; None starts a virtual board and
            flashes it, as ``mynah flash`` does.
        board_name: board file of the board on ``port``; None takes "virtual".

    Raises:
        MynahError: what starting or flashing the virtual board raises.
    """
    board = boards.load(board_name or "virtual")
    if port is not None:
        yield Bench(port, board, None)
        return
    with VirtualBoard() as virtual:
        flash_board(board, virtual.url)
        yield Bench(virtual.url, board, virtual)
