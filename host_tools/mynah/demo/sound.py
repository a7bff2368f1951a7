"""What the demo plays into the microphone, and where its wake word ends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mynah.audio_files import RATE_HZ, Samples, load
from mynah.errors import AudioError, UsageError
from mynah.paths import AUDIO_DIR

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FRAME = RATE_HZ // 100
_SPEECH_ABOVE_NOISE_DB = 15.0
_SPEECH_BELOW_PEAK_DB = 25.0


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording: int16 mono samples at 16 kHz, and where it came from."""

    name: str
    samples: Samples
    word_end_s: float | None = None
    """Where the wake word ends, in seconds, when that is known; None: it is estimated."""

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / RATE_HZ


def default_sound(model: str) -> Sound:
    """The project's own recording for a model; its word end stands in the manifest beside it.

    Raises:
        UsageError: the project has none for that model.
    """
    manifest = json.loads((AUDIO_DIR / "manifest.json").read_text(encoding="utf-8"))
    own = [item for item in manifest["recordings"] if item["label"] == model]
    own.sort(key=lambda item: item["file"] != "demo.flac")
    if not own:
        raise UsageError(
            f"the project has no recording of its own for {model!r}: "
            "give one with --wav FILE, or speak with --mic"
        )
    entry = own[0]
    return Sound(entry["file"], load(AUDIO_DIR / entry["file"]), entry["word_end_s"])


def sound_from_microphone(say: Callable[[str], None], seconds: float = 5.0) -> Sound:
    """Record the computer's microphone now; ``say`` is called when it is time to speak.

    Raises:
        AudioError: there is no microphone, or the package that reads it is not installed.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise AudioError(
            f"the computer's microphone needs the sounddevice package ({error}): "
            "pip install 'mynah-speaker[mic]'"
        ) from error
    say(f"Speak the wake word now: recording for {seconds:g} seconds.")
    try:
        samples = sounddevice.rec(
            int(seconds * RATE_HZ), samplerate=RATE_HZ, channels=1, dtype="int16", blocking=True
        )
    except sounddevice.PortAudioError as error:
        raise AudioError(f"the computer's microphone cannot be read: {error}") from error
    return Sound("the computer's microphone", np.ascontiguousarray(samples[:, 0]))


def sound_from_file(path: Path) -> Sound:
    """A recording from a file that soundfile reads; other rates are resampled.

    Raises:
        AudioError: it is missing or no recording.
    """
    return Sound(path.name, load(path))


def word_end_s(sound: Sound, detected_s: float) -> float:
    """Where the word that was detected at ``detected_s`` ends, in seconds.

    Known for the demo's own recording; for others the end of the last 10 ms frame of speech
    before the detection, speech being louder than the quiet fifth of the recording by 15 dB and
    at most 25 dB below its loudest frame.
    """
    if sound.word_end_s is not None:
        return sound.word_end_s
    n_frames = len(sound.samples) // _FRAME
    frames = sound.samples[: n_frames * _FRAME].astype(np.float64).reshape(n_frames, _FRAME)
    level_db = 20 * np.log10(np.sqrt((frames**2).mean(axis=1)) + 1.0)
    threshold = max(
        float(np.percentile(level_db, 20)) + _SPEECH_ABOVE_NOISE_DB,
        float(level_db.max()) - _SPEECH_BELOW_PEAK_DB,
    )
    last = min(n_frames, int(detected_s * 100))
    spoken = np.flatnonzero(level_db[:last] > min(threshold, float(level_db.max()) - 1))
    return float(spoken[-1] + 1) / 100 if len(spoken) else detected_s
