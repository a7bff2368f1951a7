"""Sound in any portions: the same features, outputs and detections, to the bit."""

import os
import subprocess

import numpy as np
import pytest
import wake_reference

from mynah import audio_files, models
from mynah.paths import AUDIO_DIR, FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

# After every row of features: the row, the model's output, how many detections there have been.
RUNNER = """
import sys
from array import array
from speaker.wake.engine import WakeEngine
engine = WakeEngine(sys.argv[1])
size = int(sys.argv[2])
portion = array("h", bytes(2 * size))
view = memoryview(portion)
heard = array("H", [0])
stdin, out = sys.stdin.buffer, sys.stdout.buffer

# A portion may hold several rows: looked at where the engine makes them.
step = engine._step
def looked_at():
    found = step()
    heard[0] += found
    out.write(engine.features)
    out.write(bytes((engine.probability, heard[0])))
    return found
engine._step = looked_at

while True:
    n_bytes = stdin.readinto(portion)
    if not n_bytes:
        break
    engine.feed(view[: n_bytes // 2], n_bytes // 2)
"""


def run(tmp_path, samples, size):
    (tmp_path / "m.wake").write_bytes(models.compiled("alexa"))
    (tmp_path / "run.py").write_text(RUNNER)
    done = subprocess.run(
        [*micropython_command(), str(tmp_path / "run.py"), str(tmp_path / "m.wake"), str(size)],
        input=samples.astype("<i2").tobytes(),
        env=dict(os.environ, MICROPYPATH=str(FIRMWARE_DIR)),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, 82)


@pytest.fixture(scope="module")
def sound():
    parts = [np.zeros(17600, np.int16), audio_files.load(AUDIO_DIR / "alexa_1.flac")]
    sounds = wake_reference.sounds()
    return np.concatenate([*parts, sounds["extremes"], sounds["bursts"]])


@pytest.mark.parametrize("size", [1, 7, 160, 777, 16000])
def test_any_portions_make_the_same_rows(tmp_path, sound, size):
    rows = run(tmp_path, sound, size)
    expected = wake_reference.features(sound)
    np.testing.assert_array_equal(np.ascontiguousarray(rows[:, :80]).view("<u2"), expected)
    outputs = wake_reference.Interpreter("alexa").probabilities(expected)
    np.testing.assert_array_equal(rows[2::3, 80], outputs)
    assert rows[-1, 81] == 1
