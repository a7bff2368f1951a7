"""What is around a virtual board: sound, light, buttons, radio. Tests drive and watch it here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mynah.virtual.clock import Clock, FastClock
from mynah.virtual.gpio import Buttons, Pins
from mynah.virtual.i2c import I2cBuses
from mynah.virtual.leds import Colour, Leds
from mynah.virtual.microphone import Microphone
from mynah.virtual.speaker import Speaker
from mynah.virtual.traffic import Traffic
from mynah.virtual.wifi import Wifi

if TYPE_CHECKING:
    from collections.abc import Callable


class World:
    """The surroundings of one board; everything in it may be used from any thread."""

    def __init__(self, *, fast: bool = False) -> None:
        """``fast``: time jumps while the board waits (`mynah.virtual.clock`)."""
        self.clock = FastClock() if fast else Clock()
        """The time that this board and all around it live in."""
        self.mic = Microphone(self.clock)
        """Play sounds into the board's microphone."""
        self.speaker = Speaker(self.clock)
        """Record what the board plays."""
        self.pins = Pins()
        """Level of each pin; inputs can be driven."""
        self.buttons = Buttons(self.pins, self.clock)
        """Press buttons."""
        self.leds = Leds()
        """Data pin to the colours of its LEDs."""
        self.i2c = I2cBuses()
        """Attach I2C chips."""
        self.wifi = Wifi()
        """Networks in reach, and what the board's radio does."""
        self.traffic = Traffic()
        """What went over the board's sockets."""

    def on_led(self, observer: Callable[[int, list[Colour]], None]) -> None:
        """Have ``observer(pin, colours)`` called for each change of an LED."""
        self.leds.on_change(observer)

    def calm(self) -> None:
        """Let nothing happen any more: silence, hands off the pins, no networks, all as at first.

        I2C chips stay: they belong to the board.
        """
        self.mic.silence()
        for number in self.pins:
            self.pins.drive(number, None)
        self.wifi.clear()
        self.leds.clear()
        self.traffic.clear()
