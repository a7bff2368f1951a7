"""Which board is on a port, where the user did not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mynah import boards
from mynah.errors import BoardError, BoardTimeoutError, UsageError
from mynah.link.repl import Repl
from mynah.link.running import running_boards

if TYPE_CHECKING:
    from mynah.boards import Board


def which_board(url: str) -> Board:
    """The board file for what is on a port: virtual, or what its own ``/board.json`` says.

    Raises:
        UsageError: it does not say; the message lists the names.
        PortError: the port is missing or busy.
    """
    if any(board.url == url for board in running_boards()):
        return boards.load("virtual")
    try:
        with Repl(url) as repl:
            return said_by(repl)
    except (BoardError, BoardTimeoutError):
        names = ", ".join(boards.names())
        raise UsageError(
            f"the board on {url} does not say what it is: name it with --board ({names})"
        ) from None


def said_by(repl: Repl) -> Board:
    """The board file that a board with our firmware names.

    Raises:
        MynahError: it has none, or one that is unknown here.
    """
    name = repl.value("__import__('json').load(open('/board.json'))['name']")
    return boards.load(str(name))
