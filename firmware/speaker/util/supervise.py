"""The one place that starts tasks: restarts them with back-off, at last the board."""

import asyncio
import time

from micropython import const

from speaker.util import log
from speaker.util.hints import Awaitable, Callable

_FIRST_DELAY_MS = const(500)
_LONGEST_DELAY_MS = const(30_000)
_FAILURES_TO_RESET = const(8)
# A task that ran this long before it failed is taken as healthy: its count starts again.
_HEALTHY_MS = const(600_000)


class Supervisor:
    """Runs named coroutines for ever; `reset` is called when one keeps failing."""

    def __init__(self, reset: Callable[[], object]) -> None:
        self._reset = reset
        self._tasks: dict = {}

    def start(self, name: str, function: Callable[..., Awaitable], *args: object) -> None:
        """Run the coroutine function `function(*args)` under supervision.

        A task that returns has done its work and is not started again.
        """
        if name in self._tasks:
            raise ValueError("task %s runs already" % name)
        self._tasks[name] = asyncio.create_task(self._run(name, function, args))

    async def _run(self, name: str, function: Callable[..., Awaitable], args: tuple) -> None:
        failures = 0
        delay_ms = _FIRST_DELAY_MS
        while True:
            started_ms = time.ticks_ms()
            try:
                await function(*args)
            except Exception as error:
                if time.ticks_diff(time.ticks_ms(), started_ms) > _HEALTHY_MS:
                    failures = 0
                    delay_ms = _FIRST_DELAY_MS
                failures += 1
                log.error("app", "task %s failed (%d)", name, failures)
                log.exception("app", error)
            else:
                self._tasks.pop(name, None)
                return
            if failures >= _FAILURES_TO_RESET:
                log.error("app", "task %s keeps failing: reset", name)
                self._reset()
            await asyncio.sleep_ms(delay_ms)
            delay_ms = min(2 * delay_ms, _LONGEST_DELAY_MS)

    def close(self) -> None:
        """Cancel every task."""
        for task in list(self._tasks.values()):
            task.cancel()
        self._tasks.clear()
