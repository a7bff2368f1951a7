"""Parts whose modules are loaded with first use: what few need takes no memory before that."""

import asyncio
import time

from micropython import const

from speaker.util import log
from speaker.util.hints import Any, Callable, Iterator

# A part that could not be loaded is not tried again for so long, and each time for twice as long:
# who asks costs nothing then. Machine code of a try that fails half-way stays in the chip's memory.
_FIRST_WAIT_MS = const(10_000)
_LONGEST_WAIT_MS = const(3_600_000)


class NotLoadedError(Exception):
    """A part cannot be loaded now; the log says why."""


class Late:
    """A part that is loaded by the first `get`.

    `steps(*arguments)` is a generator: it imports a module or two, yields None, imports the next,
    and at last yields the part, wired. At each yield the sound and everybody else have their turn,
    so no step should take longer than some 20 ms. A module of 5 KB (.mpy) takes 2 million
    instructions (counted on a 32-bit x86): 9 ms of a 240 MHz core were each one cycle.
    """

    def __init__(self, name: str, steps: Callable[..., Iterator], *arguments: object) -> None:
        self.name = name
        self._steps = steps
        self._arguments = arguments
        self._failed_ms: Any = None
        self._wait_ms = 0
        self._done: Any = None  # an Event, while it is being loaded
        self.part: Any = None
        """The part, or None before its first use."""

    async def get(self) -> Any:
        """The part. NotLoadedError: it cannot be loaded, for want of memory or a sound file."""
        while self._done is not None:
            await self._done.wait()
        if self.part is None:
            if self._failed_lately():
                raise NotLoadedError(self.name)
            self._done = asyncio.Event()
            try:
                self.part = await self._load()
            finally:
                self._done.set()
                self._done = None
        return self.part

    async def _load(self) -> Any:
        sum_ms = longest_ms = 0
        try:
            steps = self._steps(*self._arguments)
            await asyncio.sleep_ms(0)
            while True:
                started_ms = time.ticks_ms()
                part = next(steps)
                took_ms = time.ticks_diff(time.ticks_ms(), started_ms)
                sum_ms += took_ms
                longest_ms = max(longest_ms, took_ms)
                if part is not None:
                    text = "%s: loaded in %d ms, %d at a time"
                    log.info("app", text, self.name, sum_ms, longest_ms)
                    return part
                await asyncio.sleep_ms(0)
        except Exception as error:
            self._failed_ms = time.ticks_ms()
            self._wait_ms = min(2 * self._wait_ms or _FIRST_WAIT_MS, _LONGEST_WAIT_MS)
            log.error("app", "%s cannot be loaded; a restart may help", self.name)
            log.exception("app", error)
            raise NotLoadedError(self.name) from error

    def _failed_lately(self) -> bool:
        if self._failed_ms is not None:
            if 0 <= time.ticks_diff(time.ticks_ms(), self._failed_ms) < self._wait_ms:
                return True
            self._failed_ms = None
        return False
