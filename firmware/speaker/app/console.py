"""The one reader of the serial console: hands the input to whoever it starts for."""

import asyncio
import time

from micropython import const

from speaker.net.improv_prefix import PREFIX
from speaker.util.hints import Any
from speaker.util.late import Late, NotLoadedError
from speaker.util.streams import readable

# What may come in over the serial console: the starts of lines. `mynah privacy` tells them and what
# they do (told.py), and `Console.add` refuses what is not among them.
COMMANDS = (
    PREFIX,
    b"mynah baud ",
    b"mynah feed\n",
    b"mynah privacy\n",
    b"mynah token ",
    b"mynah paired\n",
    b"mynah country ",
    b"mynah cancel\n",
    b"mynah live\n",
)

_LONGEST = const(32)  # bytes of a line that are looked at
_POLL_MS = const(1)


class Console:
    """Reads a Keyboard and starts a handler when a line starts with its prefix.

    Ctrl-C never comes here: the Keyboard raises KeyboardInterrupt, which ends the firmware.
    Whatever a handler but Improv's expects must do without that byte, 3.
    """

    def __init__(self, keyboard: Any) -> None:
        self._keyboard = keyboard
        self._handlers: dict = {}
        self._open = True

    def add(self, prefix: bytes, handler: Any) -> None:
        """Have the coroutine function `handler(console)` read on whenever a line starts so.

        A prefix that ends with a line feed is a whole line. A handler reads by `take`, `get` and
        `skip`; when it returns, the next byte starts a line. Improv's prefix is also found in the
        midst of a line. Or it is a `Late`, which puts such a function in its own place when it is
        loaded. ValueError for a prefix that COMMANDS lacks.
        """
        if prefix not in COMMANDS:
            raise ValueError("speaker/app/console.py has no command %r" % prefix)
        self._handlers[prefix] = handler

    def prefixes(self) -> list:
        """What lines may start with."""
        return list(self._handlers)

    def close(self) -> None:
        """Read no more: from now on the input is meant for the prompt."""
        self._open = False

    async def run(self) -> None:
        """Task: look at what comes in."""
        line = bytearray()
        while self._open:
            await readable(self._keyboard)
            await self.look(line)

    async def look(self, line: bytearray) -> bool:
        """Add what is there to the line and run whom it is for; whether anything was there.

        For handlers that hand the console on while they last.
        """
        byte = bytearray(1)
        any_ = False
        while self.take(byte, 0, 1):
            any_ = True
            line.append(byte[0])
            prefix = self._prefix(line)
            if prefix or byte[0] in b"\r\n":
                line[:] = b""
            elif len(line) > _LONGEST:  # no command's start any more, but Improv may follow
                line[:] = b"\x00" + line[-len(PREFIX) :]
            if prefix:
                await self._hand_over(prefix)
        return any_

    def take(self, buffer: Any, start: int, count: int) -> int:
        """Put what is there by now, up to count bytes, into buffer at start; return how many."""
        return self._keyboard.take(buffer, start, count) if self._open else 0

    async def get(self, buffer: Any, count: int, timeout_ms: int) -> bool:
        """Wait for count bytes; False when none came for timeout_ms."""
        n = 0
        heard_ms = time.ticks_ms()
        while True:
            more = self.take(buffer, n, count - n)
            n += more
            if n == count:
                return True
            if more:
                heard_ms = time.ticks_ms()
            elif time.ticks_diff(time.ticks_ms(), heard_ms) >= timeout_ms:
                return False
            await asyncio.sleep_ms(_POLL_MS)

    async def skip(self, quiet_ms: int) -> None:
        """Drop what comes in until nothing came for quiet_ms."""
        rest = bytearray(1)
        while await self.get(rest, 1, quiet_ms):
            pass

    async def _hand_over(self, prefix: bytes) -> None:
        handler = self._handlers[prefix]
        if isinstance(handler, Late):
            try:
                await handler.get()
            except NotLoadedError:  # it is in the log, which is on the console
                return
            handler = self._handlers[prefix]
        await handler(self)

    def _prefix(self, line: bytearray) -> bytes:
        """Whom a line is for: what it starts with, or nothing."""
        for prefix in self._handlers:
            if line == prefix or (prefix == PREFIX and line[-len(PREFIX) :] == PREFIX):
                return prefix
        return b""
