"""Push buttons between a pin and ground: debounced, short and long presses told apart."""

import asyncio
import time

from micropython import const

from speaker.util.hints import Any, Callable

_DEBOUNCE_MS = const(30)
# How long a button must be down for each level of holding: plain numbers, tests shorten them.
LEVELS_MS = (5_000, 10_000)


class Button:
    """One button. `pin` is an input with pull-up, `flag` a ThreadSafeFlag with a poll behind it.

    `pressed` is called when it is let go after a short press. For a button that can be held,
    `holding(level)` is called when it has been down for 5 s (level 1) and 10 s (level 2), to show
    which it is, and `held(level)` when it is let go then: nothing happens while it is down, since
    BOOT is also what keeps a chip that restarts in its ROM loader.
    """

    def __init__(
        self,
        pin: Any,
        falling: int,
        flag: Any,
        pressed: Callable[[], object],
        holding: Callable[[int], object] | None = None,
        held: Callable[[int], object] | None = None,
    ) -> None:
        self._pin = pin
        self._flag = flag
        self._pressed = pressed
        self._holding = holding
        self._held = held
        self._on_edge_ = self._on_edge
        pin.irq(self._on_edge_, falling)

    def close(self) -> None:
        """No interrupts any more."""
        self._pin.irq(None)

    async def run(self) -> None:
        """Task: watch the button."""
        while True:
            await self._flag.wait()
            if self._pin.value():
                continue  # the poll's, or a bounce
            await asyncio.sleep_ms(_DEBOUNCE_MS)
            if not self._pin.value():
                await self._follow()

    async def _follow(self) -> None:
        started_ms = time.ticks_ms()
        level = 0
        while not self._pin.value():
            await asyncio.sleep_ms(_DEBOUNCE_MS)
            down_ms = time.ticks_diff(time.ticks_ms(), started_ms)
            if level < len(LEVELS_MS) and down_ms >= LEVELS_MS[level]:
                level += 1
                if self._holding is not None:
                    self._holding(level)
        if not level:
            self._pressed()
        elif self._held is not None:
            self._held(level)

    def _on_edge(self, _pin: object) -> None:
        self._flag.set()
