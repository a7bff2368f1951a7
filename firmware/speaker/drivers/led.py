"""Addressable LEDs: `show(red, green, blue)` lights all of them alike."""

import time

from speaker.util.hints import Any


class NoLed:
    """For a board without an LED."""

    def show(self, red: int, green: int, blue: int) -> None:
        """Does nothing."""


class Ws2812:
    """WS2812 pixels on one pin. `pixels` is a ready neopixel.NeoPixel."""

    def __init__(self, pixels: Any) -> None:
        self._pixels = pixels

    def show(self, red: int, green: int, blue: int) -> None:
        """Levels 0..255."""
        self._pixels.fill((red, green, blue))
        self._pixels.write()


class Apa102:
    """APA102 pixels on two output pins, clocked by hand: a frame is short and seldom.

    Frame format: APA102 data sheet, "Cascade data structure".
    """

    def __init__(self, data: Any, clock: Any, count: int) -> None:
        self._data = data
        self._clock = clock
        self._count = count

    def show(self, red: int, green: int, blue: int) -> None:
        """Levels 0..255."""
        self._send(b"\x00\x00\x00\x00")
        pixel = bytes((0xFF, blue, green, red))  # 3 one bits, 5 bits of global brightness
        for _ in range(self._count):
            self._send(pixel)
        self._send(b"\xff\xff\xff\xff")

    def _send(self, data: bytes) -> None:
        for byte in data:
            for bit in range(7, -1, -1):
                self._data.value((byte >> bit) & 1)
                self._clock.value(1)
                self._clock.value(0)
        time.sleep_us(1)
