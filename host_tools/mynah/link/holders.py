"""Find out which programs hold a device open (Linux)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_PROC = Path("/proc")


def who_holds(device: str) -> list[str]:
    """``name (process 123)`` for each other process that has the device open, if it may be known.

    Empty where nobody has, where it is somebody else's process, and on systems without ``/proc``.
    """
    target = os.path.realpath(device)
    found = []
    for process in _PROC.glob("[0-9]*"):
        if int(process.name) != os.getpid() and _has_open(process, target):
            with contextlib.suppress(OSError):
                name = (process / "comm").read_text().strip()
                found.append(f"{name} (process {process.name})")
    return found


def _has_open(process: Path, target: str) -> bool:
    try:
        return any(str(link.readlink()) == target for link in (process / "fd").iterdir())
    except OSError:  # ended meanwhile, or not ours to look at
        return False
