"""The sound path's viper loops with the chip's 32-bit integers, at the edges of their ranges."""

import math

import numpy as np
import pytest
from viper32 import Memory

from mynah.paths import FIRMWARE_DIR

SOURCE = FIRMWARE_DIR / "speaker" / "kernels" / "pcm_viper.py"
SINE = np.round(32767 * np.sin(2 * math.pi * np.arange(1024) / 1024)).astype("<i2")


@pytest.fixture
def memory():
    return Memory()


@pytest.mark.parametrize("shift", range(8, 17))
def test_slots_become_saturated_samples(memory, shift):
    random = np.random.default_rng(shift)
    slots = random.integers(-(2**31), 2**31, 200)
    slots[:6] = [-(2**31), 2**31 - 1, 0, -1, 2**23 - 1, -(2**23)]
    out = memory.put(bytes(2 * len(slots)))
    kernels = memory.load(SOURCE)
    kernels.samples_from_slots(memory.put(slots.astype("<i4").tobytes()), len(slots), out, shift)
    made = np.frombuffer(memory.get(out, 2 * len(slots)), "<i2")
    assert np.array_equal(made, np.clip(slots >> shift, -32768, 32767))


@pytest.mark.parametrize(
    ("phase", "step", "gain", "gain_step"),
    [
        (0, 1802, 32767 << 8, 0),  # the loudest: 32767 times 32767 is just below 2**31
        (65535, 65535, 0, (32767 << 8) // 160),
        (123, 40000, 32767 << 8, -(32767 << 8) // 160),
    ],
)
def test_tone(memory, phase, step, gain, gain_step):
    n = 160
    out = memory.put(bytes(2 * n))
    sine = memory.put(SINE.tobytes())
    end = memory.load(SOURCE).tone(out, n, sine, phase, step, gain, gain_step)
    i = np.arange(n)
    phases = (phase + step * i) & 0xFFFF
    want = (SINE[phases >> 6].astype(int) * ((gain + gain_step * i) >> 8)) >> 15
    assert np.array_equal(np.frombuffer(memory.get(out, 2 * n), "<i2"), want)
    assert end == (phase + step * n) & 0xFFFF
