"""The virtual board's amplifier and loudspeaker: what is played can be recorded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from mynah.virtual.clock import Clock

if TYPE_CHECKING:
    from types import TracebackType

Samples = npt.NDArray[np.int16]


class Recording:
    """What comes out of the loudspeaker from now until `stop`. A context manager."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self.clock = speaker.clock
        self._chunks: list[tuple[float, Samples]] = []
        self.start_time = self.clock.now()
        """When the first sample came out, on the board's clock."""
        self.rate = 0
        """Samples a second; 0 until the board has played something."""
        self._samples: Samples | None = None

    def stop(self) -> Samples:
        """End the recording; returns it, silence included, as mono 16-bit samples."""
        if self._samples is None:
            end_time = self.clock.now()
            self._speaker.forget(self)
            self._samples = self._assemble(end_time)
        return self._samples

    def add(self, start_time: float, samples: Samples, rate: int) -> None:
        """Take samples that come out at ``start_time`` of the clock."""
        self.rate = self.rate or rate
        if rate == self.rate:
            self._chunks.append((start_time, samples))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _assemble(self, end_time: float) -> Samples:
        total = int((end_time - self.start_time) * self.rate)
        recorded = np.zeros(total, dtype=np.int16)
        for start_time, samples in self._chunks:
            first = round((start_time - self.start_time) * self.rate)
            start, end = max(first, 0), min(first + len(samples), total)
            if start < end:
                recorded[start:end] = samples[start - first : end - first]
        return recorded


class Speaker:
    """A MAX98357A in its default setting: it plays the mean of left and right."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self._lock = threading.Lock()
        self._recordings: list[Recording] = []

    def record(self) -> Recording:
        """Record from now on."""
        recording = Recording(self)
        with self._lock:
            self._recordings.append(recording)
        return recording

    def emit(self, start_time: float, left_right: npt.NDArray[np.int32], rate: int) -> None:
        """Play frames (n by 2, 16-bit range) that come out at ``start_time`` of the clock."""
        samples = (left_right.sum(axis=1) // 2).astype(np.int16)
        with self._lock:
            for recording in self._recordings:
                recording.add(start_time, samples, rate)

    def forget(self, recording: Recording) -> None:
        """Record no longer into this one."""
        with self._lock:
            if recording in self._recordings:
                self._recordings.remove(recording)
