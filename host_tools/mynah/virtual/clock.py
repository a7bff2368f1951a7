"""The time that a virtual board and its surroundings live in: the computer's, or a fast one.

The fast clock stands while the board's CPU computes, and jumps to the next thing that is to happen
while it waits. So an hour of waiting takes no time, and no sound is lost however busy the computer
is. Three things keep it going, or in step with who lives in real time:

- each look of the program at its ticks takes some microseconds (`upy/_fast.py`), so that a loop
  that waits for a time ends;
- a CPU that neither waits nor looks for `FREE_S` of its own processor time takes real time from
  then on, so that a watchdog bites a program that hangs;
- for `CALM_S` after something came from outside (a byte on the serial port, a packet), and while
  there is no CPU that runs, the clock goes at the computer's pace.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FREE_S = 0.2
"""Processor time that the CPU may take without any on the fast clock."""
CALM_S = 0.25
"""Real time at real pace after something came from outside."""

_POLL_S = 0.05
_FIRST_US = 1_000_000_000
_SECOND_US = 1_000_000


class Clock:
    """The computer's own: seconds of ``time.monotonic()``."""

    fast = False

    def now(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def now_ns(self) -> int:
        """Nanoseconds since that moment."""
        return time.monotonic_ns()

    def wait_until(
        self, when: float, stop: threading.Event | None = None, timeout: float | None = None
    ) -> bool:
        """Wait until it is ``when``, or ``stop`` is set; False after ``timeout`` seconds of it."""
        left = max(when - time.monotonic(), 0)
        stop = stop or threading.Event()
        if timeout is not None and timeout < left:
            return stop.wait(timeout)
        stop.wait(left)
        return True

    def patience(self, seconds: float | None) -> float | None:
        """How many real seconds to wait before one looks whether ``seconds`` (None: ever) are over.

        Who is to be woken earlier, when the clock jumps, must be told by who lets it jump.
        """
        return seconds

    def stir(self) -> None:
        """Something came from outside."""


class FastClock(Clock):
    """A clock for one board that jumps while its CPU waits. Thread-safe."""

    fast = True

    def __init__(self) -> None:
        """A clock that runs at the computer's pace, until `rest`."""
        self._moved = threading.Condition()
        self._us = _FIRST_US
        self._source: Callable[[], float] | None = time.monotonic
        self._free_s = 0.0
        self._mark = time.monotonic()
        self._awaited: list[float] = []
        self._calm_until = 0.0

    def now(self) -> float:
        """Seconds since some moment."""
        return self.now_us() / _SECOND_US

    def now_ns(self) -> int:
        """Nanoseconds since that moment."""
        return self.now_us() * 1000

    def now_us(self) -> int:
        """Microseconds since that moment."""
        with self._moved:
            if self._source is None:
                return self._us
            passed = self._source() - self._mark - self._free_s
            return self._us + max(int(passed * _SECOND_US), 0)

    def run(self, source: Callable[[], float] = time.monotonic, *, free_s: float = 0.0) -> None:
        """Go on by itself: as the seconds that ``source`` counts, less the first ``free_s``."""
        with self._moved:
            self._us = self.now_us()
            self._source = source
            self._free_s = free_s
            self._mark = source()

    def rest(self) -> None:
        """Stand, but for jumps."""
        with self._moved:
            self._us = self.now_us()
            self._source = None

    def jump(self, us: int) -> None:
        """Be at ``us``, unless it is later already."""
        with self._moved:
            behind = us - self.now_us()
            if behind > 0:
                self._us += behind
                if self._awaited and min(self._awaited) <= us / _SECOND_US:
                    self._moved.notify_all()

    def stir(self) -> None:
        """Something came from outside: keep real pace for a while."""
        self._calm_until = time.monotonic() + CALM_S

    @property
    def calm_s(self) -> float:
        """Real seconds for which it is to keep real pace; 0: none."""
        return max(self._calm_until - time.monotonic(), 0)

    def wait_until(
        self, when: float, stop: threading.Event | None = None, timeout: float | None = None
    ) -> bool:
        """Wait until it is ``when``, or ``stop`` is set; False after ``timeout`` seconds of it."""
        end = when if timeout is None else min(when, self.now() + timeout)
        with self._moved:
            self._awaited.append(end)
            try:
                while self.now() < end and not (stop and stop.is_set()):
                    self._moved.wait(_POLL_S)
            finally:
                self._awaited.remove(end)
        return end == when or (stop is not None and stop.is_set())

    def patience(self, seconds: float | None) -> float | None:
        """How many real seconds to wait before one looks whether ``seconds`` are over."""
        if self._source is time.monotonic and seconds is not None:
            return min(seconds, _POLL_S)
        return _POLL_S


def processor_time_of(pid: int) -> Callable[[], float]:
    """A count of the processor seconds that a process has taken; elsewhere than on Linux real ones.

    Source: Linux, ``include/linux/posix-timers_types.h``: a process's clock number is the inverse
    of its number, shifted by 3, with CPUCLOCK_SCHED (2) in the lower bits.
    """
    if sys.platform != "linux":
        return time.monotonic
    number = ~pid << 3 | 2
    last = 0.0

    def count() -> float:
        nonlocal last
        with contextlib.suppress(OSError):  # it has ended
            last = time.clock_gettime(number)
        return last

    return count
