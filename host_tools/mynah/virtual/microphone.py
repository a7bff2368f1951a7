"""The virtual board's microphone: sounds in the room, as samples at a time."""

from __future__ import annotations

import threading
import time

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
Frames = npt.NDArray[np.int32]

SAMPLE_SHIFT = 16
"""16-bit sounds lie in the upper half of the 32-bit slot."""
_NOISE_RMS = 1.5
_NOISE_SHIFT = 8  # the microphone has 24 bits, left-justified in the slot


class Playback:
    """One sound on its way into the microphone."""

    def __init__(self, samples: Samples, rate: int, start_time: float) -> None:
        self._samples = samples
        self.rate = rate
        """Samples a second."""
        self.start_time = start_time
        """``time.monotonic()`` at which the first sample reaches the microphone."""
        self._stopped = threading.Event()

    @property
    def end_time(self) -> float:
        """``time.monotonic()`` at which the last sample has reached the microphone."""
        return self.start_time + len(self._samples) / self.rate

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the sound is over or stopped; False if ``timeout`` seconds did not do."""
        left = max(self.end_time - time.monotonic(), 0)
        if timeout is not None and timeout < left:
            return self._stopped.wait(timeout)
        self._stopped.wait(left)
        return True

    def stop(self) -> None:
        """Silence it from now on."""
        n = max(int((time.monotonic() - self.start_time) * self.rate), 0)
        self._samples = self._samples[:n]
        self._stopped.set()

    def mix_into(self, frames: Frames, first_time: float, rate: int) -> bool:
        """Add the part that ``frames`` (``rate`` a second from ``first_time`` on) hear of it.

        A sound of the same rate is heard sample for sample. False if none of it is heard.
        """
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

    def __init__(self) -> None:
        self._playbacks: list[Playback] = []
        self._lock = threading.Lock()
        self._random = np.random.default_rng(441)
        self.noise_rms = _NOISE_RMS
        """Noise while nothing is played, in steps of 16-bit samples (-87 dBFS; 0: silence)."""
        self.position = 0
        """Frames that the program has taken since it started its I2S input."""
        self.started_at: float | None = None
        """``time.monotonic()`` of frame 0; None until the program has started its I2S input."""
        self.overruns = 0
        """Frames lost because the program did not take them in time."""

    def play(self, samples: Samples, rate: int = 16000, *, gain: float = 1.0) -> Playback:
        """Let the microphone hear 16-bit samples from now on; returns at once.

        Args:
            samples: mono, 16 bits.
            rate: samples a second.
            gain: factor; what exceeds 16 bits is clipped.
        """
        if gain != 1.0:
            scaled = np.rint(np.asarray(samples, dtype=np.float64) * gain)
            samples = np.clip(scaled, -32768, 32767).astype(np.int16)
        playback = Playback(np.asarray(samples, dtype=np.int16), rate, time.monotonic())
        with self._lock:
            now = time.monotonic()
            # A program may still ask for what it heard up to a few seconds ago.
            self._playbacks = [old for old in self._playbacks if old.end_time > now - 60]
            self._playbacks.append(playback)
        return playback

    def silence(self) -> None:
        """Stop whatever plays; the noise is as at first."""
        with self._lock:
            for playback in self._playbacks:
                playback.stop()
            self._playbacks = []
            self.noise_rms = _NOISE_RMS

    def hear(self, first_time: float, n: int, rate: int) -> Frames:
        """The left channel's ``n`` frames from ``first_time`` (monotonic) on, 32 bits a slot."""
        frames = np.zeros(n, dtype=np.int32)
        with self._lock:
            heard = [playback.mix_into(frames, first_time, rate) for playback in self._playbacks]
        if not any(heard) and self.noise_rms:
            scale = self.noise_rms * (1 << (SAMPLE_SHIFT - _NOISE_SHIFT))
            noise = np.rint(self._random.normal(0, scale, n)).astype(np.int32)
            frames += noise << _NOISE_SHIFT
        return frames
