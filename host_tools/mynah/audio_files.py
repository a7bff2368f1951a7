"""Read recordings as what the microphone would deliver, and write WAV files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mynah.errors import AudioError

RATE_HZ = 16000
"""What the firmware's microphone delivers."""

Samples = npt.NDArray[np.int16]


def load(path: str | Path) -> Samples:
    """A recording as 16-bit mono samples at 16 kHz; others are mixed down and resampled.

    Whatever libsndfile reads: WAV, FLAC, Ogg, MP3. A 16-bit mono file at 16 kHz comes back as is.

    Raises:
        AudioError: there is no such file, it is no recording, or it holds no sound.
    """
    import soundfile

    if not Path(path).exists():
        raise AudioError(f"no recording at {path}")
    try:
        data, rate = soundfile.read(str(path), dtype="float64", always_2d=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise AudioError(
            f"{path} is not a recording that can be read ({error}); "
            "give a WAV, FLAC, Ogg or MP3 file"
        ) from error
    if not len(data):
        raise AudioError(f"{path} holds no sound")
    if not np.isfinite(data).all():
        raise AudioError(f"{path} is corrupt: some of its samples are not numbers")
    return to_int16(resample(data.mean(axis=1), int(rate), RATE_HZ))


def write_wav(path: str | Path, samples: Samples, rate: int = RATE_HZ) -> None:
    """Write 16-bit samples, one channel, as a WAV file.

    Raises:
        AudioError: the file cannot be written.
    """
    import soundfile

    try:
        soundfile.write(str(path), np.asarray(samples, np.int16), rate, "PCM_16", format="WAV")
    except (OSError, RuntimeError) as error:
        raise AudioError(f"cannot write {path}: {error}") from error


def resample(samples: npt.NDArray[np.float64], rate: int, wanted: int) -> npt.NDArray[np.float64]:
    """The same sound at another rate, band-limited; the length is rounded up.

    The spectrum of the whole recording is cut or extended, after padding that keeps its end from
    running into its start.
    """
    if rate == wanted:
        return samples
    # A whole number of seconds at both rates, so that both transforms have exact lengths.
    seconds = -(-len(samples) // rate) + 1
    spectrum = np.fft.rfft(samples, seconds * rate)
    n_bins = seconds * wanted // 2 + 1
    kept = np.zeros(n_bins, np.complex128)
    n_shared = min(n_bins, len(spectrum))
    kept[:n_shared] = spectrum[:n_shared]
    whole: npt.NDArray[np.float64] = np.fft.irfft(kept, seconds * wanted) * (wanted / rate)
    return whole[: -(-len(samples) * wanted // rate)]


def to_int16(samples: npt.NDArray[np.float64]) -> Samples:
    """Samples in -1..1 as 16-bit integers, clipped."""
    scaled: Samples = np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
    return scaled
