"""Push buttons between a pin and ground: debounced, short and long presses told apart."""

import asyncio
import time

from micropython import const

from speaker.util.hints import Any, Callable

_DEBOUNCE_MS = const(30)
_HOLD_MS = const(5_000)


class Button:
    """One button. `pin` is an input with pull-up, `flag` a ThreadSafeFlag with a poll behind it.

    `pressed` is called when it is let go after a short press, `held` (may be None) when it has
    been down for 5 s.
    """

    def __init__(
        self,
        pin: Any,
        falling: int,
        flag: Any,
        pressed: Callable[[], object],
        held: Callable[[], object] | None = None,
    ) -> None:
        self._pin = pin
        self._flag = flag
        self._pressed = pressed
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
        held = False
        while not self._pin.value():
            await asyncio.sleep_ms(_DEBOUNCE_MS)
            if not held and time.ticks_diff(time.ticks_ms(), started_ms) >= _HOLD_MS:
                held = True
                if self._held is not None:
                    self._held()
        if not held:
            self._pressed()

    def _on_edge(self, _pin: object) -> None:
        self._flag.set()
