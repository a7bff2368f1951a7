"""The virtual boards that `mynah virtual` runs on this computer: how others find their ports.

Each writes one small file into the user's cache folder and removes it at its end. The file names a
UDP port that is bound as long as the process lives, so one that was killed is told by its free
port, and its file removed when somebody looks. The serial port itself would not do: to connect to
it takes it from its user.
"""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mynah.userdirs import cache_dir, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OWNER_ONLY = 0o600
_HOST = "127.0.0.1"


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
            alive = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            _bind(alive, 0)
            path = cache_dir() / _name(board.index)
            stack.callback(_remove, path)
            content = {"alive": alive.getsockname()[1], "board": asdict(board)}
            write_atomically(path, json.dumps(content).encode(), mode=_OWNER_ONLY)
        yield


def running_boards() -> list[RunningBoard]:
    """Every virtual board of this user that `mynah virtual` runs on this computer, by number."""
    found = []
    with contextlib.suppress(OSError):
        for path in cache_dir().glob(_name("*")):
            board = _read(path)
            if board is None:
                _remove(path)
            else:
                found.append(board)
    return sorted(found, key=lambda board: board.index)


def _name(index: int | str) -> str:
    """A file's name; the computer's is in it because a home folder may be shared by several."""
    return f"virtual-{socket.gethostname()}-{index}.json"


def _read(path: Path) -> RunningBoard | None:
    """The board that a file tells of; None where it has ended, or the file is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        board = RunningBoard(**content["board"])
        return board if _is_bound(int(content["alive"])) else None
    except (OSError, OverflowError, LookupError, TypeError, ValueError):
        return None


def _is_bound(udp_port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            _bind(probe, udp_port)
        except OSError:
            return True
    return False


def _bind(udp: socket.socket, port: int) -> None:
    if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    udp.bind((_HOST, port))


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
