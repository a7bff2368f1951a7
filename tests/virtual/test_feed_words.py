"""A board that listens for two words tells of both what it makes of a recording."""

import numpy as np
import pytest

from mynah import boards, wake
from mynah.audio_files import load
from mynah.flash.plan import plan
from mynah.hil import Console
from mynah.paths import AUDIO_DIR
from mynah.virtual.board import VirtualBoard
from mynah.wake.board import BoardWake

MODELS = ["alexa", "okay_nabu"]


@pytest.fixture(scope="module")
def url():
    """The port of a virtual board with two models."""
    what = plan(boards.load("virtual"), MODELS)
    with VirtualBoard(content=what.parts(16 << 20)) as virtual:
        with Console(virtual.url) as console:
            console.reset_board()
            console.expect("app: ready", 20)
        yield virtual.url


def test_two_words_are_told_apart(url):
    samples = np.concatenate([load(AUDIO_DIR / f"{name}_2.flac") for name in MODELS])
    with BoardWake(url) as board:
        told = board.feed(samples)
    assert list(told) == MODELS
    for name in MODELS:
        here = wake.run(samples, name)
        assert told[name].wake_word == here.wake_word
        np.testing.assert_array_equal(told[name].probabilities, here.probabilities)
        assert told[name].detections == here.detections
        assert len(here.detections) == 1
