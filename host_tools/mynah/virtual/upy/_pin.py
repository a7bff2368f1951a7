"""machine.Pin (ports/esp32/machine_pin.c)."""

import machine as _real

import _link

_PINS = tuple(range(22)) + tuple(range(38, 49))  # octal PSRAM takes 26 and 33 to 37
_pins = {}
_handlers = {}


class _IRQ:
    def __init__(self, number):
        self._number = number
        self._trigger = 0

    def __call__(self):
        _on_edge(self._number, 0)

    def trigger(self, trigger=None):
        old = self._trigger
        if trigger is not None:
            self._trigger = trigger
            _link.call("pin_irq", self._number, trigger)
        return old


class Pin(_real.PinBase):
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2
    WAKE_LOW = 4
    WAKE_HIGH = 5
    DRIVE_0 = 0
    DRIVE_1 = 1
    DRIVE_2 = 2
    DRIVE_3 = 3

    class board:
        pass

    def __new__(cls, id, *args, **kwargs):
        if isinstance(id, Pin):
            return id
        if id not in _PINS:
            raise ValueError("invalid pin")
        pin = _pins.get(id)
        if pin is None:
            pin = _pins[id] = object.__new__(cls)
            pin._number = id
            pin._irq = _IRQ(id)
        return pin

    def __init__(self, id, *args, **kwargs):
        if args or kwargs:
            self.init(*args, **kwargs)

    def init(self, mode=None, pull=-1, *, value=None, drive=None, hold=None):
        _link.call("pin_init", self._number, mode, pull, None if value is None else bool(value))

    def value(self, x=None):
        if x is None:
            return _link.request(_link.PIN_GET, self._number)[0]
        _link.request(_link.PIN_SET, self._number, 1 if x else 0)

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        _link.request(_link.PIN_SET, self._number, 2)

    def irq(self, handler=None, trigger=3, wake=None):
        if handler is None:
            _handlers.pop(self._number, None)
            trigger = 0
        else:
            _handlers[self._number] = handler
        self._irq._trigger = trigger
        _link.call("pin_irq", self._number, trigger)
        return self._irq

    def __repr__(self):
        return "Pin(%d)" % self._number


def _on_edge(number, _):
    handler = _handlers.get(number)
    if handler:
        _link.run_callback(handler, _pins[number])


_link.on_event(_link.EVENT_PIN, _on_edge)
