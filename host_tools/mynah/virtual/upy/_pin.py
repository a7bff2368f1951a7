"""machine.Pin and machine.PWM (ports/esp32/machine_pin.c, machine_pwm.c)."""

import machine as _real
from micropython import const

import _link

_MAX_DUTY = const(65535)
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


class PWM:
    def __init__(self, pin, **kwargs):
        self._pin = Pin(pin)
        self._freq = 5000
        self._duty = _MAX_DUTY // 2 + 1
        self._active = True
        self.init(**kwargs)

    def init(self, freq=-1, *, duty=-1, duty_u16=-1, duty_ns=-1, invert=False, lightsleep=False):
        self._active = True
        if freq != -1:
            self.freq(freq)
        if duty_u16 != -1:
            self.duty_u16(duty_u16)
        elif duty != -1:
            self.duty(duty)
        elif duty_ns != -1:
            self.duty_ns(duty_ns)
        else:
            self._apply()

    def _apply(self):
        _link.call("pwm", self._pin._number, self._freq, self._duty)

    def _check(self):
        if not self._active:
            raise RuntimeError("PWM is inactive")

    def deinit(self):
        self._active = False
        _link.call("pwm", self._pin._number, 0, 0)

    def freq(self, freq=None):
        self._check()
        if freq is None:
            return self._freq
        if not 1 <= freq <= 40000000:
            raise ValueError("frequency must be from 1Hz to 40MHz")
        self._freq = freq
        self._apply()

    def duty_u16(self, duty=None):
        self._check()
        if duty is None:
            return self._duty
        if not 0 <= duty <= _MAX_DUTY:
            raise ValueError("duty_u16 must be from 0 to 65535")
        self._duty = duty
        self._apply()

    def duty(self, duty=None):
        if duty is None:
            return self.duty_u16() >> 6
        if not 0 <= duty <= 1023:
            raise ValueError("duty must be from 0 to 1023")
        self.duty_u16(min(duty << 6, _MAX_DUTY))

    def duty_ns(self, duty=None):
        period = 1000000000 // self.freq()
        if duty is None:
            return self._duty * period // _MAX_DUTY
        if not 0 <= duty <= period:
            raise ValueError("duty_ns must be from 0 to %d ns" % period)
        self.duty_u16(duty * _MAX_DUTY // period)

    def __repr__(self):
        return "PWM(Pin(%d), freq=%d, duty_u16=%d)" % (
            self._pin._number, self._freq, self._duty,
        )  # fmt: skip
