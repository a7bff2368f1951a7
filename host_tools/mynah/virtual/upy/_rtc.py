"""machine.WDT and RTC (ports/esp32/machine_wdt.c, machine_rtc.c); loaded when asked for."""

import time

import _link

_MAX_MEMORY = 2048


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
