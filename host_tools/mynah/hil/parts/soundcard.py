"""Sound through a sound card: a loudspeaker before the board, a microphone or a wire behind it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from mynah.errors import BoardError
from mynah.hil.parts import MissingPartError
from mynah.hil.sound import Sound

if TYPE_CHECKING:
    import numpy.typing as npt

_RATE_HZ = 48000


class SoundCard:
    """Plays to the board's microphone, and records what its loudspeaker plays.

    Args:
        output: the playing device, as ``python -m sounddevice`` lists it; None: the default.
        input: the recording device.
        rate: samples a second; 48000 is what every card can do.
    """

    def __init__(
        self,
        output: str | None = None,
        input: str | None = None,  # noqa: A002 - as sounddevice and the bench file call it
        rate: int = _RATE_HZ,
    ) -> None:
        self._output = output
        self._input = input
        self._rate = rate
        self._library = _sounddevice()

    def play(self, sound: Sound) -> CardPlayback:
        """Begin to play; returns at once.

        Raises:
            BoardError: the card refuses.
        """
        at_rate = sound.at_rate(self._rate)
        try:
            self._library.play(at_rate.samples, self._rate, device=self._output)
        except Exception as error:  # sounddevice has one error of its own, and ValueError
            raise BoardError(f"the sound card does not play: {error}") from error
        return CardPlayback(self._library, at_rate.seconds)

    def record(self) -> CardCapture:
        """Record from now on.

        Raises:
            BoardError: the card refuses.
        """
        return CardCapture(self._library, self._input, self._rate)


class CardPlayback:
    """One sound that the card plays."""

    def __init__(self, library: Any, seconds: float) -> None:
        self._library = library
        self._end = time.monotonic() + seconds
        self._stopped = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is over; False if ``timeout`` seconds did not do."""
        left = max(self._end - time.monotonic(), 0.0)
        if timeout is not None and timeout < left:
            return self._stopped.wait(timeout)
        if not self._stopped.wait(left):
            self._library.wait()  # what the card's driver still holds
        return True

    def stop(self) -> None:
        """Silence it."""
        self._library.stop()
        self._stopped.set()


class CardCapture:
    """A recording that runs."""

    def __init__(self, library: Any, device: str | None, rate: int) -> None:
        self._rate = rate
        self._blocks: list[npt.NDArray[np.int16]] = []
        self._sound: Sound | None = None
        try:
            self._stream = library.InputStream(
                samplerate=rate, device=device, channels=1, dtype="int16", callback=self._take
            )
            self._stream.start()
        except Exception as error:
            raise BoardError(f"the sound card does not record: {error}") from error

    def stop(self) -> Sound:
        """End it; the same sound however often it is called."""
        if self._sound is None:
            self._stream.stop()
            self._stream.close()
            empty = np.zeros(0, np.int16)
            self._sound = Sound(np.concatenate([empty, *self._blocks]), self._rate)
        return self._sound

    def _take(self, block: Any, _frames: int, _time: Any, _status: Any) -> None:
        self._blocks.append(block[:, 0].copy())  # the card uses its buffer again


def _sounddevice() -> Any:
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: PortAudio is missing
        raise MissingPartError(
            "the sound card needs sounddevice: pip install 'mynah-speaker[mic]'"
        ) from error
    return sounddevice
