"""The demo where it must fail; that it succeeds is shown from the wheel (test_packaging)."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mynah.audio_files import RATE_HZ
from mynah.demo.sound import Sound, default_sound, word_end_s
from mynah.errors import UsageError
from mynah.paths import AUDIO_DIR


def demo(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-c", "from mynah.cli import main; main()", "demo", "--quiet", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        check=False,
    )


def test_a_recording_without_the_wake_word_fails_the_step_that_listens(tmp_path):
    done = demo("--json", "--wav", str(AUDIO_DIR / "negative_1.flac"), cwd=tmp_path)
    result = json.loads(done.stdout)
    assert (done.returncode, result["ok"]) == (6, False)
    assert [step["ok"] for step in result["steps"]] == [True, True, True, True, False]
    assert result["steps"][-1]["name"] == "listen"
    assert "no wake word heard in negative_1.flac" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nope"], "no model 'nope'"),
        (["--wav", "missing.wav"], "no recording at missing.wav"),
        (["--wav", "text.wav"], "text.wav is not a recording"),
        (["--out", "text.wav/out"], "--out text.wav/out"),
    ],
)
def test_what_cannot_be_shown_is_told_before_anything_starts(tmp_path, arguments, message):
    (tmp_path / "text.wav").write_text("this is no sound")
    done = demo(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["text.wav"]


def test_the_end_of_the_word_is_found_where_it_is_known():
    known = default_sound("alexa")
    estimated = word_end_s(Sound(known.name, known.samples), known.word_end_s + 0.2)
    assert known.word_end_s == pytest.approx(estimated, abs=0.15)


def test_the_end_of_the_word_in_noise_is_before_the_detection():
    noise = np.random.default_rng(1).normal(0, 3000, 2 * RATE_HZ).astype(np.int16)
    assert 0 < word_end_s(Sound("noise", noise), 1.5) <= 1.5


def test_a_model_without_a_recording_of_ours_asks_for_one():
    with pytest.raises(UsageError, match="--wav FILE"):
        default_sound("hey_jarvis")
