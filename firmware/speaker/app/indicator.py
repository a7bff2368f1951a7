"""What the LED shows: the speaker's state first, the user's light behind it."""

import asyncio
import time

from micropython import const

from speaker.app.state import Store
from speaker.net import provisioning
from speaker.util import log
from speaker.util.hints import Any

_WAKE_MS = const(1500)
_BLINK_MS = const(400)

# Full-scale colours of the states; the light's brightness dims them all.
_WAKE = (0, 255, 160)
_SET_UP = (0, 60, 255)
_TRYING = (255, 160, 0)
_MUTED = (255, 0, 0)
_DARK = (0, 0, 0)


class Indicator:
    """Follows the store and shows it on an LED."""

    def __init__(self, led: Any, store: Store) -> None:
        self._led = led
        self._store = store
        self._shown: tuple = ()
        self._logged: tuple = ()
        self._lit = True  # the blinking states' phase
        self._woken_ms = time.ticks_ms()
        self._awake = False
        self._watch = store.watch(
            "light_on", "light_brightness", "light_colour", "mic_muted", "net", "wake_count"
        )

    def wake(self) -> None:
        """Show at once that the wake word was heard."""
        self._awake = True
        self._woken_ms = time.ticks_ms()
        self.update()

    def update(self) -> None:
        """Show what is to be shown now, if it differs from what is."""
        name, colour, blinks = self._state()
        scale = self._store.get("light_brightness")
        level = tuple([part * scale // 100 for part in colour])
        if (name, level) != self._logged:
            self._logged = (name, level)
            log.info("led", "%s #%02x%02x%02x", name, level[0], level[1], level[2])
        shown = _DARK if blinks and not self._lit else level
        if shown != self._shown:
            self._shown = shown
            self._led.show(*shown)

    def off(self) -> None:
        """Dark, for the end."""
        self._led.show(0, 0, 0)

    async def run(self) -> None:
        """Task: show every change, blink where a state blinks, end the wake signal in time."""
        while True:
            self.update()
            blinks = self._state()[2]
            try:
                if self._awake:
                    await asyncio.wait_for_ms(self._watch.changed(), self._awake_left_ms())
                elif blinks:
                    await asyncio.wait_for_ms(self._watch.changed(), _BLINK_MS)
                else:
                    await self._watch.changed()
            except asyncio.TimeoutError:
                if self._awake and self._awake_left_ms() == 0:
                    self._awake = False
                self._lit = not self._lit

    def _awake_left_ms(self) -> int:
        return max(0, _WAKE_MS - time.ticks_diff(time.ticks_ms(), self._woken_ms))

    def _state(self) -> tuple:
        """`(name, colour, whether it blinks)` of the most urgent thing to show."""
        net = self._store.get("net")
        if self._awake:
            return "wake", _WAKE, False
        if net == provisioning.SET_UP:
            return "set-up", _SET_UP, False
        if net in (provisioning.TRYING, provisioning.JOINING):
            return net, _TRYING, True
        if self._store.get("mic_muted"):
            return "muted", _MUTED, False
        if self._store.get("light_on"):
            colour = self._store.get("light_colour")
            return "light", (colour >> 16, colour >> 8 & 255, colour & 255), False
        return "off", _DARK, False
