"""A faster console while somebody uses it: at 115,200 baud a feed is slower than speech."""

import asyncio
import time

from micropython import const

from speaker.app.console import Console
from speaker.util import log
from speaker.util.hints import Any, Callable

COMMAND = b"mynah baud "

USUAL = const(115_200)
_FASTEST = const(2_000_000)
_CONFIRM_MS = const(1000)
_QUIET_MS = const(3000)
_DRAIN_MS = const(30)  # what is in the UART's FIFO leaves at the old rate


class Baud:
    """Console handler of `mynah baud <rate>` and a line feed.

    The host must send a line feed at the new rate within a second, and something every 3 s from
    then on, until it asks for the usual rate again; otherwise the console goes back to that by
    itself. `set_rate(rate)` changes it, or raises AttributeError, OSError or ValueError.
    """

    def __init__(self, set_rate: Callable[[int], Any]) -> None:
        self._set_rate = set_rate
        self._byte = bytearray(1)
        self._fast = False

    async def run(self, console: Console) -> None:
        """Serve the console at another rate."""
        rate = await self._rate(console)
        if self._fast:
            self._fast = rate != USUAL
            return
        if not USUAL < rate <= _FASTEST:
            log.error("baud", "refused: %d is not in %d..%d", rate, USUAL + 1, _FASTEST)
            return
        log.info("baud", "to %d", rate)
        await asyncio.sleep_ms(_DRAIN_MS)
        try:
            self._set_rate(rate)
        except (AttributeError, OSError, ValueError):
            log.error("baud", "refused: this console has one rate")
            return
        try:
            # Noise of the change may come first.
            while await console.get(self._byte, 1, _CONFIRM_MS):
                if self._byte[0] == 10:
                    log.info("baud", "is %d", rate)
                    await self._serve(console)
                    break
        finally:
            self._fast = False
            self._set_rate(USUAL)
            log.info("baud", "is %d", USUAL)

    async def _serve(self, console: Console) -> None:
        """Let the console work on until the host ends it or is gone."""
        self._fast = True
        line = bytearray()
        heard_ms = time.ticks_ms()
        while self._fast and time.ticks_diff(time.ticks_ms(), heard_ms) < _QUIET_MS:
            if await console.look(line):
                heard_ms = time.ticks_ms()
            await asyncio.sleep_ms(1)

    async def _rate(self, console: Console) -> int:
        """The digits up to the line feed; 0 when they are none."""
        rate = 0
        while await console.get(self._byte, 1, _CONFIRM_MS):
            digit = self._byte[0] - 48
            if not 0 <= digit <= 9:
                break
            rate = min(10 * rate + digit, 10 * _FASTEST)
        return rate
