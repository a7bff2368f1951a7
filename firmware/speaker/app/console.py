"""The one reader of the serial console: hands the input to whoever it starts for."""

import asyncio
import time

from micropython import const

from speaker.net.improv_frame import PREFIX
from speaker.util.hints import Any, Awaitable, Callable
from speaker.util.streams import readable

# What may come in over the serial console: the start of a line -> what it does. `mynah privacy`
# tells this table, and `Console.add` refuses what is not in it.
COMMANDS = {
    PREFIX: "Improv: gives the speaker a Wi-Fi, tells its name, its state and networks in reach",
    b"mynah baud ": "another baud rate while a host uses it",
    b"mynah feed\n": "sound from the host in the place of the microphone's, for tests on a desk",
    b"mynah privacy\n": "what the board listens on, sends, stores and keeps, in the log",
    b"mynah token ": "tells the token, masked by what the host sends, while there is no owner",
    b"mynah paired\n": "ends that: the host has the token",
    b"mynah country ": "the country of the Wi-Fi that Improv gives next",
    b"mynah cancel\n": "breaks off what Improv has begun, and goes back to the old Wi-Fi",
    b"mynah live\n": "the wake models' outputs in the log, while the host asks for them",
}

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

    def add(self, prefix: bytes, handler: Callable[..., Awaitable]) -> None:
        """Have the coroutine function `handler(console)` read on whenever a line starts so.

        A prefix that ends with a line feed is a whole line. A handler reads by `take`, `get` and
        `skip`; when it returns, the next byte starts a line. Improv's prefix is also found in the
        midst of a line. A second handler takes the first one's place. ValueError for a prefix
        that COMMANDS lacks.
        """
        if prefix not in COMMANDS:
            raise ValueError("speaker/app/console.py has no command %r" % prefix)
        self._handlers[prefix] = handler

    def prefixes(self) -> list:
        """What lines may start with."""
        return list(self._handlers)

    def handler(self, prefix: bytes) -> Any:
        """The handler for that prefix."""
        return self._handlers[prefix]

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
            handler = self._handler(line)
            if handler is not None or byte[0] in b"\r\n":
                line[:] = b""
            elif len(line) > _LONGEST:  # no command's start any more, but Improv may follow
                line[:] = b"\x00" + line[-len(PREFIX) :]
            if handler is not None:
                await handler(self)
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

    def _handler(self, line: bytearray) -> Any:
        for prefix, handler in self._handlers.items():
            if line == prefix or (prefix == PREFIX and line[-len(PREFIX) :] == PREFIX):
                return handler
        return None
