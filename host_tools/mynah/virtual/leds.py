"""The LEDs on the virtual board's pins: WS2812 and APA102, decoded from what is sent to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

from mynah.virtual.link import DONE, Answer, Operation, Services

Colour = tuple[int, int, int]
"""Red, green, blue, each 0 to 255."""

_APA102_START = bytes(4)
_APA102_HEADER = 0xE0
_APA102_FULL = 31


class Leds(Mapping[int, list[Colour]]):
    """Data pin to the colours of its LEDs, first LED first. Thread-safe."""

    def __init__(self) -> None:
        self._colours: dict[int, list[Colour]] = {}
        self._observers: list[Callable[[int, list[Colour]], None]] = []
        self._lock = threading.Lock()

    def __getitem__(self, pin: int) -> list[Colour]:
        with self._lock:
            return list(self._colours[pin])

    def __iter__(self) -> Iterator[int]:
        with self._lock:
            return iter(list(self._colours))

    def __len__(self) -> int:
        return len(self._colours)

    def on_change(self, observer: Callable[[int, list[Colour]], None]) -> None:
        """Have ``observer(pin, colours)`` called for each change, in the board's thread."""
        self._observers.append(observer)

    def clear(self) -> None:
        """Forget what was shown."""
        with self._lock:
            self._colours.clear()

    def show(self, pin: int, colours: list[Colour]) -> None:
        """Light the LEDs at a pin."""
        with self._lock:
            changed = self._colours.get(pin) != colours
            self._colours[pin] = colours
        if changed:
            for observer in self._observers:
                observer(pin, colours)


class LedController:
    """Serves ``machine.bitstream`` and SPI writes: whatever is sent may be for LEDs."""

    def __init__(self, services: Services, leds: Leds) -> None:
        self._leds = leds
        services.add_operation(Operation.BITSTREAM, self._bitstream)
        services.add_operation(Operation.SPI_WRITE, self._spi)

    def _bitstream(self, pin: int, _b: int, data: bytes) -> Answer:
        self._leds.show(pin, ws2812_colours(data))
        return DONE

    def _spi(self, pin: int, _b: int, data: bytes) -> Answer:
        colours = apa102_colours(data)
        if colours:
            self._leds.show(pin, colours)
        return DONE


def ws2812_colours(data: bytes) -> list[Colour]:
    """Colours from WS2812's bytes: green, red, blue."""
    return [(data[i + 1], data[i], data[i + 2]) for i in range(0, len(data) - 2, 3)]


def apa102_colours(data: bytes) -> list[Colour]:
    """Colours from APA102's frames, empty if there are none.

    Four zero bytes, then for each LED 0b111 and 5 bits of brightness, blue, green, red.
    """
    if not data.startswith(_APA102_START):
        return []
    colours: list[Colour] = []
    for i in range(4, len(data) - 3, 4):
        header, blue, green, red = data[i : i + 4]
        if header & _APA102_HEADER != _APA102_HEADER or data[i : i + 4] == b"\xff" * 4:
            break
        scale = header & _APA102_FULL
        colours.append(
            (red * scale // _APA102_FULL, green * scale // _APA102_FULL, blue * scale // 31)
        )
    return colours
