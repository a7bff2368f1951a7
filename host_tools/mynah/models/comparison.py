"""The firmware's engine beside TensorFlow Lite on the same recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mynah import wake
from mynah.audio_files import RATE_HZ, Samples
from mynah.models import reference

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Comparison:
    """Inferences compared, those whose outputs differ, and by how many steps of 255 at most.

    ``mynah_s`` and ``tflite_s`` are when each heard its word, in seconds.
    """

    inferences: int
    differ: int
    largest: int
    mynah_s: tuple[float, ...]
    tflite_s: tuple[float, ...]


def compare(samples: Samples, model: str, tflite: Path) -> Comparison:
    """Run both over a recording, after the second of silence that an engine ignores.

    Args:
        samples: 16-bit mono at 16 kHz.
        model: what `mynah.wake.run` takes.
        tflite: the same model's ``.tflite``.

    Raises:
        ModelError: one of them cannot run the model.
    """
    n_settle = round(wake.SETTLE_S * RATE_HZ)
    sound = np.concatenate([np.zeros(n_settle, np.int16), samples])
    ours = wake.run(sound, model, settle_s=0)
    theirs = reference.Reference(tflite)
    outputs = theirs.outputs(sound)
    steps = np.abs(ours.probabilities.astype(int) - outputs[: len(ours.probabilities)])
    found = reference.detections(outputs, theirs.stride, ours.cutoff, ours.window)
    return Comparison(
        inferences=len(steps),
        differ=int(np.count_nonzero(steps)),
        largest=int(steps.max(initial=0)),
        mynah_s=tuple(round(hit.time_s - wake.SETTLE_S, 3) for hit in ours.detections),
        tflite_s=tuple(round(time_s - wake.SETTLE_S, 3) for time_s in found),
    )
