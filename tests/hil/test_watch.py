"""A board tells a subscriber of what happens to it: its button, its wake word."""

import contextlib
import threading

import pytest

from mynah.miio.watch import Change, Happened, watch


@pytest.fixture
def told(paired):
    """A function: do something, and wait until the board has told of everything that is wanted."""
    with contextlib.closing(watch(paired, timeout_s=30)) as messages:

        def after(do, *wanted):
            timer = threading.Timer(0.5, do)  # the subscription comes with the first look
            timer.start()
            seen = []
            while not all(any(want(message) for message in seen) for want in wanted):
                seen.append(next(messages))
            timer.join()
            return seen

        yield after


def test_the_button_and_what_it_starts(button, told):
    told(
        lambda: button.press("boot"),
        lambda message: message == Happened("button.pressed", {"name": "boot"}),
        lambda message: message == Change("play-control.playing-state", 1),
    )


def test_the_wake_word(mic, recordings, told):
    _, samples = recordings("okay_nabu")[0]
    seen = told(
        lambda: mic.play(samples),
        lambda message: message.name == "wake.heard",
        lambda message: message == Change("wake.count", 1),
    )
    (heard,) = [message for message in seen if message.name == "wake.heard"]
    assert heard.arguments["last-word"] == "Okay Nabu"
    assert heard.arguments["last-probability"] > 200
