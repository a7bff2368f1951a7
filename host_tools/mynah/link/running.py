"""The virtual boards that `mynah virtual` runs on this computer: how others find their ports."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mynah.link import alive

if TYPE_CHECKING:
    from collections.abc import Iterator

_KIND = "virtual"


@dataclass(frozen=True, slots=True)
class RunningBoard:
    """A virtual board that runs, and where to reach it."""

    index: int
    url: str
    mac: str
    address: str
    """IPv4 address of its station interface."""
    ap_address: str
    """IPv4 address at which its own set-up network is reached."""


@contextlib.contextmanager
def announced(board: RunningBoard) -> Iterator[None]:
    """Have `running_boards` list a board meanwhile; where that fails, it runs all the same."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            path = alive.path_for(_KIND, str(board.index))
            stack.enter_context(alive.tell(path, {"board": asdict(board)}))
            stack.callback(alive.remove, path)
        yield


def running_boards() -> list[RunningBoard]:
    """Every virtual board of this user that `mynah virtual` runs on this computer, by number."""
    found = []
    for content in alive.told(_KIND):
        with contextlib.suppress(LookupError, TypeError):
            found.append(RunningBoard(**content["board"]))
    return sorted(found, key=lambda board: board.index)
