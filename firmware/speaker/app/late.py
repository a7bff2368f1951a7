"""Parts whose modules are loaded with first use: what few need takes no memory before that."""

import asyncio
import time

from micropython import const

from speaker.miot.server import INTERNAL, Later, MiioError
from speaker.util import log
from speaker.util.hints import Any, Awaitable, Callable, Iterator

# A part that could not be loaded is not tried again for so long: who asks costs nothing then.
_RETRY_MS = const(10_000)


class NotLoadedError(Exception):
    """A part cannot be loaded now; the log says why."""


class Late:
    """A part that is loaded by the first `get`.

    `steps()` is a generator: it imports a module or two, yields, imports the next, and at last
    yields the part, wired. At each yield the sound and everybody else have their turn, so no step
    should take longer than some 20 ms.
    """

    def __init__(self, name: str, steps: Callable[[], Iterator]) -> None:
        self._name = name
        self._steps = steps
        self._failed_ms: Any = None
        self._done: Any = None  # an Event, while it is being loaded
        self.part: Any = None
        """The part, or None before its first use."""

    async def get(self) -> Any:
        """The part. NotLoadedError: it cannot be loaded, for want of memory or a sound file."""
        while self._done is not None:
            await self._done.wait()
        if self.part is None:
            if self._failed_lately():
                raise NotLoadedError(self._name)
            self._done = asyncio.Event()
            try:
                self.part = await self._load()
            finally:
                self._done.set()
                self._done = None
        return self.part

    async def _load(self) -> Any:
        steps = self._steps()
        sum_ms = longest_ms = 0
        try:
            while True:
                started_ms = time.ticks_ms()
                part = next(steps, None)
                took_ms = time.ticks_diff(time.ticks_ms(), started_ms)
                sum_ms += took_ms
                longest_ms = max(longest_ms, took_ms)
                if part is not None:
                    text = "%s: loaded in %d ms, %d at a time"
                    log.info("app", text, self._name, sum_ms, longest_ms)
                    return part
                await asyncio.sleep_ms(0)
        except Exception as error:
            self._failed_ms = time.ticks_ms()
            log.error("app", "%s cannot be loaded; a restart may help", self._name)
            log.exception("app", error)
            raise NotLoadedError(self._name) from error

    def _failed_lately(self) -> bool:
        if self._failed_ms is not None:
            if time.ticks_diff(time.ticks_ms(), self._failed_ms) < _RETRY_MS:
                return True
            self._failed_ms = None
        return False

    def add_methods(self, table: dict, names: tuple) -> None:
        """Put stand-ins for methods of the part into the miIO server's table.

        The first call of one loads the part, which has put its own there when it is wired.
        """
        for name in names:
            table[name] = self._method(table, name)

    def add_commands(self, console: Any, prefixes: tuple) -> None:
        """The same for handlers of the console."""
        for prefix in prefixes:
            console.add(prefix, self._handler(prefix))

    def _method(self, table: dict, name: str) -> Callable[..., Later]:
        async def call(params: object, peer: tuple) -> Any:
            try:
                await self.get()
            except NotLoadedError as error:
                text = "%s: not loaded, perhaps for want of memory; a restart may help"
                raise MiioError(INTERNAL, text % self._name) from error
            result = table[name](params, peer)
            return await result.coroutine if isinstance(result, Later) else result

        return lambda params, peer: Later(call(params, peer))

    def _handler(self, prefix: bytes) -> Callable[..., Awaitable]:
        async def run(console: Any) -> None:
            try:
                await self.get()
            except NotLoadedError:  # it is in the log, which is on the console
                return
            await console.handler(prefix)(console)

        return run
