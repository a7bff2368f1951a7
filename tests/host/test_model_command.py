"""``mynah model``: lists, looks into, compiles and compares."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from test_wake_operators import mixed

from mynah.cli.model import command
from mynah.errors import AudioError, ModelError, UsageError, VerificationError
from mynah.models import comparison, reference, wake_file
from mynah.paths import AUDIO_DIR

WORD, OTHER = str(AUDIO_DIR / "alexa_1.flac"), str(AUDIO_DIR / "tones.flac")


def invoke(*arguments):
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_list():
    names = [model["name"] for model in json.loads(invoke("list", "--json").stdout)]
    assert names == ["alexa", "hey_jarvis", "hey_mycroft", "okay_nabu"]
    assert "“Hey Jarvis”" in invoke("list").stdout


def test_inspect_counts_the_work():
    facts = json.loads(invoke("inspect", "okay_nabu", "--json").stdout)
    # DESIGN.md's figure for this model.
    assert facts["macs"] == 36_480
    assert facts["stride"] == 3
    assert facts["file_bytes"] + facts["arena_bytes"] < 120_000
    assert "36,480 multiply-accumulates" in invoke("inspect", "okay_nabu").stdout


def test_compile_a_model_of_ones_own(tmp_path):
    graph, _, output = mixed(np.random.default_rng(4), 4, 16, 3)
    source, out = tmp_path / "mine.tflite", tmp_path / "mine.wake"
    source.write_bytes(graph.file(output))
    options = ("--wake-word", "Hey You", "--cutoff", "0.5", "--window", "7", "--kind", "stop")
    done = invoke("compile", str(source), "--out", str(out), *options)
    assert str(out) in done.stdout
    header, manifest = wake_file.read(out.read_bytes())
    assert (manifest.wake_word, manifest.cutoff, manifest.window) == ("Hey You", 127, 7)
    assert (manifest.kind, header.input_rows) == ("stop", 4)
    done = invoke("compare", str(source), WORD)
    assert "all equal" in done.stdout
    with pytest.raises(ModelError, match=r"needs the \.tflite"):
        invoke("compare", str(out), WORD)
    with pytest.raises(UsageError, match="cannot write"):
        invoke("compile", "alexa", "--out", str(tmp_path / "none" / "x.wake"))


def test_compare_a_word_and_no_word():
    result = json.loads(invoke("compare", "alexa", WORD, OTHER, "--json").stdout)
    assert result["total"]["differ"] == 0
    assert result["total"]["inferences"] > 150
    assert (result["total"]["mynah"], result["total"]["tflite"]) == (1, 1)
    assert result["files"][0]["mynah_s"] == result["files"][0]["tflite_s"]


def test_a_difference_is_told(monkeypatch):
    honest = reference.Reference.outputs
    monkeypatch.setattr(
        comparison.reference.Reference, "outputs", lambda *a: honest(*a) // 2, raising=True
    )
    with pytest.raises(VerificationError, match="disagree about alexa"):
        invoke("compare", "alexa", WORD)


def test_errors(tmp_path):
    with pytest.raises(AudioError, match="no recordings in there"):
        invoke("compare", "alexa", str(tmp_path))
    with pytest.raises(ModelError, match="no wake-word model"):
        invoke("inspect", "nobody")
