"""The kernels' Python twins in CPython, and instructions, arenas and sounds to try kernels on."""

import importlib
import struct
import sys
import types
from array import array

import numpy as np
import wake_reference

from mynah.models import frontend_tables as tables
from mynah.paths import FIRMWARE_DIR

WINDOW, CHANNELS = 480, 40


def load_twins(monkeypatch, names=("frontend_python", "model_python")):
    """The Python twins of these names, imported into CPython."""
    fake = types.ModuleType("micropython")
    fake.const = lambda value: value
    monkeypatch.setitem(sys.modules, "micropython", fake)
    monkeypatch.syspath_prepend(str(FIRMWARE_DIR))
    for name in [name for name in sys.modules if name.split(".")[0] == "speaker"]:
        monkeypatch.delitem(sys.modules, name)
    return [importlib.import_module(f"speaker.kernels.{name}") for name in names]


def words(values):
    return (np.asarray(values) & 0xFFFF).astype("<u2").tobytes()


def windows():
    for name, samples in wake_reference.sounds().items():
        for start in (0, 4800, 9000):
            yield name, samples[start : start + WINDOW]


class TwinFrontend:
    """The front end's arrays, run by the twins."""

    def __init__(self, kernels):
        self.kernels = kernels
        self.estimates = array("I", bytes(4 * CHANNELS))
        self.first, self.widths, weights = tables.filterbank()
        self.weights = words(weights)

    def row(self, samples):
        k = self.kernels
        work, energies = array("h", bytes(1024)), array("I", bytes(1024))
        signal, features = array("I", bytes(160)), array("H", bytes(80))
        history = array("h", [int(v) for v in samples])
        shift = k.spectrum(
            history, words(tables.window()), tables.order(), words(tables.twiddles()), work
        )
        k.energy(work, words(tables.split_twiddles()), energies)
        k.filterbank(energies, self.first, self.widths, self.weights, shift, signal)
        k.compress(
            signal, self.estimates, words(tables.gains()), words(tables.logarithms()), features
        )
        return work.tobytes(), energies.tobytes(), features.tobytes(), self.estimates.tobytes()


def layer(code, operands, constants):
    """A file that holds one instruction: its bytes, and where the instruction is."""
    blob = bytearray(16)
    offsets = []
    for data in constants:
        blob += bytes(-len(blob) % 4)
        offsets.append(len(blob))
        blob += data
    blob += bytes(-len(blob) % 4)
    at = len(blob)
    all_words = (code, 2 + len(operands) + len(offsets), *operands, *offsets)
    return bytes(blob + struct.pack(f"<{len(all_words)}i", *all_words)), at


def scaling(rng, count, largest):
    """Biases, multipliers and shifts at their limits and between, for sums up to `largest`."""
    room = (1 << 28) - 1 - largest
    biases = rng.integers(-room, room, count)
    biases[:2] = (room, -room)[:count]
    multipliers = rng.integers(1 << 30, 1 << 31, count)
    multipliers[:2] = ((1 << 31) - 1, 1 << 30)[:count]
    shifts = rng.integers(0, 32, count) + 65536 * rng.integers(0, 2, count)
    return tuple(
        np.asarray(column).astype("<i4").tobytes() for column in (biases, multipliers, shifts)
    )


def arena_with(rng, size, *slots):
    return bytearray(struct.pack(f"<{len(slots)}I", *slots)) + bytearray(
        rng.integers(0, 256, size, dtype=np.uint8).tobytes()
    )
