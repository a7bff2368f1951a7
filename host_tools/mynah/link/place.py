"""Where a board's port is now: the chip's own USB may get another name at a reset or re-plug."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serial.tools import list_ports

from mynah.errors import PortError
from mynah.link.port import REMOTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_POLL_S = 0.1


class Place:
    """A port that is found again by its USB serial number, under whatever name.

    Args:
        url: device path or ``rfc2217://host:port``; None: only the number is known.
        serial_number: of its USB; None: that of what is at ``url`` now, if it has one.
        comports: lists the computer's ports, as pyserial does.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        serial_number: str | None = None,
        comports: Callable[[], Iterable[Any]] = list_ports.comports,
    ) -> None:
        self._comports = comports
        self._url = url
        self.serial_number = serial_number
        if serial_number is None and url is not None and not url.startswith(REMOTE):
            self.serial_number = self._number_at(url)

    def find(self) -> str | None:
        """Its name now; None while it is not there. A port without a number keeps its name."""
        if self.serial_number is None:
            return self._url
        wanted = _plain(self.serial_number)
        there = [
            str(port.device)
            for port in self._comports()
            if port.serial_number and _plain(port.serial_number) == wanted
        ]
        if self._url in there or not there:
            return self._url if there else None
        return min(there)

    def find_now(self, *, patience_s: float = 0.0) -> str:
        """As `find`, but it is there, or comes back within ``patience_s``.

        Raises:
            PortError: it is not there.
        """
        deadline = time.monotonic() + patience_s
        url = self.find()
        while url is None and time.monotonic() < deadline:
            time.sleep(_POLL_S)
            url = self.find()
        if url is None:
            raise PortError(
                f"no port has the USB serial number {self.serial_number}: is the board plugged in? "
                "`mynah ports` lists what there is"
            )
        return url

    def _number_at(self, url: str) -> str | None:
        real = _real(url)
        for port in self._comports():
            if _real(str(port.device)) == real:
                return port.serial_number or None
        return None


def _real(device: str) -> str:
    """The device behind a link, as those in /dev/serial/by-id are."""
    return str(Path(device).resolve())


def _plain(number: str) -> str:
    """The number without colons: the ROM's USB has its MAC with them, MicroPython's without."""
    return number.replace(":", "").upper()
