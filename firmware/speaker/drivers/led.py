"""Addressable LEDs: `show(red, green, blue)` lights all of them alike."""

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
    """APA102 pixels on an SPI bus: `spi` is a ready machine.SPI of mode 0.

    Frame format: APA102 data sheet, "Cascade data structure".
    """

    def __init__(self, spi: Any, count: int) -> None:
        self._spi = spi
        self._count = count

    def show(self, red: int, green: int, blue: int) -> None:
        """Levels 0..255."""
        pixel = bytes((0xFF, blue, green, red))  # 3 one bits, 5 bits of global brightness
        self._spi.write(b"\x00\x00\x00\x00" + pixel * self._count + b"\xff\xff\xff\xff")
