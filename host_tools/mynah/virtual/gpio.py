"""The virtual board's pins, and what is soldered to them: buttons, LEDs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

from mynah.virtual.clock import Clock
from mynah.virtual.interrupts import Event
from mynah.virtual.link import DONE, Answer, Operation, Services

N_PINS = 49
"""GPIO numbers of an ESP32-S3 are below this."""

_MODE_OUTPUT = 2
_PULL_DOWN, _PULL_UP = 1, 2
_PULLED_UP = {0}
"""Pins with a resistor on the board: the boot button's."""
_RISING, _FALLING = 1, 2
_TOGGLE = 2


class _Pin:
    """One pin: what the program set, and what the world does to it."""

    __slots__ = ("external", "idle", "latch", "mode", "pull", "trigger")

    def __init__(self, idle: int) -> None:
        self.idle = idle
        self.external: int | None = None
        self.reset()

    def reset(self) -> None:
        self.mode = 1
        self.pull = 0
        self.latch = 0
        self.trigger = 0

    @property
    def level(self) -> int:
        if self.mode & _MODE_OUTPUT:
            return self.latch
        if self.external is not None:
            return self.external
        if self.pull & (_PULL_UP | _PULL_DOWN):
            return int(self.pull == _PULL_UP)
        return self.idle


class Pins(Mapping[int, int]):
    """Level (0 or 1) of each pin, by number. Thread-safe."""

    def __init__(self) -> None:
        self._pins = [_Pin(int(number in _PULLED_UP)) for number in range(N_PINS)]
        self._lock = threading.RLock()
        self._on_edge: Callable[[int], None] = lambda _number: None
        self.pwm: dict[int, tuple[int, int]] = {}
        """Frequency (Hz) and duty (0 to 65535) of the pins with PWM."""

    def __getitem__(self, number: int) -> int:
        return self._pins[number].level

    def __iter__(self) -> Iterator[int]:
        return iter(range(N_PINS))

    def __len__(self) -> int:
        return N_PINS

    def drive(self, number: int, level: int | None) -> None:
        """Pull an input to 0 or 1 from outside; None: let go of it."""
        with self._lock:
            self._change(number, "external", level)

    def driven(self, number: int) -> int | None:
        """The level that an input is pulled to from outside; None: it is not."""
        return self._pins[number].external

    def attach(self, on_edge: Callable[[int], None]) -> None:
        """Have ``on_edge(number)`` called when a pin's interrupt triggers."""
        self._on_edge = on_edge

    def reset(self, *, soft: bool) -> None:
        """All pins become inputs; a soft reset only ends interrupts and PWM."""
        with self._lock:
            self.pwm.clear()
            for pin in self._pins:
                pin.trigger = 0
                if not soft:
                    pin.reset()

    def configure(
        self, number: int, mode: int | None, pull: int | None, value: bool | None
    ) -> None:
        """``Pin.init``; mode None and pull -1 change nothing."""
        with self._lock:
            if value is not None:
                self._pins[number].latch = int(value)
            if pull != -1:
                self._pins[number].pull = pull or 0
            if mode is not None:
                self._pins[number].mode = mode

    def set(self, number: int, level: int) -> None:
        """``Pin.value(level)``; 2 toggles."""
        with self._lock:
            latch = 1 - self._pins[number].latch if level == _TOGGLE else level
            self._change(number, "latch", latch)

    def set_trigger(self, number: int, trigger: int) -> None:
        """``Pin.irq``: edges that interrupt, 1 rising, 2 falling, 3 both, 0 none."""
        self._pins[number].trigger = trigger

    def _change(self, number: int, what: str, level: int | None) -> None:
        pin = self._pins[number]
        before = pin.level
        setattr(pin, what, level)
        edge = {1: _RISING, -1: _FALLING}.get(pin.level - before, 0)
        if edge & pin.trigger:
            self._on_edge(number)


class Buttons:
    """Buttons between a pin and ground, as on all our boards."""

    def __init__(self, pins: Pins, clock: Clock | None = None) -> None:
        self._pins = pins
        self._clock = clock or Clock()

    def press(self, pin: int, seconds: float = 0.1) -> None:
        """Press, wait, let go. Returns after that."""
        self.hold(pin)
        self._clock.wait_until(self._clock.now() + seconds)
        self.release(pin)

    def hold(self, pin: int) -> None:
        """Press and do not let go."""
        self._pins.drive(pin, 0)

    def release(self, pin: int) -> None:
        """Let go."""
        self._pins.drive(pin, None)


class GpioController:
    """Serves ``machine.Pin`` and ``machine.PWM``."""

    def __init__(self, services: Services, post: Callable[[Event, int], None], pins: Pins) -> None:
        self._pins = pins
        pins.attach(lambda number: post(Event.PIN, number))
        services.add("pin_init", pins.configure)
        services.add("pin_irq", pins.set_trigger)
        services.add("pwm", self._pwm)
        services.add_operation(Operation.PIN_GET, self._get)
        services.add_operation(Operation.PIN_SET, self._set)

    def reset(self, *, soft: bool) -> None:
        """As the chip's pins after a reset."""
        self._pins.reset(soft=soft)

    def _get(self, number: int, _b: int, _data: bytes) -> Answer:
        return self._pins[number], b""

    def _set(self, number: int, level: int, _data: bytes) -> Answer:
        self._pins.set(number, level)
        return DONE

    def _pwm(self, number: int, frequency: int, duty: int) -> None:
        if frequency:
            self._pins.pwm[number] = (frequency, duty)
        else:
            self._pins.pwm.pop(number, None)
