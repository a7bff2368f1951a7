"""What the LED shows: the speaker's state first, the user's light behind it."""

import asyncio
import time

from micropython import const

from speaker.app.state import Store
from speaker.net import provisioning, wifi
from speaker.util import log
from speaker.util.hints import Any

_WAKE_MS = const(1500)
_ONLINE_MS = const(2000)

# Full-scale colours of the states; the light's brightness dims them all.
_DARK = (0, 0, 0)
_WAKE = (0, 255, 160)
_BLUE = (0, 60, 255)
_AMBER = (255, 160, 0)
_RED = (255, 0, 0)
_GREEN = (0, 255, 0)
_VIOLET = (160, 0, 255)

# name -> (colour, ms) after another, again and again; one alone is steady. The first colour is
# the one that the log tells. host_tools/docs/pairing.md explains them to users.
PATTERNS = {
    "wake": ((_WAKE, 0),),
    "hold for set-up": ((_BLUE, 100), (_DARK, 100)),
    "hold for restore": ((_RED, 100), (_DARK, 100)),
    provisioning.SCANNING: ((_AMBER, 100), (_DARK, 300)),
    provisioning.ASSOCIATING: ((_AMBER, 400), (_DARK, 400)),
    provisioning.ADDRESS: ((_AMBER, 800), (_DARK, 100)),
    provisioning.ONLINE: ((_GREEN, 0),),
    provisioning.SET_UP: ((_BLUE, 0),),
    provisioning.RETRYING: ((_AMBER, 100), (_DARK, 2400)),
    provisioning.OFF: ((_VIOLET, 100), (_DARK, 2400)),
    "muted": ((_RED, 0),),
    "light": ((_DARK, 0),),
    "no light": ((_DARK, 0),),
}
# How often the set-up's blue is broken by red after an attempt that failed.
FLASHES = {wifi.WRONG_PASSWORD: 1, wifi.NO_NETWORK: 2, wifi.NO_ADDRESS: 3}
OTHER_FLASHES = 4
_FLASH = ((_RED, 150), (_DARK, 150))
_BETWEEN = ((_BLUE, 1500),)
_LIGHT = ("light_on", "light_colour", "mic_muted")
_TRIED = (provisioning.SCANNING, provisioning.ASSOCIATING, provisioning.ADDRESS)


class Indicator:
    """Follows the store and shows it on an LED."""

    def __init__(self, led: Any, store: Store) -> None:
        self._led = led
        self._store = store
        self._shown: tuple = ()
        self._logged: tuple = ()
        self._name = ""
        self._step = 0
        self._stepped_ms = self._signal_ms = time.ticks_ms()
        self._signal = ""  # "wake" or "online", for a moment
        self._net = store.get("net")
        self._held = 0
        self._lamp: tuple = ()  # what the user wanted of the light when `online` was shown
        self._watch = store.watch(
            "light_on",
            "light_brightness",
            "light_colour",
            "mic_muted",
            "net",
            "net_reason",
            "net_set_up",
            "wake_count",
        )

    def wake(self) -> None:
        """Show at once that the wake word was heard."""
        self._begin_signal("wake")

    def hold(self, level: int) -> None:
        """Show what letting go of the button will do: 1 set-up, 2 restore; 0: it was let go."""
        self._held = level
        self.update()
        self._watch.notify("net")  # so that the task goes through its steps

    def update(self) -> None:
        """Show what is to be shown now, if it differs from what is."""
        name = self._choose()
        if name != self._name:
            self._name = name
            self._step = 0
            self._stepped_ms = time.ticks_ms()
        steps = self._steps(name)
        scale = self._store.get("light_brightness")
        level = _scaled(self._light() if name == "light" else steps[0][0], scale)
        if (name, level) != self._logged:
            self._logged = (name, level)
            log.info("led", "%s #%02x%02x%02x", name, level[0], level[1], level[2])
        shown = _scaled(steps[self._step][0], scale) if len(steps) > 1 else level
        if shown != self._shown:
            self._shown = shown
            self._led.show(*shown)

    def off(self) -> None:
        """Dark, for the end."""
        self._led.show(0, 0, 0)

    async def run(self) -> None:
        """Task: show every change, go through the steps of a pattern, end the signals in time."""
        while True:
            net = self._store.get("net")
            if net != self._net:
                self._net = net
                if net == provisioning.ONLINE:
                    self._begin_signal(net)
            self.update()
            wait_ms = self._wait_ms()
            try:
                if wait_ms < 0:
                    await self._watch.changed()
                else:
                    await asyncio.wait_for_ms(self._watch.changed(), wait_ms)
            except asyncio.TimeoutError:
                if self._signal and not self._signal_left_ms():
                    self._signal = ""
                if not self._step_left_ms():
                    self._step = (self._step + 1) % len(self._steps(self._name))
                    self._stepped_ms = time.ticks_ms()

    def _begin_signal(self, name: str) -> None:
        self._signal = name
        self._signal_ms = time.ticks_ms()
        self._lamp = self._wanted()
        self.update()
        self._watch.notify("net")

    def _wait_ms(self) -> int:
        """How long until something changes by itself; -1: nothing does."""
        waits = []
        if self._signal:
            waits.append(self._signal_left_ms())
        if len(self._steps(self._name)) > 1:
            waits.append(self._step_left_ms())
        return min(waits) if waits else -1

    def _signal_left_ms(self) -> int:
        length_ms = _WAKE_MS if self._signal == "wake" else _ONLINE_MS
        return max(0, length_ms - time.ticks_diff(time.ticks_ms(), self._signal_ms))

    def _step_left_ms(self) -> int:
        ms = self._steps(self._name)[self._step][1]
        return max(0, ms - time.ticks_diff(time.ticks_ms(), self._stepped_ms))

    def _choose(self) -> str:
        """The most urgent thing to show."""
        net = self._store.get("net")
        if self._held:
            return "hold for set-up" if self._held == 1 else "hold for restore"
        if self._signal == "wake":
            return "wake"
        if net in _TRIED:
            return net
        if self._signal:
            if self._wanted() == self._lamp:
                return self._signal
            self._signal = ""  # the user is told nothing new, and wants to see the light
        if self._store.get("net_set_up"):
            reason = self._store.get("net_reason")
            return "%s, %s" % (provisioning.SET_UP, reason) if reason else provisioning.SET_UP
        if net in (provisioning.RETRYING, provisioning.OFF):
            return net
        if self._store.get("mic_muted"):
            return "muted"
        return "light" if self._store.get("light_on") else "no light"

    def _steps(self, name: str) -> tuple:
        if name in PATTERNS:
            return PATTERNS[name]
        flashes = FLASHES.get(self._store.get("net_reason"), OTHER_FLASHES)
        return _BETWEEN + _FLASH * flashes

    def _wanted(self) -> tuple:
        return tuple([self._store.get(name) for name in _LIGHT])

    def _light(self) -> tuple:
        colour = self._store.get("light_colour")
        return colour >> 16, colour >> 8 & 255, colour & 255


def _scaled(colour: tuple, percent: int) -> tuple:
    return tuple([part * percent // 100 for part in colour])
