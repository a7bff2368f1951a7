"""The board's ``time``: ticks from reset that wrap at 2**30, epoch 2000 (ports/esp32/modtime.c)."""

import time as _real
from micropython import const

import _link

__name__ = "time"

_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)
_SECONDS_1970_TO_2000 = const(946684800)

sleep_ms = _real.sleep_ms
sleep_us = _real.sleep_us
_ticks_ms = _real.ticks_ms
_ticks_us = _real.ticks_us
_start_us = 0
_start_ms = 0
_epoch_offset_ns = 0
_fast = None


def start(uptime_us, clock_ns):
    """Set ticks to ``uptime_us`` since reset and the clock to ``clock_ns`` since 2000-01-01."""
    global _start_us, _start_ms, _epoch_offset_ns
    _start_us = _ticks_us() - uptime_us
    _start_ms = _ticks_ms() - uptime_us // 1000
    _epoch_offset_ns = clock_ns - _real.time_ns()


def sleep(seconds):
    """Sleep; callbacks run meanwhile."""
    sleep_ms(int(seconds * 1000))


def ticks_ms():
    now_ms = _ticks_ms()
    _link.catch_up(now_ms)
    return (now_ms - _start_ms) & _MASK


def ticks_us():
    return (_ticks_us() - _start_us) & _MASK


def ticks_cpu():
    return ((_ticks_us() - _start_us) * 240) & _MASK


def ticks_add(ticks, delta):
    if not -_HALF <= delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) & _MASK


def ticks_diff(end, start):
    return ((end - start + _HALF) & _MASK) - _HALF


def time_ns():
    return _real.time_ns() + _epoch_offset_ns


def time():
    return time_ns() // 1000000000


def gmtime(seconds=None):
    seconds = time() if seconds is None else int(seconds)
    return _real.gmtime(seconds + _SECONDS_1970_TO_2000)[:8]


localtime = gmtime


def mktime(t):
    if len(t) < 8 or len(t) > 9:
        raise TypeError("mktime needs a tuple of length 8 or 9")
    # The child runs in UTC.
    return int(_real.mktime(tuple(t[:8]) + (0,))) - _SECONDS_1970_TO_2000


def set_clock(seconds_ns):
    """Set the clock (RTC.datetime), in ns since 2000-01-01."""
    global _epoch_offset_ns
    _epoch_offset_ns += seconds_ns - time_ns()


def go_fast(uptime_us, clock_ns):
    """As `start`, on a fast clock."""
    global _fast, sleep_ms, sleep_us, ticks_ms, ticks_us, ticks_cpu, time_ns, _epoch_offset_ns
    import _fast as fast

    _fast = fast
    fast.start(uptime_us)
    _epoch_offset_ns = clock_ns - uptime_us * 1000
    sleep_ms = _fast.sleep_ms
    sleep_us = _fast.sleep_us
    ticks_ms = _fast_ticks_ms
    ticks_us = _fast_ticks_us
    ticks_cpu = _fast_ticks_cpu
    time_ns = _fast_time_ns


def _fast_ticks_ms():
    _fast.look()
    return _fast.now_us // 1000 & _MASK


def _fast_ticks_us():
    _fast.look()
    return _fast.now_us & _MASK


def _fast_ticks_cpu():
    _fast.look()
    return _fast.now_us * 240 & _MASK


def _fast_time_ns():
    _fast.look()
    return _fast.now_us * 1000 + _epoch_offset_ns
