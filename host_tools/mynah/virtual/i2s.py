"""The I2S controllers: DMA rings in real time between the program and microphone or speaker.

Facts: MicroPython's ports/esp32/machine_i2s.c. DMA buffers hold 256 frames; input is always two
32-bit slots a frame; ``ibuf`` bytes are rounded down to whole buffers, at least two; a transfer in
the background, a second one waits, a third is dropped.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mynah.virtual.interrupts import Event
from mynah.virtual.link import DONE, Answer, BoardOSError, Operation, Services
from mynah.virtual.microphone import SAMPLE_SHIFT, Microphone

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.virtual.alarms import Alarm, Alarms
    from mynah.virtual.speaker import Speaker

FRAMES_PER_BUFFER = 256
"""Frames of a DMA buffer (DMA_BUF_LEN_IN_I2S_FRAMES)."""

_MAX_TRANSFERS = 2
_LATE_S = 0.0001  # an alarm is never too early for what it is set for
_ESP_ERR_INVALID_ARG = 258


@dataclass(frozen=True, slots=True)
class Format:
    """How the program sees a frame."""

    bits: int
    """Of a sample: 16 or 32."""
    stereo: bool
    rate: int
    """Frames a second."""
    ibuf: int
    """Bytes of the DMA ring, as asked for."""

    @property
    def frame_size(self) -> int:
        """Bytes of a frame in the program's buffer."""
        return self.bits // 8 * (2 if self.stereo else 1)

    def ring_frames(self, dma_frame_size: int) -> int:
        """Frames of the DMA ring."""
        return max(self.ibuf // (FRAMES_PER_BUFFER * dma_frame_size), 2) * FRAMES_PER_BUFFER


class _Wake:
    """The one alarm that a channel waits for."""

    def __init__(self, alarms: Alarms, act: Callable[[], None]) -> None:
        self._alarms = alarms
        self._act = act
        self._alarm: Alarm | None = None

    def set(self, when: float) -> None:
        """Call ``act`` at ``when``, and not when it was to be called before."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._alarms.at(when, self._act)


class Receiver:
    """I2S input from the microphone."""

    _DMA_FRAME_SIZE = 8

    def __init__(
        self, format_: Format, microphone: Microphone, alarms: Alarms, done: Callable[[], None]
    ) -> None:
        self._format = format_
        self._microphone = microphone
        self._wake = _Wake(alarms, self.advance)
        self._done = done
        self._lock = threading.RLock()
        self._clock = alarms.clock
        self._start_time = self._clock.now()
        self._ring = format_.ring_frames(self._DMA_FRAME_SIZE)
        self._taken = 0
        self._transfers: deque[int] = deque()
        self._filled: deque[bytes] = deque()
        self._closed = False
        microphone.start(self._start_time, format_.rate)

    def start(self, n_bytes: int) -> bool:
        """Begin to fill a buffer of the program; False if two transfers are under way.

        The program asks for no third one before it has taken what the first one brought.
        """
        with self._lock:
            if len(self._transfers) >= _MAX_TRANSFERS:
                return False
            self._transfers.append(n_bytes // self._format.frame_size)
            if len(self._transfers) == 1:
                self._drop_overrun()
                self.advance()
            return True

    def take(self) -> bytes:
        """The content of the oldest buffer that is full; empty if none is."""
        with self._lock:
            return self._filled.popleft() if self._filled else b""

    def cancel(self) -> None:
        """Give up what was asked for in the background."""
        with self._lock:
            self._transfers.clear()
            self._filled.clear()

    def available(self) -> int:
        """Bytes that can be read without waiting."""
        with self._lock:
            self._drop_overrun()
            n = self._received() - self._taken
            if n <= 0:
                self._wake_at(self._received() + FRAMES_PER_BUFFER)
            return n * self._format.frame_size

    def close(self) -> None:
        """Stop."""
        with self._lock:
            self._closed = True
            self._transfers.clear()
        self._microphone.end()

    def _received(self) -> int:
        elapsed = (self._clock.now() - self._start_time) * self._format.rate
        return int(elapsed) // FRAMES_PER_BUFFER * FRAMES_PER_BUFFER

    def _drop_overrun(self) -> None:
        # The driver makes room for a full buffer by dropping the oldest.
        lost = self._received() - self._taken - self._ring
        if lost > 0:
            self._taken += lost
            self._microphone.overruns += lost
            self._microphone.position = self._taken

    def advance(self) -> None:
        """Finish the transfers whose frames are there, then set an alarm for the next."""
        with self._lock:
            while self._transfers and not self._closed:
                end = self._taken + self._transfers[0]
                if self._received() < end:
                    self._wake_at(-(-end // FRAMES_PER_BUFFER) * FRAMES_PER_BUFFER)
                    return
                self._filled.append(self._read(self._transfers.popleft()))
                self._done()

    def _wake_at(self, frame: int) -> None:
        self._wake.set(self._start_time + frame / self._format.rate + _LATE_S)

    def _read(self, n: int) -> bytes:
        rate = self._format.rate
        left = self._microphone.hear(self._start_time + self._taken / rate, n, rate)
        self._taken += n
        self._microphone.position = self._taken
        frames = np.zeros((n, 2 if self._format.stereo else 1), dtype=np.int32)
        frames[:, 0] = left
        if self._format.bits == 16:
            return (frames >> SAMPLE_SHIFT).astype("<i2").tobytes()
        return frames.astype("<i4").tobytes()


class Transmitter:
    """I2S output to the amplifier; with nothing to play it sends zeros (auto_clear)."""

    def __init__(
        self, format_: Format, speaker: Speaker, alarms: Alarms, done: Callable[[], None]
    ) -> None:
        self._format = format_
        self._speaker = speaker
        self._wake = _Wake(alarms, self.advance)
        self._done = done
        self._lock = threading.RLock()
        self._clock = alarms.clock
        self._start_time = self._clock.now()
        self._ring = format_.ring_frames(format_.frame_size)
        self._written = 0
        self._transfers: deque[bytes] = deque()
        self._finished = 0
        self._closed = False

    def start(self, data: bytes) -> bool:
        """Begin to write a buffer of the program; False if two transfers are under way."""
        with self._lock:
            if len(self._transfers) >= _MAX_TRANSFERS:
                return False
            self._transfers.append(data)
            if len(self._transfers) == 1:
                self.advance()
            return True

    def take_finished(self) -> bool:
        """Whether one more transfer has ended."""
        with self._lock:
            if not self._finished:
                return False
            self._finished -= 1
            return True

    def cancel(self) -> None:
        """Give up what was asked for in the background."""
        with self._lock:
            self._transfers.clear()
            self._finished = 0

    def available(self) -> int:
        """Bytes that can be written without waiting."""
        with self._lock:
            room = max(self._room(), 0)
            if not room:
                self._wake_for_next_buffer()
            return room * self._format.frame_size

    def close(self) -> None:
        """Stop."""
        with self._lock:
            self._closed = True
            self._transfers.clear()

    def _sent(self) -> int:
        elapsed = (self._clock.now() - self._start_time) * self._format.rate
        return int(elapsed) // FRAMES_PER_BUFFER * FRAMES_PER_BUFFER

    def _room(self) -> int:
        # The buffer that is being sent is no longer free to write.
        self._written = max(self._written, self._sent() + FRAMES_PER_BUFFER)
        return self._sent() + self._ring - self._written

    def advance(self) -> None:
        """Copy what fits into the ring; when all of a transfer has, it is done."""
        with self._lock:
            while self._transfers and not self._closed:
                data = self._transfers[0]
                room = self._room() * self._format.frame_size
                if room > 0:
                    self._emit(data[:room])
                    self._transfers[0] = data = data[room:]
                if data:
                    self._wake_for_next_buffer()
                    return
                self._transfers.popleft()
                self._finished += 1
                self._done()

    def _wake_for_next_buffer(self) -> None:
        due = (self._sent() + FRAMES_PER_BUFFER) / self._format.rate
        self._wake.set(self._start_time + due + _LATE_S)

    def _emit(self, data: bytes) -> None:
        format_ = self._format
        data = data[: len(data) // format_.frame_size * format_.frame_size]
        if not data:
            return
        samples = np.frombuffer(data, dtype="<i2" if format_.bits == 16 else "<i4")
        if format_.bits == 32:
            samples = samples >> SAMPLE_SHIFT
        frames = samples.astype(np.int32).reshape(-1, 2 if format_.stereo else 1)
        if not format_.stereo:
            frames = np.repeat(frames, 2, axis=1)
        start_time = self._start_time + self._written / format_.rate
        self._speaker.emit(start_time, frames, format_.rate)
        self._written += len(frames)


class I2sControllers:
    """Serves ``machine.I2S``."""

    def __init__(
        self,
        services: Services,
        alarms: Alarms,
        post: Callable[..., None],
        microphone: Microphone,
        speaker: Speaker,
    ) -> None:
        self._alarms = alarms
        self._post = post
        self._microphone = microphone
        self._speaker = speaker
        self._channels: dict[int, Receiver | Transmitter] = {}
        self._interrupting: set[int] = set()
        services.add("i2s_open", self._open)
        services.add("i2s_close", self._close)
        services.add("i2s_interrupt", self._set_interrupting)
        services.add_operation(Operation.I2S_READ, self._read)
        services.add_operation(Operation.I2S_TAKE, self._take)
        services.add_operation(Operation.I2S_WRITE, self._write)
        services.add_operation(Operation.I2S_WRITTEN, self._written)
        services.add_operation(Operation.I2S_AVAILABLE, self._available)

    def reset(self, *, soft: bool) -> None:  # noqa: ARG002 - the same for both
        """Stop all."""
        for number in list(self._channels):
            self._close(number)

    def advance(self) -> None:
        """Bring all up to date, however late the alarms are."""
        for channel in list(self._channels.values()):
            channel.advance()

    def _open(  # noqa: PLR0917 - a JSON call has no keywords
        self, number: int, transmit: bool, bits: int, stereo: bool, rate: int, ibuf: int
    ) -> None:
        if rate <= 0 or ibuf < 0:
            raise BoardOSError(_ESP_ERR_INVALID_ARG)
        self._close(number)
        format_ = Format(bits, stereo, rate, ibuf)
        done = self._done_of(number)
        if transmit:
            self._channels[number] = Transmitter(format_, self._speaker, self._alarms, done)
        else:
            self._channels[number] = Receiver(format_, self._microphone, self._alarms, done)

    def _done_of(self, number: int) -> Callable[[], None]:
        def done() -> None:
            if number in self._interrupting:
                # The driver's task fills the buffer in any case, then tries to schedule.
                self._post(Event.I2S_FILLED, number, latest=True)
                self._post(Event.I2S, number)

        return done

    def _close(self, number: int) -> None:
        channel = self._channels.pop(number, None)
        if channel is not None:
            channel.close()
        self._interrupting.discard(number)

    def _set_interrupting(self, number: int, on: bool) -> None:
        if on == (number in self._interrupting):
            return
        self._interrupting ^= {number}
        if number in self._channels:
            self._channels[number].cancel()

    def _receiver(self, number: int) -> Receiver:
        channel = self._channels.get(number)
        if not isinstance(channel, Receiver):
            raise BoardOSError(_ESP_ERR_INVALID_ARG)
        return channel

    def _transmitter(self, number: int) -> Transmitter:
        channel = self._channels.get(number)
        if not isinstance(channel, Transmitter):
            raise BoardOSError(_ESP_ERR_INVALID_ARG)
        return channel

    def _read(self, number: int, n_bytes: int, _data: bytes) -> Answer:
        receiver = self._receiver(number)
        if number not in self._interrupting:
            receiver.cancel()  # a read that Ctrl-C ended
        return int(receiver.start(n_bytes)), b""

    def _take(self, number: int, _b: int, _data: bytes) -> Answer:
        data = self._receiver(number).take()
        return len(data), data

    def _write(self, number: int, _b: int, data: bytes) -> Answer:
        return int(self._transmitter(number).start(data)), b""

    def _written(self, number: int, _b: int, _data: bytes) -> Answer:
        return int(self._transmitter(number).take_finished()), b""

    def _available(self, number: int, _b: int, _data: bytes) -> Answer:
        channel = self._channels.get(number)
        return (channel.available(), b"") if channel is not None else DONE
