"""Small files in the user's cache folder that last as long as the process that wrote them.

A file names a UDP port that is bound as long as the process lives, so one that was killed is told
by its free port, and its file removed when somebody looks. (A serial port itself would not do: to
connect to it takes it from its user.)
"""

from __future__ import annotations

import contextlib
import json
import socket
from typing import TYPE_CHECKING, Any

from mynah.userdirs import cache_dir, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OWNER_ONLY = 0o600
_HOST = "127.0.0.1"


def path_for(kind: str, name: str) -> Path:
    """The file; the computer's name is in it because a home folder may be shared by several."""
    return cache_dir() / f"{kind}-{socket.gethostname()}-{name}.json"


def tell(path: Path, content: dict[str, Any]) -> socket.socket:
    """Write a file; it counts until the socket that is given back is closed, here and in children.

    Raises:
        OSError: it cannot be written.
    """
    alive = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        _bind(alive, 0)
        told = {"alive": alive.getsockname()[1], **content}
        write_atomically(path, json.dumps(told).encode(), mode=_OWNER_ONLY)
    except OSError:
        alive.close()
        raise
    return alive


def told(kind: str, name: str = "*") -> Iterator[dict[str, Any]]:
    """The content of each file of that kind whose process lives; others' files are removed."""
    with contextlib.suppress(OSError):
        for path in cache_dir().glob(path_for(kind, name).name):
            content = _read(path)
            if content is None:
                remove(path)
            else:
                yield content


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    with contextlib.suppress(OSError):
        path.unlink()


def _read(path: Path) -> dict[str, Any] | None:
    """What a file holds; None where its process has ended, or it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        alive = _is_bound(int(content["alive"]))
    except (OSError, OverflowError, LookupError, TypeError, ValueError):
        return None
    return content if alive and isinstance(content, dict) else None


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
