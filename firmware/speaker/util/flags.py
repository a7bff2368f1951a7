"""Flags that interrupts set, with the poll that stands behind every one of them."""

import asyncio

from micropython import const

_POKE_MS = const(50)


class Flags:
    """Makes `ThreadSafeFlag`s and pokes them all, again and again.

    An interrupt's handler can be lost (the scheduler's queue on the ESP32 is 8 deep and drops
    what does not fit), so whoever waits for a flag looks at the state behind it in a loop, and
    this task sees to it that the wait ends.
    """

    def __init__(self) -> None:
        self._flags: list = []

    def make(self) -> asyncio.ThreadSafeFlag:
        """A new flag, poked from now on."""
        flag = asyncio.ThreadSafeFlag()
        self._flags.append(flag)
        return flag

    async def poke(self) -> None:
        """Task: set every flag every 50 ms. Allocates nothing."""
        flags = self._flags
        while True:
            await asyncio.sleep_ms(_POKE_MS)
            for flag in flags:
                flag.set()
