"""Find out which programs hold a port (Linux; elsewhere nothing is found)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PROC = Path("/proc")
_TCP_TABLE = _PROC / "net" / "tcp"
_ESTABLISHED = "01"  # include/net/tcp_states.h


def who_holds(device: str, *, proc: Path = _PROC) -> list[str]:
    """``name (process 123)`` for each other process that has the device open, if it may be known.

    Empty where nobody has, where it is somebody else's process, and on systems without ``/proc``.
    """
    target = os.path.realpath(device)
    return _processes(lambda link: link == target, proc)


def is_in_use(tcp_port: int) -> bool:
    """Whether a program on this computer is connected to that TCP port of this computer."""
    return bool(_connections(tcp_port))


def who_talks_to(tcp_port: int) -> list[str]:
    """As `who_holds`, for the programs that are connected to a TCP port of this computer."""
    sockets = {f"socket:[{inode}]" for inode in _connections(tcp_port)}
    return _processes(sockets.__contains__, _PROC)


def _connections(tcp_port: int) -> list[str]:
    """The inodes of sockets that are connected to that port (proc(5), /proc/net/tcp)."""
    try:
        rows = [line.split() for line in _TCP_TABLE.read_text().splitlines()[1:]]
    except OSError:
        return []
    peer = f":{tcp_port:04X}"
    return [row[9] for row in rows if row[2].endswith(peer) and row[3] == _ESTABLISHED]


def _processes(wanted: Callable[[str], bool], proc: Path) -> list[str]:
    """The other processes that have an open file for whose link target ``wanted`` is true."""
    found = []
    for process in proc.glob("[0-9]*"):
        if int(process.name) != os.getpid() and any(map(wanted, _open_files(process))):
            with contextlib.suppress(OSError):
                name = (process / "comm").read_text().strip()
                found.append(f"{name} (process {process.name})")
    return found


def _open_files(process: Path) -> Iterable[str]:
    with contextlib.suppress(OSError):  # it ended meanwhile, or is not ours to look at
        for link in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(link.readlink())
