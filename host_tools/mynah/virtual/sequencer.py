"""One thread that does things in order, now or later: the board's sense of time."""

from __future__ import annotations

import heapq
import itertools
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Sequencer:
    """Runs what it is given one after the other in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._wake = threading.Condition()
        self._jobs: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, job: Callable[[], None], *, after_s: float = 0.0) -> None:
        """Run ``job`` in ``after_s`` seconds, after what is due before it; forgotten if closed."""
        with self._wake:
            heapq.heappush(self._jobs, (time.monotonic() + after_s, next(self._number), job))
            self._wake.notify()

    def run(self, job: Callable[[], None]) -> None:
        """Run ``job`` after what is due before it, and wait until it is done."""
        if threading.current_thread() is self._thread:
            job()
            return
        done = threading.Event()

        def announce() -> None:
            try:
                job()
            finally:
                done.set()

        with self._wake:
            if self._closed:
                return
            self.call(announce)
        done.wait()

    def close(self) -> None:
        """Drop what is not due yet and end the thread; what is due is still run."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:
                # Report it as Python does for a thread, but live on: someone may wait in `run`.
                report = threading.ExceptHookArgs((*sys.exc_info(), self._thread))
                threading.excepthook(report)

    def _next(self) -> Callable[[], None] | None:
        with self._wake:
            while True:
                delay = self._jobs[0][0] - time.monotonic() if self._jobs else None
                if delay is not None and delay <= 0:
                    return heapq.heappop(self._jobs)[2]
                if self._closed:
                    return None
                self._wake.wait(delay)
