"""machine.PWM (ports/esp32/machine_pwm.c); loaded when a program asks for it."""

from micropython import const

import _link
from _pin import Pin

_MAX_DUTY = const(65535)


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
