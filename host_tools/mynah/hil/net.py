"""What the fixture ``net`` is: where the board is in its network."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from mynah.errors import BoardTimeoutError
from mynah.hil.parts import MissingPartError

if TYPE_CHECKING:
    from mynah.hil.device import Device

_POLL_S = 0.02
_ADDRESS = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b")
_NOWHERE = ("0.0.0.0", "127.", "255.")


class Net:
    """The board's addresses."""

    def __init__(self, device: Device) -> None:
        self._device = device

    @property
    def address(self) -> str:
        """Its IPv4 address in the network that it joined; waits up to 10 s for one."""
        return self.wait()

    def wait(self, timeout: float = 10.0) -> str:
        """Wait until the board has an address in a network; the address.

        A real board's is the bench file's, or the last one in its log.

        Raises:
            BoardTimeoutError: it has none within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while (address := self._known()) is None:
            if time.monotonic() > deadline:
                raise BoardTimeoutError(
                    f"board {self._device.board.name} has no address after {timeout:g} s: did it "
                    "join a network? If its log does not tell, put its address into the bench file"
                )
            time.sleep(_POLL_S)
        return address

    @property
    def access_point(self) -> str:
        """The address at which a board is reached in the network that it opens itself.

        Raises:
            MissingPartError: the board is real: this computer would have to join that network.
        """
        virtual = self._device.board.virtual
        if virtual is None:
            raise MissingPartError(
                "a real board's own network is reached by joining it, which no test does for you"
            )
        return virtual.ap_address

    def _known(self) -> str | None:
        board = self._device.board
        if board.virtual is not None:
            return board.virtual.address if board.virtual.world.wifi.joined is not None else None
        if board.entry.address is not None:
            return board.entry.address
        for line in reversed(self._device.lines):
            for found in _ADDRESS.findall(line):
                if not found.startswith(_NOWHERE):
                    return str(found)
        return None
