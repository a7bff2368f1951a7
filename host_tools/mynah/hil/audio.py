"""What the fixtures ``mic`` and ``speaker`` are: sound into and out of the board under test."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mynah.audio_files import RATE_HZ
from mynah.hil.sound import Sound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    import numpy.typing as npt
    from typing_extensions import Self

    from mynah.hil.parts import Capture, Playback, SoundIn, SoundOut


class Mic:
    """Lets the board hear things."""

    def __init__(self, part: SoundIn, keep: Callable[[str, Sound], None]) -> None:
        self._part = part
        self._keep = keep
        self._playing: list[Playback] = []

    def play(
        self,
        what: str | Path | Sound | Sequence[int] | npt.NDArray[np.int16],
        rate: int = RATE_HZ,
        *,
        gain_db: float = 0.0,
        wait: bool = False,
    ) -> Playback:
        """Play a recording to the board's microphone.

        Args:
            what: a file (WAV, FLAC, Ogg, MP3), a `Sound`, or 16-bit samples.
            rate: of samples; a file and a `Sound` know theirs.
            gain_db: louder or softer by so much; what exceeds full scale is clipped.
            wait: return when it is over, not at once.

        Returns:
            What plays: ``wait(timeout)``, ``stop()``.

        Raises:
            AudioError: the file cannot be read.
        """
        sound = _sound(what, rate)
        if gain_db:
            louder = np.rint(sound.samples * 10 ** (gain_db / 20))
            sound = Sound(np.clip(louder, -32768, 32767).astype(np.int16), sound.rate)
        self._keep(what.name if isinstance(what, Path) else "played to the microphone", sound)
        playback = self._part.play(sound)
        self._playing.append(playback)
        if wait:
            playback.wait()
        return playback

    def close(self) -> None:
        """Silence whatever plays still."""
        for playback in self._playing:
            playback.stop()
        self._playing = []


class Recording:
    """What comes out of the board's loudspeaker, from its start to `stop`; a context manager."""

    def __init__(self, capture: Capture, keep: Callable[[str, Sound], None]) -> None:
        self._capture = capture
        self._keep = keep
        self._kept = False

    def stop(self) -> Sound:
        """End it; what was recorded, silence included."""
        sound = self._capture.stop()
        if not self._kept:
            self._kept = True
            self._keep("recorded from the speaker", sound)
        return sound

    @property
    def sound(self) -> Sound:
        """What was recorded; ends the recording."""
        return self.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class Speaker:
    """Hears what the board plays."""

    def __init__(self, part: SoundOut, keep: Callable[[str, Sound], None]) -> None:
        self._part = part
        self._keep = keep
        self._recordings: list[Recording] = []

    def record(self) -> Recording:
        """Record from now on, until ``stop()`` or the end of the ``with`` block."""
        recording = Recording(self._part.record(), self._keep)
        self._recordings.append(recording)
        return recording

    def listen(self, seconds: float) -> Sound:
        """What comes out in the next seconds."""
        recording = self.record()
        time.sleep(seconds)
        return recording.stop()

    def close(self) -> None:
        """End the recordings that nobody ended."""
        for recording in self._recordings:
            recording.stop()
        self._recordings = []


def _sound(what: str | Path | Sound | Sequence[int] | npt.NDArray[np.int16], rate: int) -> Sound:
    if isinstance(what, Sound):
        return what
    if isinstance(what, (str, Path)):
        return Sound.load(what)
    return Sound(np.asarray(what, np.int16), rate)
