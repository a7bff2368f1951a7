"""A piece of sound, and what can be measured of it: level, frequency, distortion, delay.

Levels are in dBFS as the root mean square against a full-scale square wave: a sine that just does
not clip is at -3.01 dBFS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mynah import audio_files
from mynah.errors import VerificationError

if TYPE_CHECKING:
    from pathlib import Path

    from mynah.audio_files import Samples

_FULL_SCALE = 32768.0
_SILENCE_DBFS = -120.0
_MIN_CORRELATION = 0.2
_FIT_STEPS = 6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """16-bit mono samples at ``rate`` a second."""

    samples: Samples
    rate: int

    @classmethod
    def load(cls, path: str | Path) -> Sound:
        """A recording (WAV, FLAC, Ogg, MP3) as 16-bit mono at 16 kHz.

        Raises:
            AudioError: there is none, or it cannot be read.
        """
        return cls(audio_files.load(path), audio_files.RATE_HZ)

    @classmethod
    def tone(
        cls, hertz: float, seconds: float, *, dbfs: float = -12.0, rate: int = audio_files.RATE_HZ
    ) -> Sound:
        """A sine of that level (of its root mean square) whose ends fade in and out in 5 ms.

        Raises:
            ValueError: it would clip (above -3.01 dBFS), or does not fit into the rate.
        """
        amplitude = math.sqrt(2) * 10 ** (dbfs / 20)
        if amplitude > 1.0001 or not 0 < hertz < rate / 2:
            raise ValueError(f"a sine of {hertz:g} Hz at {dbfs:g} dBFS cannot be made")
        n = round(seconds * rate)
        wave = min(amplitude, 1.0) * np.sin(2 * np.pi * hertz / rate * np.arange(n))
        n_fade = min(rate // 200, n // 2)
        fade = np.linspace(0.0, 1.0, n_fade, endpoint=False)
        wave[:n_fade] *= fade
        wave[n - n_fade :] *= fade[::-1]
        return cls(audio_files.to_int16(wave * (32767 / 32768)), rate)

    def __len__(self) -> int:
        return len(self.samples)

    def __repr__(self) -> str:
        return f"<Sound of {self.seconds:.3f} s at {self.rate} Hz, {self.level_dbfs:.1f} dBFS>"

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate if self.rate else 0.0

    @property
    def peak_dbfs(self) -> float:
        """The largest sample against full scale; -120 for silence."""
        return _db(float(np.abs(_floats(self)).max(initial=0.0)))

    @property
    def level_dbfs(self) -> float:
        """The root mean square against full scale; -120 for silence."""
        return _db(_rms(_floats(self)))

    @property
    def is_silent(self) -> bool:
        """Whether every sample is 0."""
        return not self.samples.any()

    @property
    def frequency_hz(self) -> float:
        """The strongest tone's frequency, to a small part of a hertz for a steady tone.

        Raises:
            VerificationError: there is no sound in it.
        """
        return self._fit()[0]

    @property
    def thd_n(self) -> float:
        """Total harmonic distortion and noise, as a ratio: 0.01 is 1 % (-40 dB).

        What is left of the sound when its strongest sine is taken out, against the whole, from DC
        (without it) to half the rate: a sine fit by least squares, as IEEE 1057 has it.

        Raises:
            VerificationError: there is no sound in it.
        """
        _, rest, whole = self._fit()
        return _rms(rest) / _rms(whole)

    def between(self, start_s: float, end_s: float | None = None) -> Sound:
        """The part between two times, in seconds from its start."""
        end = None if end_s is None else round(end_s * self.rate)
        return Sound(self.samples[round(start_s * self.rate) : end], self.rate)

    def loud_part(self, *, below_peak_db: float = 30.0, trim_s: float = 0.0) -> Sound:
        """From the first to the last 10 ms whose level is within ``below_peak_db`` of the loudest.

        Args:
            below_peak_db: what still counts as sound.
            trim_s: seconds to leave out at both ends, where a tone is switched on and off.
        """
        step = max(self.rate // 100, 1)
        n = len(self.samples) // step
        if not n:
            return self
        power = (_floats(self)[: n * step].reshape(n, step) ** 2).mean(axis=1)
        loud = np.nonzero(power > power.max() * 10 ** (-below_peak_db / 10))[0]
        if not len(loud):
            return Sound(self.samples[:0], self.rate)
        trim = round(trim_s * self.rate)
        start, end = int(loud[0]) * step + trim, (int(loud[-1]) + 1) * step - trim
        return Sound(self.samples[start : max(start, end)], self.rate)

    def delay_s(self, reference: Sound) -> float:
        """How much later ``reference`` begins in this sound; negative: its start is missing.

        The maximum of the cross-correlation, to a fraction of a sample.

        Raises:
            VerificationError: it is not in it.
        """
        ours, theirs = _floats(self), _floats(reference.at_rate(self.rate))
        if not ours.any() or not theirs.any():
            raise VerificationError("a delay cannot be measured: one of the two sounds is silent")
        n = len(ours) + len(theirs)
        size = 1 << (n - 1).bit_length()
        product = np.fft.rfft(ours, size) * np.conj(np.fft.rfft(theirs, size))
        correlation = np.fft.irfft(product, size)
        at = int(np.argmax(np.abs(correlation)))
        likeness = abs(correlation[at]) / (np.linalg.norm(ours) * np.linalg.norm(theirs))
        if likeness < _MIN_CORRELATION:
            raise VerificationError(
                f"a delay cannot be measured: the sound is not in it (likeness {likeness:.2f})"
            )
        around = np.abs(correlation[[at - 1, at, (at + 1) % size]])
        offset = at if at < size - len(theirs) else at - size
        return (offset + _vertex(around)) / self.rate

    def at_rate(self, rate: int) -> Sound:
        """The same sound at another rate."""
        if rate == self.rate:
            return self
        samples = audio_files.resample(_floats(self), self.rate, rate)
        return Sound(audio_files.to_int16(samples), rate)

    def save(self, path: str | Path) -> None:
        """Write a WAV file.

        Raises:
            AudioError: it cannot be written.
        """
        audio_files.write_wav(path, self.samples, self.rate)

    def _fit(self) -> tuple[float, Floats, Floats]:
        """Frequency of the strongest sine, what is left without it, and the whole, without DC."""
        whole = _floats(self)
        whole -= whole.mean() if len(whole) else 0.0
        if not whole.any():
            raise VerificationError("there is no sound in it to measure")
        spectrum = np.abs(np.fft.rfft(whole * np.hanning(len(whole))))
        k = int(np.argmax(spectrum[1:-1])) + 1
        omega = 2 * np.pi * (k + _vertex(np.log(spectrum[k - 1 : k + 2] + 1e-12))) / len(whole)
        time = np.arange(len(whole)) - len(whole) / 2  # the middle: the fit is best conditioned
        offset = np.ones(len(whole))
        for _ in range(_FIT_STEPS):
            cos, sin = np.cos(omega * time), np.sin(omega * time)
            a, b, _offset = np.linalg.lstsq(np.stack([cos, sin, offset], 1), whole, rcond=None)[0]
            slope = time * (b * cos - a * sin)
            basis = np.stack([cos, sin, offset, slope], 1)
            omega += np.linalg.lstsq(basis, whole, rcond=None)[0][3]
        basis = np.stack([np.cos(omega * time), np.sin(omega * time), offset], 1)
        rest: Floats = whole - basis @ np.linalg.lstsq(basis, whole, rcond=None)[0]
        return float(omega / (2 * np.pi) * self.rate), rest, whole


def _floats(sound: Sound) -> Floats:
    """Its samples in -1 to 1."""
    floats: Floats = sound.samples.astype(np.float64) / _FULL_SCALE
    return floats


def _rms(samples: Floats) -> float:
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0


def _db(ratio: float) -> float:
    return max(20 * math.log10(ratio), _SILENCE_DBFS) if ratio > 0 else _SILENCE_DBFS


def _vertex(around: Floats) -> float:
    """Where the parabola through three neighbours has its top, in steps from the middle one."""
    left, middle, right = (float(value) for value in around)
    bend = left - 2 * middle + right
    return 0.5 * (left - right) / bend if bend else 0.0
