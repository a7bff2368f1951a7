"""The wake word is heard in a recording that comes in through the microphone's DMA."""

import time

import pytest


@pytest.mark.proves("wake word", "light wake", "loudspeaker")
def test_the_wake_word_is_heard_shown_and_answered(device, say, speaker):
    with speaker.record() as recording:
        match = say()
        device.expect(r"led: ", 2)
        time.sleep(0.8)
    device.measured("wake probability", int(match[1]) / 255)
    assert int(match[1]) > 200
    chime = recording.sound.loud_part()
    device.measured("chime", chime.level_dbfs, "dBFS")
    assert chime.peak_dbfs > -30, "no chime came out of the speaker"


@pytest.mark.proves("speech that is no wake word")
def test_speech_without_the_wake_word_is_not_heard(device, mic, recordings):
    _, samples = recordings("negative")[0]
    mic.play(samples, wait=True)
    device.refuse("wake: heard", 0.5)
