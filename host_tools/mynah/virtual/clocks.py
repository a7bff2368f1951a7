"""Timers, watchdog, real-time clock and its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mynah.virtual.interrupts import Event
from mynah.virtual.link import BoardOSError, Services
from mynah.virtual.types import ResetCause

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.virtual.alarms import Alarm, Alarms
    from mynah.virtual.clock import Clock

_ESP_ERR_INVALID_ARG = 258
_WATCHDOG_LOG = (
    b"\r\nE (0) task_wdt: Task watchdog got triggered. The following tasks/users did not reset "
    b"the watchdog in time:\r\nE (0) task_wdt:  - mpy_machine_wdt\r\n"
    b"E (0) task_wdt: Aborting.\r\n\r\nRebooting...\r\n"
)


class Timers:
    """Serves ``machine.Timer``."""

    def __init__(
        self, services: Services, alarms: Alarms, post: Callable[[Event, int], None]
    ) -> None:
        self._alarms = alarms
        self._post = post
        self._running: dict[int, Alarm] = {}
        self._started: dict[int, float] = {}
        services.add("timer_start", self._start)
        services.add("timer_stop", self._stop)
        services.add("timer_value", self._value)

    def reset(self, *, soft: bool) -> None:  # noqa: ARG002 - the same for both
        """Stop all."""
        for number in list(self._running):
            self._stop(number)

    def _start(self, number: int, seconds: float, repeat: bool) -> None:
        self._stop(number)
        self._ring_at(number, self._alarms.clock.now() + seconds, seconds if repeat else None)

    def _ring_at(self, number: int, when: float, period: float | None) -> None:
        def ring() -> None:
            if self._running.get(number) is not alarm:
                return
            self._post(Event.TIMER, number)
            if period is None:
                self._running.pop(number, None)
            else:
                self._ring_at(number, when + period, period)

        self._started[number] = self._alarms.clock.now()
        alarm = self._alarms.at(when, ring)
        self._running[number] = alarm

    def _stop(self, number: int) -> None:
        alarm = self._running.pop(number, None)
        if alarm is not None:
            alarm.cancel()

    def _value(self, number: int) -> float:
        now = self._alarms.clock.now()
        return now - self._started.get(number, now)


class Watchdog:
    """Serves ``machine.WDT``: the task watchdog, which ends in a panic and a reset."""

    def __init__(
        self,
        services: Services,
        alarms: Alarms,
        transmit: Callable[[bytes], None],
        request_reset: Callable[[ResetCause], None],
    ) -> None:
        self._alarms = alarms
        self._transmit = transmit
        self._request_reset = request_reset
        self._alarm: Alarm | None = None
        self._seconds = 0.0
        services.add("wdt_start", self._start)
        services.add("wdt_feed", self._feed)

    def reset(self, *, soft: bool) -> None:
        """Off; a soft reset leaves it running, as on the chip."""
        if soft:
            return
        self._seconds = 0.0
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _start(self, timeout_ms: int) -> None:
        self._seconds = timeout_ms / 1000
        self._feed()

    def _feed(self) -> None:
        if not self._seconds:
            raise BoardOSError(_ESP_ERR_INVALID_ARG)
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._alarms.after(self._seconds, self._bite)

    def _bite(self) -> None:
        self._transmit(_WATCHDOG_LOG)
        self._request_reset(ResetCause.WDT)


class RealTimeClock:
    """Serves ``machine.RTC``; keeps time and memory through every reset but loss of power."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self._clock = clock
        self._offset_ns = 0
        self._memory: list[int] = []
        self.power_on()
        services.add("set_clock", self._set)
        services.add("rtc_memory", lambda: self._memory)
        services.add("set_rtc_memory", self._set_memory)

    def power_on(self) -> None:
        """Start at 2000-01-01 with empty memory."""
        self._offset_ns = -self._clock.now_ns()
        self._memory = []

    def now_ns(self) -> int:
        """Nanoseconds since 2000-01-01."""
        return self._clock.now_ns() + self._offset_ns

    def _set(self, ns: int) -> None:
        self._offset_ns = ns - self._clock.now_ns()

    def _set_memory(self, data: list[int]) -> None:
        self._memory = data
