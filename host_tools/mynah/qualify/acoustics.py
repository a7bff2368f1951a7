"""Sweeps and what they tell: frequency response, distortion by frequency, levels of noise.

The response is measured with an exponential sweep (A. Farina, "Simultaneous measurement of impulse
response and distortion with a swept-sine technique", 108th AES Convention, 2000): the recording,
divided by the sweep's spectrum, is the chain's impulse response, and each harmonic's own response
lies before it, so that distortion does not spoil the response and both come from one sweep.
Samples are floats from -1 to 1; levels are root mean squares against a full-scale square wave.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mynah.errors import VerificationError
from mynah.hil.sound import Floats, Sound

if TYPE_CHECKING:
    import numpy.typing as npt

SILENCE_DBFS = -120.0
"""What is given for a level when every sample is zero."""

_BEFORE_S, _AFTER_S = 0.004, 0.080  # of an impulse response: its start, its decay
_FADE_SHARE = 0.02  # of the sweep, at its ends
_MIN_SNR_DB = 20.0  # of an impulse response over what is not it; noise alone reaches 13 dB
_HARMONICS = (2, 3, 4, 5)
_SMOOTHING = 6  # parts of an octave
_EDGE = 1.25


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sine that rises from ``low_hz`` to ``high_hz``, each octave in the same time."""

    low_hz: float = 80.0
    high_hz: float = 7500.0
    seconds: float = 1.5
    rate: int = 16000
    dbfs: float = -9.0
    """Level of its root mean square."""

    def floats(self) -> Floats:
        """Its samples."""
        n = round(self.seconds * self.rate)
        time = np.arange(n) / self.rate
        growth = math.log(self.high_hz / self.low_hz)
        phase = np.expm1(time / self.seconds * growth)
        phase *= 2 * np.pi * self.low_hz * self.seconds / growth
        wave = math.sqrt(2) * 10 ** (self.dbfs / 20) * np.sin(phase)
        n_fade = max(round(n * _FADE_SHARE), 1)
        fade = np.sin(np.linspace(0, np.pi / 2, n_fade, endpoint=False)) ** 2
        wave[:n_fade] *= fade
        wave[n - n_fade :] *= fade[::-1]
        result: Floats = wave
        return result

    def sound(self) -> Sound:
        """The same as 16-bit samples."""
        return Sound(np.rint(self.floats() * 32767).astype(np.int16), self.rate)

    def earlier_s(self, harmonic: int) -> float:
        """How much before the response a harmonic's response lies."""
        return self.seconds * math.log(harmonic) / math.log(self.high_hz / self.low_hz)


@dataclass(frozen=True, slots=True)
class Response:
    """Over ``hertz``: gain in dB, and the harmonics' share of the whole in %."""

    hertz: tuple[float, ...]
    gain_db: tuple[float, ...]
    distortion_hertz: tuple[float, ...]
    distortion_pct: tuple[float, ...]

    def ripple_db(self, low_hz: float, high_hz: float) -> float:
        """Highest gain less lowest between two frequencies."""
        inside = [
            g for f, g in zip(self.hertz, self.gain_db, strict=True) if low_hz <= f <= high_hz
        ]
        return max(inside) - min(inside)

    def gain_at(self, hertz: float) -> float:
        """Gain at the nearest frequency."""
        nearest = min(range(len(self.hertz)), key=lambda i: abs(self.hertz[i] - hertz))
        return self.gain_db[nearest]

    def lowest_hz(self, below_db: float = 10.0, reference_hz: float = 1000.0) -> float:
        """The lowest frequency from which on, up to the reference, the gain is within so much."""
        least = self.gain_at(reference_hz) - below_db
        lowest = reference_hz
        for frequency, gain in sorted(zip(self.hertz, self.gain_db, strict=True), reverse=True):
            if frequency <= reference_hz:
                if gain < least:
                    break
                lowest = frequency
        return lowest


def respond(sweep: Sweep, recorded: Floats, n_points: int = 61) -> Response:
    """The response in a recording of the sweep, which lies somewhere in it.

    Args:
        sweep: what was played.
        recorded: at the sweep's rate, from before the sweep's start to after its end.
        n_points: of each curve, evenly by octaves.

    Raises:
        VerificationError: the sweep is not in it, or hardly above the noise.
    """
    played = sweep.floats()
    size = 1 << (len(recorded) + len(played)).bit_length()
    reference = np.fft.rfft(played, size)
    power = np.abs(reference) ** 2
    # Outside the sweep's band there is nothing to divide by.
    inverse = np.conj(reference) / (power + power.max() * 1e-6)
    impulse = np.fft.irfft(np.fft.rfft(recorded, size) * inverse, size)
    peak = int(np.argmax(np.abs(impulse)))
    _check_heard(impulse, peak, sweep)
    linear = _spectrum(impulse, peak, sweep)
    hertz = np.geomspace(sweep.low_hz * 1.25, sweep.high_hz / 1.06, n_points)
    gain = _smooth(linear, hertz, sweep.rate)
    by_harmonic = [
        (k, _spectrum(impulse, peak - round(sweep.earlier_s(k) * sweep.rate), sweep))
        for k in _HARMONICS
    ]
    highest = sweep.high_hz / _EDGE  # the fade at the end has harmonics of its own
    below = hertz[hertz * _HARMONICS[0] < highest]
    products = np.zeros(len(below))
    for k, spectrum in by_harmonic:
        inside = below * k < highest
        products[inside] += _smooth(spectrum, below[inside] * k, sweep.rate) ** 2
    fundamental = _smooth(linear, below, sweep.rate)
    distortion = 100 * np.sqrt(products / (products + fundamental**2))
    return Response(
        tuple(map(float, hertz)),
        tuple(float(value) for value in 20 * np.log10(gain + 1e-9)),
        tuple(map(float, below)),
        tuple(map(float, distortion)),
    )


def level_dbfs(samples: Floats) -> float:
    """The root mean square, without DC, in dBFS; `SILENCE_DBFS` for silence."""
    return _db(float(np.std(samples))) if len(samples) else SILENCE_DBFS


def a_weighted_dbfs(samples: Floats, rate: int) -> float:
    """The same, A-weighted (IEC 61672-1)."""
    n = len(samples)
    spectrum = np.fft.rfft((samples - samples.mean()) * np.hanning(n))
    hertz = np.arange(len(spectrum), dtype=np.float64) * (rate / n)
    weighted = np.abs(spectrum * _a_weights(hertz)) ** 2
    mean_square = 2 * weighted.sum() / n**2 / np.mean(np.hanning(n) ** 2)
    return _db(math.sqrt(mean_square))


def tone_dbfs(samples: Floats, rate: int, hertz: float) -> float:
    """The level of what lies within 5 % of a frequency."""
    window = np.hanning(len(samples))
    power = np.abs(np.fft.rfft((samples - samples.mean()) * window)) ** 2
    distance = np.abs(np.arange(len(power)) * (rate / len(samples)) - hertz)
    near = float(power[distance < hertz * 0.05].sum())
    return _db(math.sqrt(2 * near / len(samples) ** 2 / np.mean(window**2)))


def clipped_share(samples: Floats) -> float:
    """The share of the samples that are at full scale, as 16-bit ones see it."""
    return float(np.mean(np.abs(samples) >= 32767 / 32768)) if len(samples) else 0.0


def _a_weights(hertz: Floats) -> Floats:
    f2 = hertz**2
    response = 12194**2 * f2**2
    response /= (f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12194**2)
    weights: Floats = response * 10 ** (2.0 / 20)
    return weights


def _check_heard(impulse: Floats, peak: int, sweep: Sweep) -> None:
    """Refuse an impulse response that does not stand out from what lies far from it."""
    size = len(impulse)
    distance = np.abs((np.arange(size) - peak + size // 2) % size - size // 2)
    far = impulse[distance > sweep.rate // 10]
    noise = float(np.std(far)) if len(far) else 0.0
    top = abs(float(impulse[peak]))
    if top <= 0 or (noise > 0 and 20 * math.log10(top / noise) < _MIN_SNR_DB):
        raise VerificationError("the sweep that was played is not in what was recorded")


def _spectrum(impulse: Floats, at: int, sweep: Sweep) -> npt.NDArray[np.float64]:
    """Magnitudes of the response that begins at ``at``, cut out with soft ends."""
    before, after = round(_BEFORE_S * sweep.rate), round(_AFTER_S * sweep.rate)
    part = impulse[np.arange(at - before, at + after) % len(impulse)].copy()
    part[:before] *= np.sin(np.linspace(0, np.pi / 2, before)) ** 2
    n_end = after // 4
    part[-n_end:] *= np.cos(np.linspace(0, np.pi / 2, n_end)) ** 2
    result: Floats = np.abs(np.fft.rfft(part, sweep.rate))  # one bin a hertz
    return result


def _smooth(spectrum: Floats, hertz: Floats, rate: int) -> Floats:
    """The magnitude around each frequency, as the power in a part of an octave."""
    half = 2 ** (1 / (2 * _SMOOTHING))
    n = len(spectrum) - 1
    step = rate / 2 / n
    result = np.empty(len(hertz))
    for i, frequency in enumerate(hertz):
        low = max(int(frequency / half / step), 1)
        high = min(max(int(frequency * half / step), low) + 1, n + 1)
        result[i] = math.sqrt(float(np.mean(spectrum[low:high] ** 2)))
    return result


def _db(ratio: float) -> float:
    return max(20 * math.log10(ratio), SILENCE_DBFS) if ratio > 0 else SILENCE_DBFS
