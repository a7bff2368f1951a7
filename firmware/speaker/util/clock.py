"""Time since start in seconds, beyond the wrap of the millisecond ticks."""

import time


class Uptime:
    """Counts seconds since it was made; right as long as it is read once in six days.

    `time.ticks_ms` wraps after 12.4 days and differences are good for half of that; the
    counters' task reads it all the time.
    """

    def __init__(self) -> None:
        self._last_ms = time.ticks_ms()
        self._rest_ms = 0
        self._seconds = 0

    def seconds(self) -> int:
        """Whole seconds since start."""
        now_ms = time.ticks_ms()
        elapsed_ms = time.ticks_diff(now_ms, self._last_ms) + self._rest_ms
        self._last_ms = now_ms
        self._seconds += elapsed_ms // 1000
        self._rest_ms = elapsed_ms % 1000
        return self._seconds
