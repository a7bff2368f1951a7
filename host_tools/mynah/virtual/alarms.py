"""Things to do later: one thread a board, on the monotonic clock."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


class Alarm:
    """One thing to do at a time; `cancel` takes it back."""

    __slots__ = ("_act",)

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act

    def cancel(self) -> None:
        """Do not do it; one that is being done right now is not waited for."""
        self._act = None

    def ring(self) -> None:
        """Do it, unless it was cancelled."""
        act, self._act = self._act, None
        if act is not None:
            act()


class Alarms:
    """The alarms of a board. Acts run one after the other in one thread and must be short.

    The thread runs from the first alarm until `stop`.
    """

    def __init__(self) -> None:
        self._queue: list[tuple[float, int, Alarm]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def at(self, when: float, act: Callable[[], None]) -> Alarm:
        """Call ``act`` at ``when`` (``time.monotonic()``), or at once if that has passed."""
        alarm = Alarm(act)
        with self._changed:
            heapq.heappush(self._queue, (when, next(self._numbers), alarm))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mynah-alarms", daemon=True)
                self._thread.start()
            elif self._queue[0][2] is alarm:
                self._changed.notify_all()
        return alarm

    def after(self, seconds: float, act: Callable[[], None]) -> Alarm:
        """Call ``act`` in ``seconds``."""
        return self.at(time.monotonic() + seconds, act)

    def stop(self) -> None:
        """Drop all alarms and end the thread; one that rings is waited for."""
        with self._changed:
            self._queue.clear()
            thread, self._thread = self._thread, None
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                if self._thread is not me:
                    return
                now = time.monotonic()
                if not self._queue or self._queue[0][0] > now:
                    self._changed.wait(self._queue[0][0] - now if self._queue else None)
                    continue
                alarm = heapq.heappop(self._queue)[2]
            try:
                alarm.ring()
            except Exception:
                _log.exception("alarm")
