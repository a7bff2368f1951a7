"""How fast a port may be flashed: the fastest rate that holds is tried once and remembered.

What a rate depends on is the USB-to-UART bridge, its driver and the cable, so it is kept for each
bridge (by its USB serial number, where it has one) or address.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from serial.tools import list_ports

from mynah.link.port import REMOTE
from mynah.userdirs import cache_dir, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

RATES = (2_000_000, 1_500_000, 921_600, 460_800, 230_400, 115_200)
"""The rates that are tried, the fastest first; the last is the ROM loader's own."""

_OWNER_ONLY = 0o600
_MAX_KEPT = 200


def candidates(url: str) -> tuple[int, ...]:
    """The rates to try on a port, in that order: from the one that held last time downwards."""
    held = _read().get(_key(url))
    return tuple(rate for rate in RATES if held is None or rate <= held) or RATES[-1:]


def remember(url: str, baud: int) -> None:
    """Keep the rate that held on a port; where the cache cannot be written, nothing is kept."""
    kept = _read()
    kept.pop(_key(url), None)
    kept[_key(url)] = baud
    newest = dict(list(kept.items())[-_MAX_KEPT:])
    try:
        write_atomically(_path(), json.dumps(newest).encode(), mode=_OWNER_ONLY)
    except OSError:
        return


def _key(url: str) -> str:
    if not url.startswith(REMOTE):
        for port in list_ports.comports():
            if port.device == url and port.vid is not None:
                return f"usb {port.vid:04x}:{port.pid:04x} {port.serial_number or url}"
    return url


def _read() -> dict[str, int]:
    try:
        content = json.loads(_path().read_text(encoding="utf-8"))
        return {str(key): int(baud) for key, baud in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _path() -> Path:
    return cache_dir() / "bauds.json"
