"""What the board heard: its wake model's outputs and its detection, on the recording's own time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mynah import models
from mynah.audio_files import RATE_HZ
from mynah.errors import VerificationError
from mynah.hil import ExpectTimeoutError
from mynah.wake import Detection, WakeResult, plot
from mynah.wake.told import HEARD, means

if TYPE_CHECKING:
    import re
    from collections.abc import Callable
    from pathlib import Path

    from mynah.demo.sound import Sound
    from mynah.hil import Console
    from mynah.virtual.microphone import Microphone, Playback

_HEARD = f"wake: {HEARD.pattern}"
_OUTPUT_SAMPLES = 480  # the model makes an output every 30 ms
_POLL_S = 5.0  # the board keeps its last 10 s
_AFTER_S = 1.5


@dataclass(frozen=True, slots=True)
class Wake:
    """A detection, in seconds of the recording, and the board's outputs."""

    logged_s: float
    """When the board's log said so, by this computer's clock."""
    sample_s: float
    """Where in the sound the board says that it detected it."""
    outputs: dict[float, int]
    """When each output was made, and the output, 0 to 255."""


class Trace:
    """Follows one recording into the microphone."""

    def __init__(
        self,
        console: Console,
        history: Callable[[], str],
        sound: Sound,
        playback: Playback,
        mic: Microphone,
    ) -> None:
        """Follow ``sound``, which ``playback`` brings into ``mic``; ``history`` asks the board."""
        assert mic.started_at is not None
        self._console = console
        self._history = history
        self._sound = sound
        self._playback = playback
        self._mic = mic
        self._mic_state = (mic.started_at, mic.overruns)
        self._offset_s = playback.start_time - mic.started_at
        self._outputs: dict[int, int] = {}

    def until_heard(self) -> tuple[float, re.Match[str]]:
        """Wait for the wake word: when the log said so (monotonic), and what it said.

        Raises:
            VerificationError: it was not heard; the message has the highest output.
        """
        clock = self._playback.clock
        deadline = self._playback.end_time + 2
        while (left := deadline - clock.now()) > 0:
            try:
                return self._console.expect_line(_HEARD, min(left, _POLL_S))
            except ExpectTimeoutError:
                self._read()
        peak = max(self._shown().values(), default=0) / 255
        raise VerificationError(
            f"no wake word heard in {self._sound.name}: the model's highest output is "
            f"{peak:.2f}. Is --model the right one for it?"
        )

    def finish(self, heard_at: float, sample: int) -> Wake:
        """Listen on for a moment, then say what was heard.

        Args:
            heard_at: when the log line came, by this computer's monotonic clock.
            sample: number of the microphone's sample that the detection was made at.

        Raises:
            VerificationError: samples were lost, so that the board's count of them is no time.
        """
        self._playback.wait(_AFTER_S)
        self._read()
        if (self._mic.started_at, self._mic.overruns) != self._mic_state:
            raise VerificationError(
                "the board lost sound while the recording played: this computer is too busy for "
                "a real-time test, try again"
            )
        return Wake(
            logged_s=heard_at - self._playback.start_time,
            sample_s=self._time_s(sample),
            outputs=self._shown(),
        )

    def _read(self) -> None:
        """Ask the board for its model's last outputs and keep them."""
        at, _, outputs = self._history().partition(":")
        newest = int(at or 0)
        for age, output in enumerate(reversed(bytes.fromhex(outputs))):
            self._outputs[newest - age * _OUTPUT_SAMPLES] = output

    def _shown(self) -> dict[float, int]:
        timed = {self._time_s(sample): self._outputs[sample] for sample in sorted(self._outputs)}
        return {t: output for t, output in timed.items() if 0 < t < self._sound.seconds}

    def _time_s(self, sample: int) -> float:
        return sample / RATE_HZ - self._offset_s


def draw(path: Path, sound: Sound, model: str, wake: Wake, word_end_s: float) -> None:
    """Draw a recording, the board's outputs over it, their mean, and the detection."""
    manifest = models.shipped()[model].manifest
    outputs = np.array(list(wake.outputs.values()), np.uint8)
    times = np.array(list(wake.outputs))
    at = min(int(np.searchsorted(times, wake.sample_s)), len(outputs) - 1)
    compared = means(outputs.tolist(), manifest.window, [at])
    result = WakeResult(
        wake_word=manifest.wake_word,
        backend="board",
        cutoff=manifest.cutoff,
        window=manifest.window,
        model_bytes=0,
        duration_s=sound.seconds,
        times_s=times,
        probabilities=outputs,
        means=compared,
        detections=(Detection(wake.sample_s, outputs[at] / 255, compared[at] / 255),),
    )
    title = f"“{manifest.wake_word}” in {sound.name}, as the board heard it"
    plot(sound.samples, result, path, title=title, word_end_s=word_end_s)
