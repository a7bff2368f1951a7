"""The time in which the speaker can be set up over its own network, and shows its token there."""

import asyncio
import time

from speaker.util import log
from speaker.util.hints import Any

OPEN_MS = 600_000  # a plain number, not const(): the tests shorten it
_CHECK_MS = 200


class Window:
    """The set-up network: open for ten minutes from `open` or from the last sign of use.

    `radio` is a Wifi; whether it is open goes to the store as `net_set_up`.
    """

    def __init__(self, radio: Any, store: Any, ssid: str) -> None:
        self._radio = radio
        self._store = store
        self._ssid = ssid
        self._until_ms = time.ticks_ms()
        self._opened = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        return self._store.get("net_set_up")

    def open(self) -> None:
        """Put the set-up network on the air, for the whole time from now on."""
        self.extend()
        if not self.is_open:
            self._radio.open_set_up(self._ssid)
            self._store.set("net_set_up", True)
            log.info("net", "set-up network %s is open", self._ssid)
        self._opened.set()

    def extend(self) -> None:
        """Somebody uses it: the time starts again."""
        self._until_ms = time.ticks_add(time.ticks_ms(), OPEN_MS)

    def close(self) -> None:
        """Take the set-up network off the air."""
        self._opened.clear()
        self._radio.close_set_up()  # even if it was closed: it outlives a soft reset
        if self._store.set("net_set_up", False):
            log.info("net", "set-up network closed")

    def admits(self, address: str) -> bool:
        """Whether this IPv4 address is that of a client on the set-up network."""
        return self.is_open and self._radio.is_set_up_peer(address)

    async def run(self) -> None:
        """Task: close it in time."""
        while True:
            await self._opened.wait()
            if time.ticks_diff(self._until_ms, time.ticks_ms()) <= 0:
                log.info("net", "nobody set it up: holding BOOT for 5 s opens set-up again")
                self.close()
            await asyncio.sleep_ms(_CHECK_MS)
