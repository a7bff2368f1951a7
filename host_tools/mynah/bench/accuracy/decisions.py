"""From a model's outputs to detections, at any cutoff: one pass over the sound serves all of them.

Two rules are known. `board_rule` is the firmware's detector (``firmware/speaker/wake/detector.py``,
which decides as ESPHome's ``micro_wake_word`` does), worked out again for a whole recording at
once. `threshold_rule` is for engines that only compare a score with a threshold and leave it to the
application not to act twice on one word.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

COOL_OFF_ROWS = 100
"""Quiet rows of features that the firmware waits for, ``_COOL_OFF`` of its detector."""

REFRACTORY_S = 2.0
"""For how long an application ignores an engine after a detection (Linux Voice Assistant's)."""

Detections = npt.NDArray[np.int64]
"""The numbers of the outputs at which the wake word was heard."""


def board_rule(outputs: npt.NDArray[np.uint8], stride: int, cutoff: int, window: int) -> Detections:
    """Where the firmware's detector fires, from its start or reset on.

    Args:
        outputs: the model's, 0..255, one for every ``stride`` rows of features.
        stride: rows of features for one output.
        cutoff: 0..255; the sum of the last ``window`` outputs must be more than ``window`` times
            this.
        window: number of outputs.
    """
    values = outputs.astype(np.int64)
    total = np.concatenate([[0], np.cumsum(values)])
    quiet = np.concatenate([[0], np.cumsum(values < cutoff)])
    first = np.maximum(np.arange(len(values)) + 1 - window, 0)
    fired = []
    reset = -1  # the output at which the detector started anew
    for i in map(int, np.flatnonzero(total[1:] - total[first] > cutoff * window)):
        # After a reset the latest output counts as 0 until the next one, stride - 1 rows later;
        # from then on each output stands for stride rows, of which the newest has had one.
        rows = (stride - 1 if cutoff else 0) + int(values[i] < cutoff)
        rows += stride * int(quiet[i] - quiet[reset + 1])
        since = max(reset + 1, first[i])
        if rows >= COOL_OFF_ROWS and total[i + 1] - total[since] > cutoff * window:
            fired.append(i)
            reset = i
    return np.array(fired, np.int64)


def threshold_rule(
    scores: npt.NDArray[np.float64], seconds_each: float, threshold: float
) -> Detections:
    """Where a score is over the threshold, and no detection was in the 2 s before."""
    pause = REFRACTORY_S / seconds_each
    fired: list[int] = []
    for i in np.flatnonzero(scores > threshold):
        if not fired or i - fired[-1] >= pause:
            fired.append(int(i))
    return np.array(fired, np.int64)
