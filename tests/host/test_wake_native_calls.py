"""How the firmware calls native code: one call a row and one an inference, with the right arrays.

The Xtensa modules are replaced by stand-ins that do their work in Python, in MicroPython.
"""

import json
import os
import subprocess

import pytest

from mynah import audio_files, models, wake
from mynah.paths import AUDIO_DIR, FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

RUNNER = """
import sys, json
from array import array
from uctypes import addressof
from speaker.kernels import frontend_python as stages, model_python
from speaker.wake import tables as t

calls = []
NAMES = ("matvec", "depthwise", "table", "append", "copy")

class Frontend:
    copy = staticmethod(stages.copy)
    quantise = staticmethod(stages.quantise)

    @staticmethod
    def frame(arrays):
        f = engine._frontend
        buffers = (f._history, t.WINDOW, t.ORDER, t.TWIDDLES, f._work, t.SPLIT, f._energies, None,
                   t.WIDTHS, t.WEIGHTS, f._signal, f._estimates, t.GAINS, t.LOGARITHMS, f.features)
        want = [t.FIRST_BIN if b is None else addressof(b) & 0xFFFFFFFF for b in buffers]
        assert list(arrays) == want
        shift = stages.spectrum(f._history, t.WINDOW, t.ORDER, t.TWIDDLES, f._work)
        stages.energy(f._work, t.SPLIT, f._energies)
        stages.filterbank(f._energies, t.FIRST_BIN, t.WIDTHS, t.WEIGHTS, shift, f._signal)
        stages.compress(f._signal, f._estimates, t.GAINS, t.LOGARITHMS, f.features)
        stages.copy(f._history, 0, f._history, 160, 320)
        calls.append(0)

class Model:
    SCRATCH = 2080

    @staticmethod
    def run(blob, arena, at, count):
        size = int.from_bytes(blob[24:28], "little")
        assert len(arena) == size + 2080
        for _ in range(count):
            code = int.from_bytes(blob[at : at + 4], "little")
            getattr(model_python, NAMES[code - 1])(blob, arena, at)
            at += 4 * int.from_bytes(blob[at + 4 : at + 8], "little")
        calls.append(count)

sys.modules["speaker.kernels.frontend_xtensa"] = Frontend
sys.modules["speaker.kernels.model_xtensa"] = Model
import speaker.kernels
speaker.kernels.frontend_xtensa, speaker.kernels.model_xtensa = Frontend, Model
from speaker.wake.engine import WakeEngine
engine = WakeEngine(sys.argv[1])
hop = array("h", bytes(320))
probabilities = []
while sys.stdin.buffer.readinto(hop) == 320:
    before = len(calls)
    engine.feed(hop, 160)
    if calls[before:] and calls[-1]:
        probabilities.append(engine.probability)
print(json.dumps({"backend": engine.backend, "calls": calls, "probabilities": probabilities}))
"""


@pytest.fixture(scope="module")
def sound():
    return audio_files.load(AUDIO_DIR / "okay_nabu_1.flac")[:16000]


def test_one_call_a_row_and_one_an_inference(tmp_path, sound):
    model = tmp_path / "okay_nabu.wake"
    model.write_bytes(models.compiled("okay_nabu"))
    runner = tmp_path / "runner.py"
    runner.write_text(RUNNER)
    done = subprocess.run(
        [*micropython_command(), str(runner), str(model)],
        input=sound.astype("<i2").tobytes(),
        capture_output=True,
        env=dict(os.environ, MICROPYPATH=f"{FIRMWARE_DIR}{os.pathsep}.frozen"),
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    said = json.loads(done.stdout)
    assert said["backend"] == "xtensa"
    n_instructions = max(said["calls"])
    assert said["calls"][:8] == [0, 0, 0, n_instructions] * 2
    expected = wake.run(sound, "okay_nabu", settle_s=0)
    assert said["probabilities"] == expected.probabilities.tolist()
