"""Simulated time: `time`, `select` and asyncio's clock, which moves only while everybody waits."""

import asyncio
import heapq
import sys
from asyncio import core

WRAP = 2**30  # of ticks_ms on the board; on a PC it is longer
_STEP_US = 20  # that a look at what is ready takes, so that time goes on whatever happens
# asyncio's own clock does not wrap here: the C code of its queue takes the PC's period. It must be
# ahead of the PC's uptime, by which that code orders what is to run at once.
_AHEAD_MS = 1 << 44


class Clock:
    """Microseconds since the world began, and what is to happen when."""

    def __init__(self, ticks_ms):
        """`ticks_ms` is what the board's `time.ticks_ms` starts from."""
        self.now_us = 0
        self._ticks_us = ticks_ms * 1000
        self._events = []
        self._number = 0
        self.wraps = 0

    @property
    def now_s(self):
        return self.now_us / 1e6

    def after(self, delay_ms, call, *arguments):
        """Have `call(*arguments)` called in so many milliseconds."""
        self._number += 1
        at_us = self.now_us + int(delay_ms * 1000)
        heapq.heappush(self._events, (at_us, self._number, call, arguments))

    def restart_ticks(self, ticks_ms):
        """The board was reset: its ticks start again, from there."""
        self._ticks_us = ticks_ms * 1000 - self.now_us

    def ticks_us(self):
        return self._ticks_us + self.now_us

    def run_due(self):
        """What is to happen by now; whether anything did."""
        any_ = False
        while self._events and self._events[0][0] <= self.now_us:
            _, _, call, arguments = heapq.heappop(self._events)
            call(*arguments)
            any_ = True
        return any_

    def move(self, limit_us):
        """Move to the next event, or to the limit (None: no limit); whether there was an event."""
        if self._events and (limit_us is None or self._events[0][0] <= limit_us):
            self._to(max(self.now_us, self._events[0][0]))
            return True
        if limit_us is None:
            raise RuntimeError("the board waits for something that never happens")
        self._to(limit_us)
        return False

    def spend(self, us):
        """Time goes by while nobody waits: what is to happen in it happens late."""
        self._to(self.now_us + us)

    def _to(self, now_us):
        before = self.ticks_us() // (WRAP * 1000)
        self.now_us = now_us
        self.wraps += self.ticks_us() // (WRAP * 1000) - before


class Time:
    """The module `time` as the board has it."""

    def __init__(self, clock):
        self._clock = clock

    def ticks_ms(self):
        return (self._clock.ticks_us() // 1000) % WRAP

    def ticks_us(self):
        return self._clock.ticks_us() % WRAP

    def ticks_cpu(self):
        return self.ticks_us()

    def ticks_add(self, ticks, delta):
        return (ticks + delta) % WRAP

    def ticks_diff(self, later, earlier):
        return (later - earlier + WRAP // 2) % WRAP - WRAP // 2

    def time(self):
        return 820_000_000 + self._clock.now_us // 1_000_000  # the board's epoch is 2000

    def sleep_ms(self, ms):
        """Nothing else runs meanwhile, but the world goes on."""
        limit_us = self._clock.now_us + int(ms * 1000)
        while self._clock.move(limit_us):
            self._clock.run_due()

    def sleep(self, seconds):
        self.sleep_ms(seconds * 1000)

    def sleep_us(self, us):
        self.sleep_ms(us / 1000)


class Poll:
    """`select.poll` for a look at what is ready, without waiting."""

    def __init__(self):
        # In the order of registration: a dict's order depends on where in memory the streams are.
        self._entries = []

    def register(self, stream, mask=5):
        if not self._set(stream, mask):
            self._entries.append([stream, mask])

    def modify(self, stream, mask):
        self._set(stream, mask)

    def unregister(self, stream):
        self._entries = [entry for entry in self._entries if entry[0] is not stream]

    def _set(self, stream, mask):
        for entry in self._entries:
            if entry[0] is stream:
                entry[1] = mask
                return True
        return False

    def ipoll(self, timeout_ms=-1):
        if timeout_ms:
            raise ValueError("the event loop alone waits")
        return self._ready()

    def poll(self, timeout_ms=-1):
        return self.ipoll(timeout_ms)

    def _ready(self):
        ready = []
        for stream, mask in self._entries:
            events = stream.ioctl(3, mask)
            if events:
                ready.append((stream, events))
        return ready


class LoopPoll(Poll):
    """The event loop's: moves the clock on until something is ready."""

    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def ipoll(self, timeout_ms=-1):
        clock = self._clock
        clock.spend(_STEP_US)
        clock.run_due()
        limit_us = None if timeout_ms < 0 else clock.now_us + timeout_ms * 1000
        ready = self._ready()
        while not ready and timeout_ms:
            if not clock.move(limit_us):
                break
            clock.run_due()
            ready = self._ready()
        return ready


class Select:
    """The module `select`; `poll` makes what `make` gives."""

    POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP = 1, 2, 4, 8, 16

    def __init__(self, make):
        self.poll = make


def install(clock):
    """Simulated time in the place of the real one, for modules that are imported from now on."""
    sys.modules["time"] = Time(clock)
    sys.modules["select"] = Select(Poll)
    core.ticks = lambda: _AHEAD_MS + clock.now_us // 1000
    core.ticks_add = lambda ticks, delta: ticks + delta
    core.ticks_diff = lambda later, earlier: later - earlier
    core.select = Select(lambda: LoopPoll(clock))
    asyncio.new_event_loop()
