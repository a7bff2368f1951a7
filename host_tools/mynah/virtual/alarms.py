"""What a virtual board is to do later: one thread a board, on the board's clock."""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import threading
import time
from typing import TYPE_CHECKING

from mynah.virtual.clock import Clock, FastClock

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

_FRACTION_S = 5e-7


class Alarm:
    """One thing to do at a time; `cancel` takes it back."""

    __slots__ = ("_act",)

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act

    @property
    def cancelled(self) -> bool:
        """Whether there is nothing to do any more."""
        return self._act is None

    def cancel(self) -> None:
        """Do not do it; one that is being done right now is not waited for."""
        self._act = None

    def ring(self) -> None:
        """Do it, unless it was cancelled."""
        act, self._act = self._act, None
        if act is not None:
            act()


class Alarms:
    """The alarms of a board. Acts run one after the other and must be short.

    They run in a thread of this class, which lives from the first alarm until `stop`; and where a
    fast clock jumps, in the thread that lets it jump (`ring_due`).
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._queue: list[tuple[float, int, Alarm]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def at(self, when: float, act: Callable[[], None]) -> Alarm:
        """Call ``act`` when the clock shows ``when``, or at once if that has passed."""
        alarm = Alarm(act)
        with self._changed:
            heapq.heappush(self._queue, (when, next(self._numbers), alarm))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mynah-alarms", daemon=True)
                self._thread.start()
            elif self._queue[0][2] is alarm and not self.clock.fast:
                self._changed.notify_all()  # on a fast clock the thread looks often enough
        return alarm

    def after(self, seconds: float, act: Callable[[], None]) -> Alarm:
        """Call ``act`` in ``seconds``."""
        return self.at(self.clock.now() + seconds, act)

    def next_us(self) -> int | None:
        """When the next one rings, in microseconds of the clock; None: there is none."""
        with self._changed:
            while self._queue and self._queue[0][2].cancelled:
                heapq.heappop(self._queue)
            return math.ceil(self._queue[0][0] * 1_000_000) if self._queue else None

    def ring_due(self) -> None:
        """Ring all whose time has come."""
        while True:
            with self._changed:
                if not self._queue or self._left_s() > 0:
                    return
                alarm = heapq.heappop(self._queue)[2]
            _ring(alarm)

    def sleep(self, seconds: float) -> None:
        """Let time pass, as a driver does that keeps the program waiting."""
        if not isinstance(self.clock, FastClock):
            time.sleep(seconds)
            return
        end_us = self.clock.now_us() + int(seconds * 1_000_000)
        while self.clock.now_us() < end_us:
            self.clock.jump(min(end_us, self.next_us() or end_us))
            self.ring_due()

    def stop(self) -> None:
        """Drop all alarms and end the thread; one that rings is waited for."""
        with self._changed:
            self._queue.clear()
            thread, self._thread = self._thread, None
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _left_s(self) -> float:
        # A fast clock counts in whole microseconds: the next one is early enough for a fraction.
        return self._queue[0][0] - self.clock.now() - _FRACTION_S

    def _run(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                if self._thread is not me:
                    return
                left = self._left_s() if self._queue else None
                if left is None or left > 0:
                    self._changed.wait(self.clock.patience(left))
                    continue
                alarm = heapq.heappop(self._queue)[2]
            _ring(alarm)


def _ring(alarm: Alarm) -> None:
    try:
        alarm.ring()
    except Exception:
        _log.exception("alarm")
