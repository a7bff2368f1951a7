"""Ports that their owner shares: who owns one, and where others reach the board meanwhile.

`mynah logs` and `mynah broker` share the port that they have open: they listen on the loopback
interface for RFC 2217 clients, and tell so in a file (see `mynah.link.alive`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.link import alive
from mynah.link.port import REMOTE

if TYPE_CHECKING:
    from pathlib import Path

_KIND = "share"
_HOST = "127.0.0.1"
_BACKLOG = 8


@dataclass(frozen=True, slots=True)
class Shared:
    """A port that somebody shares."""

    port: str
    """Device path or ``rfc2217://host:port`` of the board."""
    url: str
    """Where to open it meanwhile."""
    program: str
    """Who has it."""


def find_share(port: str) -> Shared | None:
    """Who shares a port, if anybody does."""
    for content in alive.told(_KIND, _name(port)):
        with contextlib.suppress(LookupError, TypeError):
            return Shared(**content["share"])
    return None


def shares() -> list[Shared]:
    """Every port that somebody shares, by name."""
    found = []
    for content in alive.told(_KIND):
        with contextlib.suppress(LookupError, TypeError):
            found.append(Shared(**content["share"]))
    return sorted(found, key=lambda share: share.port)


class Share:
    """An offer of this process to share a port; it ends with `close`, or goes on with the sockets.

    Args:
        port: what is shared.
        program: who shares it, for others to read.
        tcp_port: where to listen; 0: any free port.

    Raises:
        OSError: there is no such socket or file to be had.
    """

    def __init__(self, port: str, program: str, *, tcp_port: int = 0) -> None:
        self.listener = _listen(tcp_port)
        self.url = f"{REMOTE}{_HOST}:{self.listener.getsockname()[1]}"
        self.path: Path = alive.path_for(_KIND, _name(port))
        share = {
            "port": _real(port),
            "url": self.url,
            "program": f"{program} (process {os.getpid()})",
        }
        try:
            self.alive = alive.tell(self.path, {"share": share})
        except OSError:
            self.listener.close()
            raise

    def leave(self) -> None:
        """Give up the sockets that another process has a copy of: the offer goes on there."""
        self.listener.close()
        self.alive.close()

    def close(self) -> None:
        """End the offer."""
        alive.remove(self.path)
        self.leave()


def can_share() -> bool:
    """Whether an open port can be handed to another process: not so on Windows."""
    return sys.platform != "win32"


def _listen(tcp_port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, tcp_port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _real(port: str) -> str:
    return port.rstrip("/") if "://" in port else os.path.realpath(port)


def _name(port: str) -> str:
    return hashlib.sha256(_real(port).encode()).hexdigest()[:20]
