"""The engine beside TensorFlow Lite over every recording of ../shared/audio; a sample by default.

All of it, with the counts, for the models of the recorded keywords and one whose word never falls:

    MYNAH_SWEEP=all pytest -s tests/host/test_wake_sweep.py
"""

import os
import random
from pathlib import Path

import numpy as np
import pytest

from mynah import audio_files
from mynah.models import shipped
from mynah.models.comparison import compare

SHARED = Path(__file__).parents[3] / "shared" / "audio"
MODELS = ("alexa", "okay_nabu")
ALL = os.environ.get("MYNAH_SWEEP") == "all"
N_SAMPLE = 40
BATCH_S = 120


def batches(files):
    """The recordings, one after the other, in pieces of about two minutes."""
    batch, length = [], 0
    for file in files:
        samples = audio_files.load(file)
        batch += [samples, np.zeros(16000, np.int16)]
        length += len(samples) + 16000
        if length > BATCH_S * 16000:
            yield np.concatenate(batch)
            batch, length = [], 0
    if batch:
        yield np.concatenate(batch)


@pytest.mark.parametrize("model", MODELS)
def test_outputs_and_detections_are_tflites(model):
    if not SHARED.is_dir():
        pytest.skip(f"no recordings at {SHARED}")
    files = sorted([*SHARED.rglob("*.flac"), *SHARED.rglob("*.wav")])
    if not ALL:
        files = random.Random(3).sample(files, N_SAMPLE)
    inferences = differ = largest = n_heard = 0
    seconds = 0.0
    for samples in batches(files):
        result = compare(samples, model, shipped()[model].tflite)
        assert result.mynah_s == result.tflite_s
        inferences += result.inferences
        differ += result.differ
        largest = max(largest, result.largest)
        n_heard += len(result.mynah_s)
        seconds += len(samples) / 16000
    print(
        f"\n{model}: {len(files)} recordings, {seconds / 60:.1f} min, {inferences} inferences, "
        f"{differ} differ (at most by {largest}), {n_heard} detections in both"
    )
    assert largest == 0
    assert inferences > 500
