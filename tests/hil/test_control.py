"""What is set over miIO is done, and reads back."""

import contextlib
import time

import pytest

from mynah.errors import BoardError


@pytest.fixture
def loudness(paired, speaker):
    """A function: the level in dBFS of the melody that the board plays when it is told to."""

    def measure():
        with speaker.record() as recording:
            paired.action("play-control.play")
            time.sleep(0.8)
        paired.action("play-control.stop")
        time.sleep(0.3)
        return recording.sound

    return measure


@pytest.mark.proves(
    "loudspeaker", "property speaker.volume", "property speaker.mute", "action play-control.stop"
)
def test_a_higher_volume_is_louder_and_mute_is_silent(device, paired, loudness):
    paired.set("speaker.volume", 30)
    quiet = loudness().level_dbfs
    paired.set("speaker.volume", 90)
    loud = loudness().level_dbfs
    device.measured("level at volume 90", loud, "dBFS")
    assert paired.get("speaker.volume") == 90
    assert loud > quiet + 6 > -60
    paired.set("speaker.mute", True)
    assert loudness().is_silent


@pytest.mark.proves("property play-control.playing-state")
def test_play_and_stop_are_told_by_the_playing_state(paired):
    paired.action("play-control.play")
    assert paired.get("play-control.playing-state") == 1
    paired.action("play-control.stop")
    time.sleep(0.3)
    assert paired.get("play-control.playing-state") == 0


@pytest.mark.proves("light light", "light no light", "property indicator-light.color")
def test_the_led_shows_the_colour_that_was_set(paired, led):
    paired.set("indicator-light.color", 0x0000FF)  # no state of the network is shown so
    paired.set("indicator-light.on", True)
    ((red, green, blue),) = led.wait_for(lambda colour: colour[2] > 0)
    assert blue > 0
    assert (red, green) == (0, 0)
    paired.set("indicator-light.on", False)
    led.wait_for((0, 0, 0))


@pytest.mark.proves("microphone", "property microphone.mute")
def test_a_muted_microphone_hears_nothing(device, paired, mic, say, recordings):
    _, samples = recordings("okay_nabu")[0]
    paired.set("microphone.mute", True)
    with contextlib.suppress(BoardError):  # over the console it is refused
        mic.play(samples, wait=True)
    paired.set("microphone.mute", False)
    say()
    assert sum("wake: heard" in line for line in device.lines) == 1


@pytest.mark.parametrize("value", [-1, 101, "loud"])
@pytest.mark.proves("errors")
def test_a_volume_out_of_range_is_refused_by_the_board(paired, value):
    before = paired.get("speaker.volume")
    (answer,) = paired.call("set_properties", [{"did": "x", "siid": 2, "piid": 1, "value": value}])
    assert answer["code"] == -4005
    assert paired.get("speaker.volume") == before


@pytest.mark.proves("strangers without the token")
def test_a_wrong_token_gets_no_answer(paired):
    from mynah.errors import BoardTimeoutError
    from mynah.miio import MiioClient

    with (
        MiioClient(paired.address, bytes(16), retries=0) as stranger,
        pytest.raises((BoardTimeoutError, BoardError)),
    ):
        stranger.info()
