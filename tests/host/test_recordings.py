"""The committed recordings are what their manifest says, and the real models hear them so."""

import hashlib
import json

import numpy as np
import pytest
import soundfile
from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model

from mynah.paths import AUDIO_DIR

MANIFEST = json.loads((AUDIO_DIR / "manifest.json").read_text(encoding="utf-8"))
RECORDINGS = {entry["file"]: entry for entry in MANIFEST["recordings"]}
RATE_HZ = 16_000
HOP_S = 0.010
STRIDE = 3

every_recording = pytest.mark.parametrize("entry", RECORDINGS.values(), ids=RECORDINGS)
every_utterance = pytest.mark.parametrize(
    "entry", [e for e in RECORDINGS.values() if "word_end_s" in e], ids=lambda e: e["file"]
)
every_wake_word = pytest.mark.parametrize(
    "entry",
    [e for e in RECORDINGS.values() if e["label"] in {m.value for m in Model}],
    ids=lambda e: e["file"],
)


def samples_of(entry):
    samples, rate = soundfile.read(AUDIO_DIR / entry["file"], dtype="int16")
    assert rate == MANIFEST["rate_hz"] == RATE_HZ
    assert samples.ndim == 1
    return samples


@pytest.fixture(scope="module")
def models():
    return {model.value: MicroWakeWord.from_builtin(model) for model in Model}


def heard_at_s(model, samples):
    """Time of the first detection, or None."""
    model.reset()
    for n, features in enumerate(MicroWakeWordFeatures().process_streaming(samples.tobytes())):
        if model.process_streaming(features):
            return (n + STRIDE) * HOP_S
    return None


def rms(samples):
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


def test_manifest_names_every_file_and_no_other():
    assert {path.name for path in AUDIO_DIR.glob("*.flac")} == set(RECORDINGS)


def test_recordings_stay_small():
    assert sum(path.stat().st_size for path in AUDIO_DIR.iterdir()) < 600_000


def test_there_are_enough_voices():
    words = [e for e in RECORDINGS.values() if e["file"] != "demo.flac"]
    voices = {
        label: {e["voice"] for e in words if e["label"] == label}
        for label in ("okay_nabu", "alexa", "negative")
    }
    assert {label: len(names) for label, names in voices.items()} == {
        "okay_nabu": 5,
        "alexa": 4,
        "negative": 2,
    }


@every_recording
def test_file_is_the_one_in_the_manifest(entry):
    data = (AUDIO_DIR / entry["file"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == entry["sha256"]
    info = soundfile.info(AUDIO_DIR / entry["file"])
    assert (info.format, info.subtype, info.channels) == ("FLAC", "PCM_16", 1)
    assert (info.samplerate, info.frames) == (RATE_HZ, entry["n_samples"])
    assert entry["licence"] == "Apache-2.0"


@every_recording
def test_only_the_labelled_model_hears_it(entry, models):
    samples = samples_of(entry)
    heard = {name for name, model in models.items() if heard_at_s(model, samples) is not None}
    assert heard == {entry["label"]} & set(models)


@every_utterance
def test_word_edges_are_where_the_level_falls(entry):
    samples = samples_of(entry)
    start, end = (round(entry[key] * RATE_HZ) for key in ("word_start_s", "word_end_s"))
    frame = RATE_HZ // 100
    word = samples[start:end]
    loudest = max(rms(word[n : n + frame]) for n in range(0, len(word) - frame, frame))
    threshold = loudest * 10 ** (-35 / 20)
    assert rms(word[:frame]) > 0.9 * threshold
    assert rms(word[-frame:]) > 0.9 * threshold
    assert rms(samples[start - frame : start]) < threshold
    assert rms(samples[end : end + frame]) < threshold


@every_wake_word
def test_a_wake_word_is_heard_around_its_end(entry, models):
    delay_s = heard_at_s(models[entry["label"]], samples_of(entry)) - entry["word_end_s"]
    assert -0.1 <= delay_s <= 0.35


def test_demo_has_a_sentence_before_the_word_and_silence_after(models):
    entry = RECORDINGS["demo.flac"]
    samples = samples_of(entry)
    start, end = (round(entry[key] * RATE_HZ) for key in ("word_start_s", "word_end_s"))
    assert 6 <= len(samples) / RATE_HZ <= 8
    sentence, after = samples[: start - RATE_HZ // 10], samples[end + RATE_HZ // 10 :]
    assert rms(sentence) > 10 * rms(after) > 0
    assert len(after) / RATE_HZ > 1.4
    assert heard_at_s(models["okay_nabu"], sentence) is None
