"""Several models on one front end, and the whole sound path with the heap locked."""

import os
import subprocess

import numpy as np
import pytest
from test_wake_operators import mixed
from wake_reference import Interpreter, features

from mynah import audio_files, models
from mynah.models import wake_file
from mynah.paths import AUDIO_DIR, FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

# Hops of 160 samples in; for each row of features and model: probability, heard, missed.
RUNNER = """
import sys
from array import array
from speaker.wake.engine import WakeEngine
engine = WakeEngine(sys.argv[1:])
hop = array("h", bytes(320))
record = bytearray(3)
out = sys.stdout.buffer
while sys.stdin.buffer.readinto(hop) == 320:
    engine.feed(hop, 160)
    for word in engine.words + engine.vads:
        record[0] = word.model.probability
        record[1] = word.take_heard()
        record[2] = word.take_missed()
        out.write(record)
"""

# The path of sound as the board has it, from I2S slots to the detector, with nothing to allocate.
LOCKED = """
import micropython, sys
from array import array
from speaker.app.listener import Listener
from speaker.audio.microphone import Microphone
from speaker.audio.ring import FrameRing
from speaker.wake.engine import WakeEngine

class Flag:
    def set(self): pass

class I2S:
    def irq(self, handler): pass
    def readinto(self, buffer): pass

heard, missed = [0, 0], [0]
def on_heard(word, mean, at): heard[engine.words.index(word)] += 1
def on_missed(word, peak, at): missed[0] += 1

engine = WakeEngine(sys.argv[1:])
ring = FrameRing(4, 320)
mic = Microphone(I2S, Flag(), ring, Flag(), 16, 300)
mic._start()
listener = Listener(ring, None, engine, on_heard, on_missed)
samples = array("h", bytes(640))
ms = mic._due_ms
frames = 0
while sys.stdin.buffer.readinto(samples) == 640:
    for i in range(320):
        mic._slots[2 * i + 1] = samples[i] & 0xFFFF
    micropython.heap_lock()
    try:
        mic.account(ms)
        mic.take()
        while listener.step():
            pass
    finally:
        micropython.heap_unlock()
    ms = (ms + 20) & 0x3FFFFFFF
    frames += 1
print(frames, heard[0], heard[1], missed[0], ring.dropped, mic.lost_ms, engine.model_size)
"""


def run(script, tmp_path, files, samples):
    paths = []
    for number, data in enumerate(files):
        path = tmp_path / f"m{number}.wake"
        path.write_bytes(data)
        paths.append(str(path))
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [*micropython_command(), str(tmp_path / "script.py"), *paths],
        input=samples.astype("<i2").tobytes(),
        env=dict(os.environ, MICROPYPATH=f"{FIRMWARE_DIR}{os.pathsep}.frozen"),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return done.stdout


def together(tmp_path, files, samples):
    """What each model said in every row of features: probability, heard, missed."""
    output = run(RUNNER, tmp_path, files, samples)
    return np.frombuffer(output, np.uint8).reshape(-1, len(files), 3)


def recording():
    parts = [np.zeros(20000, np.int16)]
    for name in ("okay_nabu_1", "alexa_1", "okay_nabu_2"):
        parts += [audio_files.load(AUDIO_DIR / f"{name}.flac"), np.zeros(24000, np.int16)]
    return np.concatenate(parts)


@pytest.fixture
def vad(tmp_path):
    """A small model of another stride that stands for one that hears speech."""
    graph, _, output = mixed(np.random.default_rng(11), 2, 20, 9)
    (tmp_path / "vad.tflite").write_bytes(graph.file(output))
    manifest = (
        '{"wake_word": "vad", "micro": {"probability_cutoff": 0.5, "sliding_window_size": 5,'
        ' "feature_step_size": 10}}'
    )
    return tmp_path / "vad.tflite", models.compile_model(graph.file(output), manifest)


def test_each_model_says_what_it_says_alone(tmp_path, vad):
    samples = recording()
    files = [models.compiled("okay_nabu"), models.compiled("alexa"), vad[1]]
    said = together(tmp_path, files, samples)
    rows = features(samples)
    expected = [Interpreter(name).probabilities(rows) for name in ("okay_nabu", "alexa")]
    expected.append(Interpreter.of_file(vad[0]).probabilities(rows))
    for number, (outputs, stride) in enumerate(zip(expected, (3, 3, 2), strict=True)):
        # Two hops go by before the first row of features.
        got = said[2 + stride - 1 :: stride, number, 0]
        np.testing.assert_array_equal(got, outputs[: len(got)])


def heard(said):
    return said[:, :, 1].sum(0).tolist()


def test_two_wake_words_and_a_stop_word_are_told_apart(tmp_path):
    stop = wake_file.with_manifest(models.compiled("hey_jarvis"), kind="stop")
    files = [models.compiled("okay_nabu"), models.compiled("alexa"), stop]
    assert heard(together(tmp_path, files, recording())) == [2, 1, 0]


def test_a_vad_model_blocks_what_it_does_not_hear_as_speech(tmp_path):
    """alexa's own model as a VAD: only while it fires is okay_nabu let through."""
    samples = recording()
    word = models.compiled("alexa")
    deaf = wake_file.with_manifest(word, kind="vad", cutoff=255)
    said = together(tmp_path, [word, deaf], samples)
    assert heard(said) == [0, 0]
    # What was blocked is told as a miss over the cutoff.
    assert said[:, 0, 2].max() > 229
    keen = wake_file.with_manifest(word, kind="vad", cutoff=100)
    assert heard(together(tmp_path, [word, keen], samples)) == [1, 0]
    assert heard(together(tmp_path, [models.compiled("okay_nabu"), keen], samples)) == [0, 0]


def test_a_close_miss_is_told_with_its_peak(tmp_path):
    strict = wake_file.with_manifest(models.compiled("alexa"), cutoff=255)
    said = together(tmp_path, [strict], recording())
    assert heard(said) == [0]
    misses = said[:, 0, 2][said[:, 0, 2] > 0]
    assert len(misses) >= 1
    assert misses.max() > 229


def test_nothing_allocates_on_the_whole_path_of_sound(tmp_path, vad):
    """A minute from I2S slots to the detectors of two words, gated by a third model."""
    if b"native" not in run(NATIVE, tmp_path, [], np.zeros(0)):
        pytest.skip("the Python twins may allocate")
    open_vad = wake_file.with_manifest(vad[1], cutoff=0)
    sound = np.tile(recording(), 8)[: 60 * 16000]
    files = [models.compiled("okay_nabu"), models.compiled("alexa"), open_vad]
    fields = [int(field) for field in run(LOCKED, tmp_path, files, sound).split()]
    frames, nabu, alexa, _, dropped, lost_ms, size = fields
    assert (frames, dropped, lost_ms) == (3000, 0, 0)
    assert nabu >= 5
    assert alexa >= 3
    assert size < 3 * 120_000


NATIVE = """
from speaker.kernels.model import BACKEND
print("twin" if BACKEND == "python" else "native")
"""


def test_a_vad_alone_is_refused(tmp_path, vad):
    script = """
import sys
from speaker.wake.engine import WakeEngine
try:
    WakeEngine(sys.argv[1:])
except ValueError as error:
    print(error)
"""
    assert b"no wake word" in run(script, tmp_path, [vad[1]], np.zeros(0))
