"""Sound over the serial console into the ring, in the microphone's place: tests on a desk.

The line `mynah feed` starts it. The log says `feed: begin ...`; from then on the host sends frames,
and each good one is answered by one control character, which log readers drop:

    0x7E  length  head  body[length]      body: samples (int16, little endian), sequence, CRC-32

The body has no byte 3, which would be Ctrl-C: `head` is the place (1 for the first byte) of the
first one that was a 3, in whose place stands the distance to the next one, and so on until 0. A
place or distance of 3 and more is written as one more. The sequence number (0 to 3) repeats until
its frame is acknowledged; CRC-32 is of all that is before it. A body without samples ends the feed.

At most WINDOW frames of FRAME_SAMPLES may be unacknowledged: together they fit the 260 bytes that
MicroPython's console holds (`stdin_ringbuf`, ports/esp32/mphalport.c), so that nothing is lost
however busy the board is, and a full ring (the engine is slower than the link) holds the answer
back. NAK asks for everything again that was not acknowledged.
"""

import asyncio
import sys
from array import array
from binascii import crc32
from struct import unpack_from

import uctypes
from micropython import const

from speaker.app.console import Console
from speaker.app.listener import Listener
from speaker.app.outputs import OutputLog
from speaker.audio.microphone import Microphone
from speaker.audio.ring import FrameRing
from speaker.util import log
from speaker.util.hints import Any

COMMAND = b"mynah feed\n"
FRAME_SAMPLES = const(56)
WINDOW = const(2)

_START = const(0x7E)
_CTRL_C = const(3)
_TAIL = const(5)  # sequence number and CRC
_MAX_BODY = const(2 * 56 + 5)
_ACKS = "\x10\x12\x14\x16"  # not DC1 and DC3, which some links take for XON and XOFF
_NAK = "\x15"
_LINK_LOST_MS = const(3000)
_BYTE_MS = const(100)  # between two bytes of a frame
_QUIET_MS = const(30)
_REPORT_SAMPLES = const(16000)

_ENDED, _DAMAGED, _GOOD = 0, 1, 2


class Feed:
    """Takes the place of `microphone` as the ring's producer while a feed runs."""

    def __init__(
        self, ring: FrameRing, ready: Any, microphone: Microphone, listener: Listener, engine: Any
    ) -> None:
        self._ring = ring
        self._ready = ready
        self._microphone = microphone
        self._listener = listener
        self._engine = engine
        self._outputs = OutputLog("feed", listener, engine)
        self._samples = array("h", bytes(_MAX_BODY + 1))
        self._view = memoryview(self._samples)
        # The same memory as bytes: MicroPython's memoryview has no cast.
        self._body = uctypes.bytearray_at(uctypes.addressof(self._samples), _MAX_BODY + 1)
        self._byte = bytearray(3)
        self._frame: Any = None  # of the ring, being filled
        self._filled = 0
        self._sequence = 0
        self._n_samples = 0

    async def run(self, console: Console) -> None:
        """Handler of the console: take a feed, then give the ring back to the microphone."""
        if self._engine is None or self._microphone.muted:
            why = "no wake word model" if self._engine is None else "the microphone is muted"
            log.error("feed", "refused: %s", why)
            return
        self._microphone.paused = True
        try:
            await self._drained()
            self._listener.reset()
            self._frame = None
            self._filled = self._sequence = self._n_samples = 0
            self._outputs.start()
            if await self._take_all(console):
                await self._finish()
                log.info("feed", "end samples=%d", self._n_samples)
            else:
                log.warning("feed", "link lost after %d samples", self._n_samples)
        finally:
            self._listener.reset()
            self._microphone.paused = False

    async def _take_all(self, console: Console) -> bool:
        """Frames until the one without samples; False when the link is lost."""
        reported = 0
        while True:
            if not await self._started(console):
                return False
            if not await self._read_body(console):
                await console.skip(_QUIET_MS)
                sys.stdout.write(_NAK)
                continue
            n_samples = (self._byte[0] - _TAIL) // 2
            sequence = self._body[2 * n_samples]
            ahead = (sequence - self._sequence) & 3
            if ahead == 1:  # the one before it is missing
                sys.stdout.write(_NAK)
                continue
            if ahead == 0:
                if not n_samples:
                    return True
                await self._store(n_samples)
                self._sequence += 1
            # Else it is one whose answer was lost: answered again, and not stored.
            sys.stdout.write(_ACKS[sequence & 3])
            if self._n_samples - reported >= _REPORT_SAMPLES:
                reported = self._n_samples
                self._outputs.report()

    async def _started(self, console: Console) -> bool:
        """Wait for a frame's first byte; False when the link is lost."""
        while await console.get(self._byte, 1, _LINK_LOST_MS):
            if self._byte[0] == _START:
                return True
        return False

    async def _read_body(self, console: Console) -> bool:
        """Length, head and body, with its threes back in place; whether all of it is right."""
        byte, body = self._byte, self._body
        if not await console.get(byte, 2, _BYTE_MS):
            return False
        length = byte[0]
        at = byte[1]
        if not _TAIL <= length <= _MAX_BODY or not length & 1:
            return False
        if not await console.get(body, length, _BYTE_MS):
            return False
        place = -1
        while at:
            place += at - 1 if at > _CTRL_C else at
            if place >= length:
                return False
            at = body[place]
            body[place] = _CTRL_C
        crc: int = unpack_from("<I", body, length - 4)[0]
        return crc == crc32(memoryview(body)[: length - 4])

    async def _store(self, n_samples: int) -> None:
        """Samples into the ring; waits while it is full."""
        taken = 0
        while taken < n_samples:
            if self._frame is None:
                while self._ring.full:
                    await asyncio.sleep_ms(1)
                self._frame = self._ring.claim()
                self._filled = 0
            count = min(n_samples - taken, self._ring.n_samples - self._filled)
            end = self._filled + count
            self._frame[self._filled : end] = self._view[taken : taken + count]
            self._filled = end
            taken += count
            if end == self._ring.n_samples:
                self._commit()
        self._n_samples += n_samples

    async def _finish(self) -> None:
        """What was begun is filled up with silence; then everything is heard and told."""
        if self._frame is not None:
            for i in range(self._filled, self._ring.n_samples):
                self._frame[i] = 0
            self._commit()
        await self._drained()
        self._outputs.report()

    def _commit(self) -> None:
        self._ring.commit()
        self._ready.set()
        self._frame = None

    async def _drained(self) -> None:
        """Wait until the listener has taken every frame."""
        while self._ring.front() is not None:
            await asyncio.sleep_ms(1)
