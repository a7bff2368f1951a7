"""The time of day, once somebody has told it: the board has no clock that runs without power."""

from micropython import const

from speaker.util.clock import Uptime

_LAST_S = const(0xFFFFFFFF)  # what the spec's format holds: in the year 2106


class WallClock:
    """Seconds since 1970 in UTC, counted on from the last time that it was set."""

    def __init__(self, uptime: Uptime) -> None:
        self._uptime = uptime
        self._start_s = 0  # the time when the uptime was 0; 0 while that is not known

    def now_s(self) -> int:
        """Seconds since 1970, or 0 while nobody has set it."""
        return min(_LAST_S, self._start_s + self._uptime.seconds()) if self._start_s else 0

    def set_s(self, now_s: int) -> None:
        """Set it. ValueError for a time that would put the speaker's start before 1970."""
        start_s = now_s - self._uptime.seconds()
        if start_s <= 0:
            raise ValueError("time: before 1970")
        self._start_s = start_s
