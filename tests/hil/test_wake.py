"""The wake word is heard in a recording that comes in through the microphone's DMA."""

import time

import numpy as np

RATE_HZ = 16000
HEARD = r'wake: heard "Okay Nabu" p=(\d+) at=(\d+)'


def test_the_wake_word_is_heard_shown_and_answered(ready, world, recordings):
    _, samples = recordings("okay_nabu")[0]
    with world.speaker.record() as recording:
        world.mic.play(samples, RATE_HZ)
        match = ready.expect(HEARD, len(samples) / RATE_HZ + 3)
        ready.expect(r"led: ", 2)
        time.sleep(0.8)
        answer = recording.stop()
    assert int(match[1]) > 200
    assert np.abs(answer.astype(np.int32)).max() > 1000, "no chime came out of the speaker"


def test_speech_without_the_wake_word_is_not_heard(ready, world, recordings):
    for _, samples in recordings("negative"):
        world.mic.play(samples, RATE_HZ).wait(len(samples) / RATE_HZ + 3)
    time.sleep(0.5)
    assert not [line for _, line in ready.lines if "wake: heard" in line]
