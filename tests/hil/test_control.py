"""What is set over miIO is done, and reads back."""

import time

import numpy as np
import pytest

from mynah.errors import BoardError


def loudness(world, client):
    with world.speaker.record() as recording:
        client.action("play-control.play")
        time.sleep(0.8)
        sound = recording.stop()
    client.action("play-control.stop")
    time.sleep(0.3)
    return float(np.abs(sound.astype(np.int32)).max())


def test_a_higher_volume_is_louder_and_mute_is_silent(paired, world):
    paired.set("speaker.volume", 30)
    quiet = loudness(world, paired)
    paired.set("speaker.volume", 90)
    loud = loudness(world, paired)
    assert paired.get("speaker.volume") == 90
    assert loud > 2 * quiet > 0
    paired.set("speaker.mute", True)
    assert loudness(world, paired) == 0
    paired.set("speaker.mute", False)


def test_play_and_stop_are_told_by_the_playing_state(paired):
    paired.action("play-control.play")
    assert paired.get("play-control.playing-state") == 1
    paired.action("play-control.stop")
    time.sleep(0.3)
    assert paired.get("play-control.playing-state") == 0


def test_the_led_shows_the_colour_that_was_set(paired, world):
    paired.set("indicator-light.color", 0x00FF00)
    paired.set("indicator-light.on", True)
    time.sleep(0.3)
    (leds,) = [leds for leds in world.leds.values() if leds]
    red, green, blue = leds[0]
    assert green > 0
    assert (red, blue) == (0, 0)
    paired.set("indicator-light.on", False)


def test_a_muted_microphone_hears_nothing(paired, bench, world, console, recordings):
    _, samples = recordings("okay_nabu")[0]
    paired.set("microphone.mute", True)
    world.mic.play(samples, 16000).wait(10)
    paired.set("microphone.mute", False)
    world.mic.play(samples, 16000).wait(10)
    console.expect(r"wake: heard", 3)
    assert sum("wake: heard" in line for _, line in console.lines) == 1


@pytest.mark.parametrize("value", [-1, 101, "loud"])
def test_a_volume_out_of_range_is_refused_by_the_board(paired, value):
    before = paired.get("speaker.volume")
    (answer,) = paired.call("set_properties", [{"did": "x", "siid": 2, "piid": 1, "value": value}])
    assert answer["code"] == -4005
    assert paired.get("speaker.volume") == before


def test_a_wrong_token_gets_no_answer(paired):
    from mynah.errors import BoardTimeoutError
    from mynah.miio import MiioClient

    with (
        MiioClient(paired.address, bytes(16), retries=0) as stranger,
        pytest.raises((BoardTimeoutError, BoardError)),
    ):
        stranger.info()
