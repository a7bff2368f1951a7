"""What a CPU on a fast clock does while it waits: the clock jumps to what is to happen next."""

from __future__ import annotations

import struct
import threading
import time
from typing import TYPE_CHECKING

from mynah.virtual.clock import FREE_S, FastClock, processor_time_of

if TYPE_CHECKING:
    from mynah.virtual.alarms import Alarms
    from mynah.virtual.child import Child
    from mynah.virtual.link import Answer

_MAX_US = 500_000_000
"""A wait returns after that, however long it was to be: its length must fit into an answer."""
_LONGEST_US = (1 << 30) - 1  # what fits into an answer; the next one tells the rest
_DEAF = 1 << 30
_FETCHED = struct.Struct("<i")
_ANY = -1
_SECOND_US = 1_000_000
_LOOK_S = 0.1
"""How often one looks whether the process of a CPU that waits has ended."""


class Idle:
    """Serves the waits of one board's CPU; nothing of it is used on a real clock."""

    def __init__(self, clock: FastClock, alarms: Alarms) -> None:
        self._clock = clock
        self._alarms = alarms
        self._child: Child | None = None
        self._cpu_us = 0
        """The time that the program believes it is, as microseconds of the clock."""
        self._woken = threading.Event()
        self._input = False
        self._processor_time = time.monotonic

    def hold(self) -> None:
        """A CPU is about to start: the clock stands."""
        self._clock.rest()

    def begin(self, child: Child) -> None:
        """The CPU runs."""
        self._child = child
        self._input = False
        self._processor_time = processor_time_of(child.pid)
        self._compute()

    def end(self) -> None:
        """There is no CPU any more: the clock goes at the computer's pace."""
        self._child = None
        self.wake()
        self._clock.run()

    def synchronize(self) -> None:
        """The program has just been told the time."""
        self._cpu_us = self._clock.now_us()

    def input_came(self) -> None:
        """The UART has received something."""
        self._input = True
        self.wake()

    def wake(self) -> None:
        """Look again whether the wait is over."""
        self._woken.set()

    def serve(self, wanted_us: int, looked_us: int, data: bytes) -> Answer:
        """Wait for ``wanted_us`` (negative: for ever) or until something happens.

        Args:
            wanted_us: 0 only tells and learns the time.
            looked_us: what the program's looks at its clock have taken since the last call; with
                `_DEAF`, an interrupt that waits already does not end the wait.
            data: how many times the program had fetched its interrupts when it last looked whether
                it has something to do: if it has again since, it looks again first.

        Returns:
            The microseconds that have passed, times 2, plus 1 if interrupts wait.
        """
        child = self._child
        if child is None:
            return 0, b""
        deaf = bool(looked_us & _DEAF)
        self._cpu_us += looked_us & ~_DEAF
        self._clock.jump(self._cpu_us)
        self._alarms.ring_due()
        if wanted_us:
            child.interrupts.silence(on=True)
            self._clock.rest()
            try:
                self._wait(child, wanted_us, deaf, *_FETCHED.unpack(data))
            finally:
                child.interrupts.silence(on=False)
                self._compute()
        passed_us = min(self._clock.now_us() - self._cpu_us, _LONGEST_US)
        self._cpu_us += passed_us
        return passed_us << 1 | child.interrupts.waiting, b""

    def _compute(self) -> None:
        self._clock.run(self._processor_time, free_s=FREE_S)

    def _wait(self, child: Child, wanted_us: int, deaf: bool, fetched: int) -> None:
        limit_us = self._cpu_us + _MAX_US
        end_us = min(self._cpu_us + wanted_us, limit_us) if wanted_us > 0 else None
        interrupts = child.interrupts
        while self._child is child:
            self._woken.clear()
            if self._input:
                self._input = False
                return
            if (interrupts.waiting and not deaf) or fetched not in {_ANY, interrupts.n_fetched}:
                return
            now_us = self._clock.now_us()
            if now_us >= (limit_us if end_us is None else end_us):
                return
            due_us = self._alarms.next_us()
            goals = [us for us in (end_us, due_us and min(due_us, limit_us)) if us is not None]
            calm_s = self._clock.calm_s
            if goals and not calm_s:
                self._clock.jump(min(goals))
            else:
                self._live(min(goals, default=limit_us) - now_us, calm_s or _LOOK_S)
                if child.has_ended:
                    return
            self._alarms.ring_due()
            if fetched != _ANY and self._clock.now_us() >= (due_us or limit_us):
                return  # what has just happened may be what the program polls for

    def _live(self, longest_us: int, longest_s: float) -> None:
        """Let real time pass, until something happens; neither limit is exceeded."""
        start = time.monotonic()
        before_us = self._clock.now_us()
        self._woken.wait(min(longest_us / _SECOND_US, longest_s, _LOOK_S))
        passed_us = int((time.monotonic() - start) * _SECOND_US) + 1
        self._clock.jump(before_us + min(passed_us, longest_us))
