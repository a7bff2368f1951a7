"""machine.Timer, WDT and RTC (ports/esp32/machine_timer.c, machine_wdt.c, machine_rtc.c)."""

import time

import _link

_timers = {}
_MAX_MEMORY = 2048


class Timer:
    ONE_SHOT = 0
    PERIODIC = 1

    def __new__(cls, id=-1, **kwargs):
        if id > 3:
            raise ValueError("Timer(%d) doesn't exist, there are only 4 hardware timers" % id)
        if id < 0:
            id = 4
            while id in _timers:
                id += 1
        if id not in _timers:
            _timers[id] = object.__new__(cls)
            _timers[id]._id = id
            _timers[id]._callback = None
        return _timers[id]

    def __init__(self, id=-1, **kwargs):
        if kwargs:
            self.init(**kwargs)

    def init(
        self, *, mode=1, callback=None, period=0xFFFFFFFF, tick_hz=1000, freq=None, hard=False
    ):
        if hard:
            raise ValueError("hard Timers are not implemented")
        seconds = 1 / freq if freq is not None else period / tick_hz
        if seconds <= 0:
            raise ValueError("Timer period is too short for this timer")
        self._callback = callback
        _timers[self._id] = self
        _link.call("timer_start", self._id, seconds, bool(mode))

    def deinit(self):
        _link.call("timer_stop", self._id)
        self._callback = None
        if self._id > 3:
            _timers.pop(self._id, None)

    def value(self):
        return int(_link.call("timer_value", self._id) * 1000)


def _on_timer(id, _):
    timer = _timers.get(id)
    if timer and timer._callback:
        _link.run_callback(timer._callback, timer)


_link.on_event(_link.EVENT_TIMER, _on_timer)


class WDT:
    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        _link.call("wdt_start", timeout)

    def feed(self):
        _link.call("wdt_feed")


class RTC:
    def init(self, datetime):
        self._set(datetime, 3)

    def datetime(self, datetime=None):
        if datetime is None:
            ns = time.time_ns()
            t = time.gmtime(ns // 1000000000)
            return t[:3] + (t[6],) + t[3:6] + (ns // 1000 % 1000000,)
        self._set(datetime, 4)

    def _set(self, d, hour):
        if len(d) != 8:
            raise ValueError("requested length 8 but object has length %d" % len(d))
        seconds = time.mktime(tuple(d[:3]) + tuple(d[hour : hour + 3]) + (0, 0))
        ns = seconds * 1000000000 + d[7] * 1000
        time.set_clock(ns)
        _link.call("set_clock", ns)

    def memory(self, data=None):
        if data is None:
            return bytes(_link.call("rtc_memory"))
        if len(data) > _MAX_MEMORY:
            raise ValueError("buffer too long")
        _link.call("set_rtc_memory", list(bytes(data)))
