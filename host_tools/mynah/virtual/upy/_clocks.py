"""machine.Timer (ports/esp32/machine_timer.c)."""

import _link

_timers = {}


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
