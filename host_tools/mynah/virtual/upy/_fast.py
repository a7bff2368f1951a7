"""Time on a fast clock: it stands while the program computes, and jumps while it waits.

The host's side is mynah.virtual.idle. Nothing but a poll allocates.
"""

import struct
from micropython import const

import _link
from _select import _real

_LOOK_US = const(5)  # some 1000 instructions of the chip: a call, and what is done with its result
_TELL_US = const(1000)
_MAX_US = const(500000000)
_DEAF = const(1 << 30)
_ANY = const(-1)
_SCHEDULER_DEPTH = const(8)
_READ_OR_WRITE = const(5)
_POLL = const(3)
_GET_DESCRIPTOR = const(10)

now_us = 0
_looked_us = 0
_deaf = 0
_request = bytearray(13)
_nothing = bytearray(0)


def start(uptime_us):
    """Begin to count at ``uptime_us``."""
    global now_us
    now_us = uptime_us


def idle(wanted_us, fetches=_ANY):
    """Wait for so long (negative: for ever) or until something happens; interrupts are served.

    ``fetches`` is `_link.fetches` when the program last saw that it has nothing to do: a callback
    that ran since may have changed that.
    """
    global now_us, _looked_us, _deaf
    struct.pack_into("<Biii", _request, 0, _link.IDLE, wanted_us, _looked_us | _deaf, fetches)
    _looked_us = 0
    status = _link.exchange(_request, _nothing)
    now_us += status >> 1
    # In a callback, no interrupt is served: time must go on nevertheless.
    _deaf = 0 if not status & 1 or _link.serve() else _DEAF


def look():
    """The program looks at the time, which takes some."""
    global now_us, _looked_us
    now_us += _LOOK_US
    _looked_us += _LOOK_US
    if _looked_us >= _TELL_US:
        idle(0)


def sleep_us(us):
    end_us = now_us + us
    while True:
        left_us = end_us - now_us
        if left_us <= 0:
            return
        idle(min(left_us, _MAX_US))


def sleep_ms(ms):
    if ms > 0:
        sleep_us(ms * 1000)
    else:
        idle(0)


class Poll:
    """A poll object that lets time jump.

    MicroPython's own waits for a real millisecond when it has to ask an object of Python, even
    with a timeout of 0: so it has only those with a file descriptor here.
    """

    def __init__(self):
        self._files = _real.poll()
        self._any_file = False
        self._others = []

    def register(self, o, events=_READ_OR_WRITE):
        if _has_descriptor(o):
            self._files.register(o, events)
            self._any_file = True
            return
        entry = self._find(o)
        if entry:
            entry[1] = events
        else:
            self._others.append([o, events])

    def modify(self, o, events):
        entry = self._find(o)
        if entry:
            entry[1] = events
        else:
            self._files.modify(o, events)

    def unregister(self, o):
        entry = self._find(o)
        if entry:
            self._others.remove(entry)
        else:
            self._files.unregister(o)

    def poll(self, timeout=-1, flags=0):
        """As MicroPython's."""
        for_ever = timeout is None or timeout < 0
        end_us = now_us if for_ever else now_us + timeout * 1000
        while True:
            # Callbacks that wait come first; each jump runs one.
            n = 0
            while n < _SCHEDULER_DEPTH:
                n += 1
            fetches = _link.fetches
            ready = self._ready(flags)
            if ready:
                return ready
            if for_ever:
                idle(-1, fetches)
                continue
            left_us = end_us - now_us
            if left_us <= 0:
                return ready
            idle(min(left_us, _MAX_US), fetches)

    def ipoll(self, timeout=-1, flags=0):
        return iter(self.poll(timeout, flags))

    def _find(self, o):
        for entry in self._others:
            if entry[0] is o:
                return entry
        return None

    def _ready(self, flags):
        ready = self._files.poll(0) if self._any_file else []
        if flags & 1:
            for o, _ in ready:
                self._files.modify(o, 0)
        for entry in self._others:
            events = entry[0].ioctl(_POLL, entry[1])
            if events:
                ready.append((entry[0], events))
                if flags & 1:
                    entry[1] = 0
        return ready


def _has_descriptor(o):
    # What is written in C has no method that Python sees; ours of Python say so themselves.
    return not hasattr(o, "ioctl") or _is_descriptor(o.ioctl(_GET_DESCRIPTOR, 0))


def _is_descriptor(answer):
    return isinstance(answer, int) and answer >= 0
