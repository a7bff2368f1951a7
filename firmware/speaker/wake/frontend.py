"""Sound to features: 40 mel channels every 10 ms, as microWakeWord models were trained on."""

from array import array

from micropython import const

from speaker.kernels import frontend as kernels
from speaker.util.hints import Any
from speaker.wake import tables

HOP = const(160)
"""Samples from one row of features to the next: 10 ms at 16 kHz."""

WINDOW = const(480)
"""Samples that a row of features looks at: 30 ms."""

CHANNELS = const(40)


class Frontend:
    """Collects samples; whenever a window is full, ``compute`` turns it into ``features``.

    Allocates in ``__init__`` only. It keeps an estimate of the noise: feed it without gaps, and
    ``reset`` it when the microphone starts again.
    """

    def __init__(self) -> None:
        self.features = array("H", bytes(2 * CHANNELS))
        self._history = array("h", bytes(2 * WINDOW))
        self._work = array("h", bytes(4 * 256))
        self._energies = array("I", bytes(4 * 256))
        self._signal = array("I", bytes(4 * CHANNELS))
        self._estimates = array("I", bytes(4 * CHANNELS))
        self._used = 0
        self._arrays: Any = None
        if kernels.FRAME:  # in the order of frontend_xtensa
            self._arrays = kernels.addresses(
                (self._history, tables.WINDOW, tables.ORDER, tables.TWIDDLES, self._work,
                 tables.SPLIT, self._energies, tables.FIRST_BIN, tables.WIDTHS, tables.WEIGHTS,
                 self._signal, self._estimates, tables.GAINS, tables.LOGARITHMS, self.features)
            )  # fmt: skip

    def reset(self) -> None:
        """Forget the samples and the noise."""
        self._used = 0
        for i in range(CHANNELS):
            self._estimates[i] = 0

    def push(self, samples: Any, start: int, count: int) -> int:
        """Take up to count samples from start on; return how many, which ends at a full window."""
        room = WINDOW - self._used
        count = min(count, room)
        kernels.copy(self._history, self._used, samples, start, count)
        self._used += count
        return count

    @property
    def full(self) -> bool:
        """Whether a window is there for ``compute``."""
        return self._used == WINDOW

    def compute(self) -> None:
        """Turn the window into ``features`` and move on by one hop."""
        self._used = WINDOW - HOP
        if kernels.FRAME:
            kernels.FRAME(self._arrays)
            return
        shift = kernels.spectrum(
            self._history, tables.WINDOW, tables.ORDER, tables.TWIDDLES, self._work
        )
        kernels.energy(self._work, tables.SPLIT, self._energies)
        kernels.filterbank(
            self._energies, tables.FIRST_BIN, tables.WIDTHS, tables.WEIGHTS, shift, self._signal
        )
        kernels.compress(
            self._signal, self._estimates, tables.GAINS, tables.LOGARITHMS, self.features
        )
        kernels.copy(self._history, 0, self._history, HOP, self._used)
