"""Chime and melody: notes with a struck-bar envelope, rendered chunk by chunk."""

import array
import math

from micropython import const

from speaker.kernels import pcm
from speaker.util.hints import Any

_N_SINE = const(1024)
# Amplitude of a fresh note against full scale, and how much of it is left after each chunk.
_PEAK_Q15 = const(26000)
_DECAY_Q15 = const(31900)

_C5, _E5, _G5, _C6, _A5, _D6, _F5 = 523, 659, 784, 1047, 880, 1175, 698

# A melody is a tuple of (frequency in Hz, length in chunks); frequency 0 is a rest.
CHIME = ((_A5, 9), (_D6, 22))
MELODY = (
    (_C5, 25), (_E5, 25), (_G5, 25), (_C6, 50),
    (_A5, 25), (_G5, 25), (_F5, 25), (_E5, 50),
    (_F5, 25), (_G5, 25), (_A5, 25), (_C6, 25),
    (_G5, 50), (_E5, 25), (_C5, 75),
)  # fmt: skip


def _sine() -> array.array:
    values = [round(32767 * math.sin(2 * math.pi * i / _N_SINE)) for i in range(_N_SINE)]
    return array.array("h", values)


class Voice:
    """Plays one melody at a time; `render` allocates nothing."""

    def __init__(self, rate_hz: int, n_samples: int) -> None:
        self._rate_hz = rate_hz
        self._n_samples = n_samples
        self._sine = _sine()
        self._notes: tuple = ()
        self._index = 0
        self._left = 0
        self._phase = 0
        self._step = 0
        self._envelope = 0
        self._gain = 0  # Q23, where the last chunk ended: the next one starts there

    def start(self, notes: tuple) -> None:
        """Play `notes` from their beginning."""
        self._notes = notes
        self._index = 0
        self._left = 0

    def stop(self) -> None:
        """Forget what was played; the next chunk fades out."""
        self._notes = ()
        self._left = 0
        self._envelope = 0

    def active(self) -> bool:
        """Whether there is something left to render."""
        return self._left > 0 or self._index < len(self._notes) or self._gain > 0

    def render(self, out: Any, volume_q15: int) -> None:
        """The next chunk into `out`; the gain glides, so neither notes nor volume click."""
        if self._left == 0:
            self._next_note()
        if self._left:
            self._left -= 1
        self._glide(out, ((self._envelope * volume_q15) >> 15) << 8)
        self._envelope = (self._envelope * _DECAY_Q15) >> 15

    def fade(self, out: Any) -> bool:
        """Glide to silence without moving on; False (and nothing written) when it is silent."""
        if self._gain == 0:
            return False
        self._glide(out, 0)
        return True

    def _glide(self, out: Any, target: int) -> None:
        step = (target - self._gain) // self._n_samples
        self._phase = pcm.tone(
            out, self._n_samples, self._sine, self._phase, self._step, self._gain, step
        )
        # The division's rest is left out, so that the next chunk starts where this one ended.
        self._gain = self._gain + step * self._n_samples if target else 0

    def _next_note(self) -> None:
        if self._index >= len(self._notes):
            self._envelope = 0
            return
        note = self._notes[self._index]
        self._index += 1
        self._left = note[1]
        self._envelope = _PEAK_Q15 if note[0] else 0
        if note[0]:
            self._step = (note[0] << 16) // self._rate_hz
