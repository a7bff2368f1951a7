"""Counters of the parts that must not log themselves, printed when they have changed."""

import asyncio

from micropython import const

from speaker.audio.microphone import Microphone
from speaker.audio.ring import FrameRing
from speaker.miot.server import Server
from speaker.util import log
from speaker.util.clock import Uptime

_EVERY_S = const(5)


class Counters:
    """Looks at the sound path's and the server's counters."""

    def __init__(
        self,
        ring: FrameRing,
        microphone: Microphone,
        server: Server,
        uptime: Uptime,
    ) -> None:
        self._ring = ring
        self._microphone = microphone
        self._server = server
        self._uptime = uptime
        self._seen: dict = {}

    async def run(self) -> None:
        """Task: one line for each counter that moved."""
        while True:
            await asyncio.sleep(_EVERY_S)
            self._uptime.seconds()  # keeps it right across the ticks' wrap
            self._report("mic", "frames dropped, ring full", self._ring.dropped)
            self._report("mic", "ms of sound lost in a stall", self._microphone.lost_ms)
            self._report("mic", "restarts", self._microphone.restarts)
            for reason, count in self._server.dropped.items():
                self._report("miio", "packets dropped, " + reason, count)
            if self._server.channel is not None:
                for reason, count in self._server.channel.dropped.items():
                    self._report("secure", "channel packets dropped, " + reason, count)

    def _report(self, source: str, what: str, count: int) -> None:
        more = count - self._seen.get(what, 0)
        if more:
            self._seen[what] = count
            log.warning(source, "%s: %d more, %d in all", what, more, count)
