"""The loudspeaker: chime and melody through an I2S amplifier."""

import array
import asyncio
import time

from micropython import const

from speaker.audio.tones import Voice
from speaker.audio.volume import gain_q15
from speaker.util.hints import Any, Callable

_CHUNK_SAMPLES = const(160)
# A chunk takes 10 ms; the callback that does not come within this time was lost.
_LOST_CALLBACK_MS = const(250)
# What the DMA still holds when the last chunk was written.
_DRAIN_MS = const(150)

STOPPED, PLAYING, PAUSED = 0, 1, 2


class Player:
    """Two voices on one amplifier: the chime comes first, the melody waits for it.

    `i2s` is a ready machine.I2S (TX, 16 bit, mono), `flag` a ThreadSafeFlag with a poll behind
    it, `enable` a Pin or None, `notify` is called with STOPPED, PLAYING or PAUSED.
    """

    def __init__(
        self, i2s: Any, rate_hz: int, flag: Any, enable: Any, notify: Callable[[int], object]
    ) -> None:
        self._i2s = i2s
        self._flag = flag
        self._enable = enable
        self._notify = notify
        self._chime = Voice(rate_hz, _CHUNK_SAMPLES)
        self._melody = Voice(rate_hz, _CHUNK_SAMPLES)
        self._paused = False
        self._volume_q15 = 0
        self._wanted = asyncio.Event()
        # One chunk is rendered while the other one is on its way into the DMA.
        self._chunks = (_silence(), _silence())
        self._written = True
        i2s.irq(self._on_written)

    def set_volume(self, volume: int, muted: bool) -> None:
        """Volume 0..100; from the next chunk on."""
        self._volume_q15 = 0 if muted else gain_q15(volume)

    def chime(self, notes: tuple) -> None:
        """Play `notes` at once, over what is playing."""
        self._chime.start(notes)
        self._wanted.set()

    def play(self, notes: tuple) -> None:
        """Play `notes` from the start, or go on where `pause` stopped."""
        if not self._paused:
            self._melody.start(notes)
        self._paused = False
        self._wanted.set()
        self._notify(PLAYING)

    def pause(self) -> None:
        """Hold the melody; does nothing when none plays."""
        if self._melody.active() and not self._paused:
            self._paused = True
            self._notify(PAUSED)

    def stop(self) -> None:
        """End melody and chime; heard within the DMA's 100 ms."""
        self._chime.stop()
        self._melody.stop()
        self._paused = False
        self._notify(STOPPED)

    def close(self) -> None:
        """Release the I2S port."""
        self._i2s.deinit()

    async def run(self) -> None:
        """Task: sleep until there is something to play, then feed the DMA."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            self._power(True)
            await self._play_all()
            try:
                await asyncio.wait_for_ms(self._wanted.wait(), _DRAIN_MS)
            except asyncio.TimeoutError:
                self._power(False)

    async def _play_all(self) -> None:
        index = 0
        while True:
            chunk = self._chunks[index]
            if self._chime.active():
                self._chime.render(chunk, self._volume_q15)
            elif self._paused:
                if not self._melody.fade(chunk):
                    break
            elif self._melody.active():
                self._melody.render(chunk, self._volume_q15)
                if not self._melody.active():
                    self._notify(STOPPED)
            else:
                break
            await self._until_written()
            self._written = False
            self._i2s.write(chunk)
            index ^= 1
        await self._until_written()

    async def _until_written(self) -> None:
        started_ms = time.ticks_ms()
        while not self._written:
            await self._flag.wait()
            if time.ticks_diff(time.ticks_ms(), started_ms) > _LOST_CALLBACK_MS:
                return

    def _on_written(self, _i2s: object) -> None:
        # Scheduled by the I2S driver: the chunk is in the DMA's buffers.
        self._written = True
        self._flag.set()

    def _power(self, on: bool) -> None:
        if self._enable is not None:
            self._enable.value(1 if on else 0)


def _silence() -> array.array:
    return array.array("h", bytes(2 * _CHUNK_SAMPLES))
