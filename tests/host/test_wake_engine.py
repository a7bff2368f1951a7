"""The firmware's engine in MicroPython against pymicro-features and TensorFlow Lite, to the bit."""

import json
from pathlib import Path

import numpy as np
import pytest
import wake_reference

from mynah import audio_files, models, wake
from mynah.errors import ModelError
from mynah.paths import AUDIO_DIR

MODELS = ("alexa", "hey_jarvis", "hey_mycroft", "okay_nabu")
SOUNDS = wake_reference.sounds()
OWN = json.loads((AUDIO_DIR / "manifest.json").read_text())["recordings"]
SHARED = Path(__file__).parents[3] / "shared" / "audio"
SHARED_SOME = (
    "keyword/alexa/0.flac",
    "keyword/alexa/103.flac",
    "keyword/computer",
    "speech/commands_en",
    "speech/words_zh",
    "noise/esc10",
)


def own(name):
    return audio_files.load(AUDIO_DIR / name)


def run(samples, model, **options):
    return wake.run(samples, model, settle_s=0, with_features=True, **options)


def assert_equal_to_references(samples, model):
    rows = wake_reference.features(samples)
    result = run(samples, model)
    np.testing.assert_array_equal(result.features, rows)
    expected = wake_reference.Interpreter(model).probabilities(rows)
    np.testing.assert_array_equal(result.probabilities, expected)
    return result


@pytest.mark.parametrize("name", SOUNDS)
def test_features_and_outputs_equal_on_extreme_sound(name):
    assert_equal_to_references(SOUNDS[name], "alexa")


@pytest.mark.parametrize("model", MODELS)
def test_outputs_equal_on_speech_for_every_shipped_model(model):
    speech = np.concatenate([own(entry["file"]) for entry in OWN])
    result = assert_equal_to_references(speech, model)
    # Outputs that never leave zero would prove little.
    if model in {"alexa", "okay_nabu"}:
        assert result.probabilities.max() > 250
        assert 20 < np.count_nonzero(result.probabilities) < len(result.probabilities)


@pytest.mark.parametrize("name", SHARED_SOME)
def test_outputs_equal_on_shared_recordings(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"no recordings at {SHARED}")
    file = path if path.is_file() else min(path.glob("**/*.flac"))
    assert_equal_to_references(audio_files.load(file), "alexa")


@pytest.mark.parametrize("entry", OWN, ids=[entry["file"] for entry in OWN])
def test_hears_its_wake_word_and_nothing_else(entry):
    for model in ("alexa", "okay_nabu"):
        hits = wake.run(own(entry["file"]), model).detections
        if entry["label"] != model:
            assert not hits
            continue
        assert len(hits) == 1
        assert entry["word_start_s"] < hits[0].time_s < entry["word_end_s"] + 0.5


def test_a_ringing_detection_fires_once_and_the_next_word_again():
    word = own("alexa_1.flac")
    one = wake.run(word, "alexa").detections
    pause = np.zeros(16000, np.int16)
    two = wake.run(np.concatenate([word, pause, word]), "alexa").detections
    assert (len(one), len(two)) == (1, 2)


def test_the_first_second_is_ignored_without_silence_before_it():
    word = own("okay_nabu_2.flac")
    entry = next(entry for entry in OWN if entry["file"] == "okay_nabu_2.flac")
    early = word[int(16000 * entry["word_start_s"]) :]
    assert not wake.run(early, "okay_nabu", settle_s=0).detections
    assert wake.run(early, "okay_nabu").detections


def test_cutoff_can_be_set():
    word = own("okay_nabu_1.flac")
    strict = wake.run(word, "okay_nabu", cutoff=255)
    assert strict.cutoff == 255
    assert not strict.detections
    assert wake.run(word, "okay_nabu", cutoff=100).detections


def test_result_says_what_ran(tmp_path):
    result = wake.run(SOUNDS["silence"], "alexa")
    assert (result.wake_word, result.cutoff, result.window) == ("Alexa", 229, 5)
    assert result.backend in {"viper", "python"}
    assert result.duration_s == 1.0
    assert json.loads(json.dumps(result.to_json()))["detections"] == []
    # An inference every 30 ms, each at the end of the sound that it looked at.
    np.testing.assert_allclose(np.diff(result.times_s), 0.03)
    assert 0 < result.times_s[0] <= 0.03
    assert result.times_s[-1] <= 1.0


@pytest.mark.parametrize("model", MODELS)
def test_a_model_fits_the_board(model):
    assert run(SOUNDS["silence"], model).model_bytes < 120_000


def test_picture_shows_the_detection(tmp_path):
    samples = own("okay_nabu_1.flac")
    result = wake.run(samples, "okay_nabu")
    path = tmp_path / "out.png"
    wake.plot(samples, result, path, title="x", word_end_s=1.87)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 20_000


def test_the_board_refuses_what_the_host_would_refuse(monkeypatch):
    """The engine's own check, with the host's taken away."""
    good = models.compiled("alexa")
    spoilt = {
        "cut short": good[:-1],
        "only a start": good[:40],
        "empty": b"",
        "wrong magic": b"TFL3" + good[4:],
        "later version": good[:4] + b"\x02" + good[5:],
        "one bit": good[:20000] + bytes([good[20000] ^ 4]) + good[20001:],
        "one bit in the header": good[:24] + bytes([good[24] ^ 1]) + good[25:],
    }
    for what, data in spoilt.items():
        monkeypatch.setattr(models, "compiled", lambda _, data=data: data)
        with pytest.raises(ModelError, match=r"not a wake-word model|corrupt|version 2"):
            wake.run(SOUNDS["silence"], what)
