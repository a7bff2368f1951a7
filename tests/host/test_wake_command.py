"""``mynah wake``: words, JSON, a picture, and errors that say what to do."""

import json

import pytest
from click.testing import CliRunner

from mynah.cli.wake import command
from mynah.errors import AudioError, ModelError, UsageError
from mynah.paths import AUDIO_DIR

WORD, OTHER = str(AUDIO_DIR / "okay_nabu_1.flac"), str(AUDIO_DIR / "tones.flac")


def invoke(*arguments):
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_says_when_it_was_heard_and_when_not():
    done = invoke(WORD, OTHER)
    assert done.exit_code == 0
    heard, not_heard = done.stdout.splitlines()
    assert '"Okay Nabu" at 1.' in heard
    assert "not heard" in not_heard


def test_json_and_picture(tmp_path):
    picture = tmp_path / "p.png"
    done = invoke(WORD, "--json", "--plot", str(picture))
    (result,) = json.loads(done.stdout)
    assert result["file"] == WORD
    assert len(result["detections"]) == 1
    assert result["peak"] > 0.9
    assert picture.stat().st_size > 10_000
    assert str(picture) in done.stderr


def test_another_model_hears_nothing():
    assert "not heard" in invoke(WORD, "--model", "alexa").stdout


def test_cutoff():
    assert "not heard" in invoke(WORD, "--cutoff", "1").stdout


def test_errors(tmp_path):
    with pytest.raises(UsageError, match="one FILE"):
        invoke(WORD, OTHER, "--plot", str(tmp_path / "x.png"))
    with pytest.raises(ModelError, match="no wake-word model 'nobody'"):
        invoke(WORD, "--model", "nobody")
    with pytest.raises(AudioError, match="no recording at"):
        invoke(str(tmp_path / "none.wav"))
