"""What is played to measure a chain of sound, and how it is found again in a recording.

One sound, without a gap: silence, tones of 1 kHz with pauses between them, a sweep, silence. The
sweep says where in the recording everything lies, whatever the latency.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mynah.errors import VerificationError
from mynah.hil.sound import Sound
from mynah.qualify import acoustics

if TYPE_CHECKING:
    from mynah.hil.sound import Floats
    from mynah.qualify.acoustics import Response, Sweep

TONE_HZ = 1000.0

_EDGE_S = 0.1  # left out at both ends of a tone or a pause
_MAX_CLOCKS_OFF = 0.002


@dataclass(frozen=True, slots=True)
class Stimulus:
    """The sound: ``lead_s`` of silence, a tone of each level, each with a pause, and the sweep."""

    tones_dbfs: tuple[float, ...]
    sweep: Sweep = field(default_factory=acoustics.Sweep)
    lead_s: float = 0.3
    tone_s: float = 0.6
    pause_s: float = 0.3

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self.sweep.rate

    @property
    def sweep_at_s(self) -> float:
        """Where the sweep begins."""
        return self.lead_s + len(self.tones_dbfs) * (self.tone_s + self.pause_s)

    @property
    def seconds(self) -> float:
        """How long all of it is."""
        return self.sweep_at_s + self.sweep.seconds + self.pause_s

    def floats(self) -> Floats:
        """Its samples, from -1 to 1."""
        whole = np.zeros(round(self.seconds * self.rate))
        for number, dbfs in enumerate(self.tones_dbfs):
            tone = Sound.tone(TONE_HZ, self.tone_s, dbfs=dbfs, rate=self.rate)
            at = round(self.tone_at_s(number) * self.rate)
            whole[at : at + len(tone)] = tone.samples / 32767.0
        at = round(self.sweep_at_s * self.rate)
        sweep = self.sweep.floats()
        whole[at : at + len(sweep)] = sweep
        return whole

    def find(self, recorded: Sound) -> Found:
        """Where it lies in a recording.

        Raises:
            VerificationError: it is not in it, or its first tone is missing.
        """
        heard = recorded.at_rate(self.rate)
        start_s = heard.delay_s(self.sweep.sound()) - self.sweep_at_s
        if start_s + self.lead_s < -_EDGE_S:
            raise VerificationError("the recording began too late: its first tone is missing")
        return Found(self, heard, start_s)

    def tone_at_s(self, number: int) -> float:
        """Where a tone begins."""
        return self.lead_s + number * (self.tone_s + self.pause_s)


@dataclass(frozen=True, slots=True)
class Found:
    """A recording in which a stimulus begins at ``start_s``, which may lie before it."""

    stimulus: Stimulus
    heard: Sound
    start_s: float

    def tone(self, number: int) -> Sound:
        """The middle of a tone.

        Raises:
            VerificationError: it has another frequency, so that clocks differ or samples are lost.
        """
        tone = self._part(self.stimulus.tone_at_s(number), self.stimulus.tone_s)
        ratio = tone.frequency_hz / TONE_HZ
        if abs(ratio - 1) > _MAX_CLOCKS_OFF:
            raise VerificationError(
                f"the tone of {TONE_HZ:g} Hz has {tone.frequency_hz:.1f} Hz: the clocks of board "
                "and bench differ, or samples are lost"
            )
        return tone

    def pause(self) -> Sound:
        """The middle of the pause after the first tone."""
        at_s = self.stimulus.lead_s + self.stimulus.tone_s
        return self._part(at_s, self.stimulus.pause_s)

    def response(self) -> Response:
        """What the sweep tells; raises as `acoustics.respond`."""
        return acoustics.respond(self.stimulus.sweep, self.heard.samples / 32768.0)

    def _part(self, at_s: float, seconds: float) -> Sound:
        begin = self.start_s + at_s + _EDGE_S
        return self.heard.between(max(begin, 0), begin + seconds - 2 * _EDGE_S)
