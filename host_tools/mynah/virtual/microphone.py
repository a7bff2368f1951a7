"""The virtual board's microphone: sounds in the room, as samples at a time."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from mynah.virtual.clock import Clock

Samples = npt.NDArray[np.int16]
Frames = npt.NDArray[np.int32]

SAMPLE_SHIFT = 16
"""16-bit sounds lie in the upper half of the 32-bit slot."""
_NOISE_RMS = 1.5
_SEED = 441
_NOISE_SHIFT = 8  # the microphone has 24 bits, left-justified in the slot


class Playback:
    """One sound on its way into the microphone."""

    def __init__(self, samples: Samples, rate: int, clock: Clock, frame: int | None = None) -> None:
        self._samples = samples
        self.rate = rate
        """Samples a second."""
        self.clock = clock
        self.frame = frame
        """The frame of the board's input that hears its first sample; None: whichever does."""
        self.start_time = clock.now()
        """When the first sample reaches the microphone, on the board's clock."""
        self._located = threading.Event()
        self._stopped = threading.Event()
        if frame is None:
            self._located.set()

    @property
    def end_time(self) -> float:
        """When the last sample has reached the microphone, on the board's clock."""
        return self.start_time + len(self._samples) / self.rate

    def locate(self, input_start: float, input_rate: int) -> None:
        """Learn when the board's input began; counts if nothing of this has been heard yet."""
        if self.frame is None or (self._located.is_set() and self.start_time <= self.clock.now()):
            return
        self.start_time = input_start + self.frame / input_rate
        self._located.set()

    def is_over_since(self, when: float) -> bool:
        """Whether its last sample had been heard at ``when``."""
        return self._located.is_set() and self.end_time <= when

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the sound is over or stopped; False if ``timeout`` seconds did not do.

        Both are seconds of the board's clock; until the board listens, they are real ones.
        """
        if not self._located.wait(timeout):
            return self._stopped.is_set()
        return self.clock.wait_until(self.end_time, self._stopped, timeout)

    def stop(self) -> None:
        """Silence it from now on."""
        n = max(int((self.clock.now() - self.start_time) * self.rate), 0)
        self._samples = self._samples[: n if self._located.is_set() else 0]
        self._stopped.set()

    def mix_into(self, frames: Frames, first_time: float, rate: int) -> bool:
        """Add the part that ``frames`` (``rate`` a second from ``first_time`` on) hear of it.

        A sound of the same rate is heard sample for sample. False if none of it is heard.
        """
        if not self._located.is_set():
            return False
        first = round((first_time - self.start_time) * rate)
        n = len(self._samples) * rate // self.rate
        start, end = max(first, 0), min(first + len(frames), n)
        if start >= end:
            return False
        if rate == self.rate:
            heard = self._samples[start:end].astype(np.int32)
        else:
            at = np.arange(start, end) * (self.rate / rate)
            heard = np.interp(at, np.arange(len(self._samples)), self._samples).astype(np.int32)
        frames[start - first : end - first] += heard << SAMPLE_SHIFT
        return True


class Microphone:
    """An INMP441: 24 bits, left channel. Drive it with `play`; silence is a little noise."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        """What all times of it are read from."""
        self._playbacks: list[Playback] = []
        self._lock = threading.Lock()
        self._random = np.random.default_rng(_SEED)
        self.noise_rms = _NOISE_RMS
        """Noise while nothing is played, in steps of 16-bit samples (-87 dBFS; 0: silence)."""
        self.position = 0
        """Frames that the program has taken since it started its I2S input."""
        self.started_at: float | None = None
        """When frame 0 came, on the clock; None until the program has started its I2S input."""
        self._input_rate = 0
        self.overruns = 0
        """Frames lost because the program did not take them in time."""

    def start(self, now: float, rate: int) -> None:
        """The program starts its I2S input, ``rate`` frames a second."""
        with self._lock:
            self.position = 0
            self.started_at = now
            self._input_rate = rate
            self._random = np.random.default_rng(_SEED)
            for playback in self._playbacks:
                playback.locate(now, rate)

    def end(self) -> None:
        """The program stops its I2S input."""
        with self._lock:
            self._input_rate = 0

    def play(
        self,
        samples: Samples,
        rate: int = 16000,
        *,
        gain: float = 1.0,
        frame: int | None = None,
    ) -> Playback:
        """Let the microphone hear 16-bit samples; returns at once.

        Args:
            samples: mono, 16 bits.
            rate: samples a second.
            gain: factor; what exceeds 16 bits is clipped.
            frame: the frame of the board's input, counted from its start, that hears the first
                sample; None: from now on.
        """
        if gain != 1.0:
            scaled = np.rint(np.asarray(samples, dtype=np.float64) * gain)
            samples = np.clip(scaled, -32768, 32767).astype(np.int16)
        playback = Playback(np.asarray(samples, dtype=np.int16), rate, self.clock, frame)
        with self._lock:
            now = self.clock.now()
            # A program may still ask for what it heard up to a few seconds ago.
            self._playbacks = [old for old in self._playbacks if not old.is_over_since(now - 60)]
            self._playbacks.append(playback)
            if self.started_at is not None and self._input_rate:
                playback.locate(self.started_at, self._input_rate)
        return playback

    def silence(self) -> None:
        """Stop whatever plays; the noise is as at first."""
        with self._lock:
            for playback in self._playbacks:
                playback.stop()
            self._playbacks = []
            self.noise_rms = _NOISE_RMS

    def hear(self, first_time: float, n: int, rate: int) -> Frames:
        """The left channel's ``n`` frames from ``first_time`` on, 32 bits a slot."""
        frames = np.zeros(n, dtype=np.int32)
        with self._lock:
            heard = [playback.mix_into(frames, first_time, rate) for playback in self._playbacks]
        if not any(heard) and self.noise_rms:
            scale = self.noise_rms * (1 << (SAMPLE_SHIFT - _NOISE_SHIFT))
            noise = np.rint(self._random.normal(0, scale, n)).astype(np.int32)
            frames += noise << _NOISE_SHIFT
        return frames
