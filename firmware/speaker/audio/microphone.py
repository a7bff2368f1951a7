"""The microphone: I2S slots into the ring of frames, nothing allocated on the way."""

import array
import time

from micropython import const

from speaker.audio.ring import FrameRing
from speaker.kernels import pcm
from speaker.util import log
from speaker.util.hints import Any, Callable

# The last slot is marked before each read. An I2S microphone of 24 bits leaves the low byte
# zero, so the mark cannot be sound: while it stands, the buffer is not full.
_MARK_LOW = const(0xA5A5)
_MARK_HIGH = const(0x5A5A)
_SAMPLES_PER_MS = const(16)
# Sound comes every 20 ms; when none came for this long, the I2S driver is started again.
_STALL_MS = const(1000)
_LEAK_MS = const(1)  # a frame: what the I2S clock and the tick timer may drift apart


class Microphone:
    """Fills `ring` from an I2S port.

    `open_i2s` makes a machine.I2S (RX, 32 bit, mono, 16 kHz), `flag` is a ThreadSafeFlag with a
    poll behind it, `ready` one that is set for whoever empties the ring. `dma_ms` is how much
    sound the driver keeps while nobody reads; what comes after that is lost, and counted here,
    since the driver does not say so.
    """

    def __init__(
        self,
        open_i2s: Callable[[], Any],
        flag: Any,
        ring: FrameRing,
        ready: Any,
        shift: int,
        dma_ms: int,
    ) -> None:
        self._open_i2s = open_i2s
        self._flag = flag
        self._ring = ring
        self._ready = ready
        self._shift = shift
        self._slots = array.array("H", bytes(4 * ring.n_samples))
        self._silence = array.array("H", bytes(4 * ring.n_samples))
        self._last = 2 * ring.n_samples - 2
        self._i2s: Any = None
        self._on_filled_ = self._on_filled
        self._frame_ms = ring.n_samples // _SAMPLES_PER_MS
        self._kept_ms = dma_ms
        self._due_ms: Any = 0  # when the next frame is full
        self.restarts = 0
        self.lost_ms = 0  # sound that came while nobody read, beyond what the driver keeps
        self.muted = False  # frames are zeroed where they enter
        self.paused = False  # the ring has another producer: what comes in is dropped
        # Called after a restart: what comes then does not follow on what came before.
        self.on_restart: Callable[[], object] = _nothing

    async def run(self) -> None:
        """Task: from DMA to ring for as long as the board runs."""
        self._start()
        last_ms = time.ticks_ms()
        while True:
            await self._flag.wait()
            now_ms = time.ticks_ms()
            # The mark, not the flag, says that the buffer is full: flags come late, twice, or
            # from the poll.
            if self._filled():
                last_ms = now_ms
                self.account(now_ms)
                self.take()
                self._read()
            elif time.ticks_diff(now_ms, last_ms) > _STALL_MS:
                last_ms = now_ms
                self.restarts += 1
                log.warning("mic", "no sound for %d ms: I2S restarted", _STALL_MS)
                self.close()
                self._start()
                self.on_restart()

    def take(self) -> None:
        """Move the filled slots into the ring. Allocates nothing."""
        if self.paused:
            return
        frame = self._ring.claim()
        if frame is None:
            return
        slots = self._silence if self.muted else self._slots
        pcm.samples_from_slots(slots, self._ring.n_samples, frame, self._shift)
        self._ring.commit()
        self._ready.set()

    def account(self, now_ms: Any) -> None:
        """Count what a late frame says of sound that was lost before it. Allocates nothing.

        While nothing is lost, a frame comes at most `_kept_ms` after it was full; a frame's time
        more is allowed for what is only late.
        """
        behind = time.ticks_diff(now_ms, self._due_ms)
        if behind > self._kept_ms + self._frame_ms:
            self.lost_ms += behind - self._kept_ms
            self._due_ms = time.ticks_add(now_ms, -self._kept_ms)
        elif behind > 0:
            self._due_ms = time.ticks_add(self._due_ms, _LEAK_MS)
        else:
            self._due_ms = now_ms
        self._due_ms = time.ticks_add(self._due_ms, self._frame_ms)

    def close(self) -> None:
        """Release the I2S port."""
        if self._i2s is not None:
            self._i2s.deinit()
            self._i2s = None

    def _start(self) -> None:
        self._i2s = self._open_i2s()
        self._i2s.irq(self._on_filled_)
        self._due_ms = time.ticks_add(time.ticks_ms(), self._frame_ms)
        self._read()

    def _read(self) -> None:
        self._slots[self._last] = _MARK_LOW
        self._slots[self._last + 1] = _MARK_HIGH
        self._i2s.readinto(self._slots)

    def _filled(self) -> bool:
        last = self._last
        return self._slots[last] != _MARK_LOW or self._slots[last + 1] != _MARK_HIGH

    def _on_filled(self, _i2s: object) -> None:
        # Scheduled by the I2S driver when the buffer is full.
        self._flag.set()


def _nothing() -> None:
    pass
