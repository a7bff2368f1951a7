"""The board's ``machine`` (extmod/modmachine.c, ports/esp32/modmachine.c)."""

import machine as _real
import sys
import time
from micropython import const

import _link
import _rom
from _clocks import Timer
from _i2s import I2S
from _pin import Pin

__name__ = "machine"

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
SLEEP = 2
DEEPSLEEP = 4
PIN_WAKE = EXT0_WAKE = 2
EXT1_WAKE = 3
TIMER_WAKE = 4
TOUCHPAD_WAKE = 5
ULP_WAKE = 6

Signal = _real.Signal
mem8 = _real.mem8
mem16 = _real.mem16
mem32 = _real.mem32
time_pulse_us = _real.time_pulse_us

_CAUSES = ("PWRON", "HARD", "WDT", "DEEPSLEEP", "SOFT")
_frequency = 240000000
_TICK_US = const(10000)  # CONFIG_FREERTOS_HZ is 100


_LATER = (
    ("_buses", ("I2C", "SPI", "SoftI2C", "SoftSPI")),
    ("_pwm", ("PWM",)),
    ("_rtc", ("RTC", "WDT")),
)


def __getattr__(name):
    # What few programs use is loaded when one asks for it.
    for module, names in _LATER:
        if name in names:
            return getattr(_rom.load(module), name)
    raise AttributeError("'module' object has no attribute '%s'" % name)


def unique_id():
    return bytes(int(x, 16) for x in _link.call("machine")["unique_id"].split(":"))


def reset_cause():
    return _CAUSES.index(_link.call("machine")["reset_cause"]) + 1


def wake_reason():
    return TIMER_WAKE if reset_cause() == DEEPSLEEP_RESET else 0


def freq(hz=None):
    global _frequency
    if hz is None:
        return _frequency
    if hz // 1000000 not in (20, 40, 80, 160, 240):
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    _frequency = hz // 1000000 * 1000000


def idle():
    """Wait for the next interrupt; of the system's tick, if there is no other."""
    fast = sys.modules.get("_fast")
    if fast:
        fast.idle(_TICK_US)
    else:
        _real.idle()


def _leave(kind, *args):
    _link.call("reset", kind, *args)
    while True:
        try:
            time.sleep_ms(1000)
        except KeyboardInterrupt:
            pass


def reset():
    _leave("HARD")


def bootloader(timeout=0):
    _leave("bootloader")


def soft_reset():
    raise SystemExit


def deepsleep(time_ms=None):
    _leave("DEEPSLEEP", time_ms)


def lightsleep(time_ms=None):
    if time_ms is None:
        while True:
            time.sleep_ms(1000)
    time.sleep_ms(time_ms)


sleep = lightsleep


def disable_irq():
    return 0


def enable_irq(state=0):
    pass


def bitstream(pin, encoding, timing, data):
    if encoding:
        raise ValueError("encoding")
    if len(timing) != 4:
        raise ValueError("requested length 4 but object has length %d" % len(timing))
    _link.request(_link.BITSTREAM, Pin(pin)._number, 0, bytes(data))
