"""The viper kernels with 32-bit integers, as on the chip, against their Python twins."""

import importlib
import struct
import sys
import types
from array import array

import numpy as np
import pytest
import wake_reference
from viper32 import Int32, Memory

from mynah import models
from mynah.models import frontend_tables as tables
from mynah.models import wake_file
from mynah.paths import FIRMWARE_DIR

KERNELS = FIRMWARE_DIR / "speaker" / "kernels"
WINDOW, CHANNELS = 480, 40


@pytest.fixture
def twins(monkeypatch):
    """The Python twins, imported into CPython."""
    fake = types.ModuleType("micropython")
    fake.const = lambda value: value
    monkeypatch.setitem(sys.modules, "micropython", fake)
    monkeypatch.syspath_prepend(str(FIRMWARE_DIR))
    for name in [name for name in sys.modules if name.split(".")[0] == "speaker"]:
        monkeypatch.delitem(sys.modules, name)
    names = ("frontend_python", "model_python")
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


class ViperFrontend:
    """The same in 32-bit memory, run by the viper sources."""

    def __init__(self):
        self.memory = memory = Memory()
        self.kernels = memory.load(KERNELS / "frontend_viper.py")
        self.first, widths, weights = tables.filterbank()
        self.widths, self.weights = memory.put(widths), memory.put(words(weights))
        self.window, self.order = memory.put(words(tables.window())), memory.put(tables.order())
        self.twiddles = memory.put(words(tables.twiddles()))
        self.split = memory.put(words(tables.split_twiddles()))
        self.gains = memory.put(words(tables.gains()))
        self.logarithms = memory.put(words(tables.logarithms()))
        sizes = (960, 1024, 1024, 160, 160, 80)
        (self.history, self.work, self.energies, self.signal, self.estimates, self.features) = (
            memory.put(bytes(size)) for size in sizes
        )

    def row(self, samples):
        k, memory = self.kernels, self.memory
        memory.data[self.history : self.history + 960] = samples.astype("<i2").tobytes()
        shift = k.spectrum(self.history, self.window, self.order, self.twiddles, self.work)
        k.energy(self.work, self.split, self.energies)
        k.filterbank(self.energies, self.first, self.widths, self.weights, shift, self.signal)
        k.compress(self.signal, self.estimates, self.gains, self.logarithms, self.features)
        places = (self.work, self.energies, self.features, self.estimates)
        return tuple(
            memory.get(place, size)
            for place, size in zip(places, (1024, 1024, 80, 160), strict=True)
        )


def test_int32_wraps_as_the_chip_does():
    assert Int32(1 << 31) == -(1 << 31)
    assert Int32(0x7FFFFFFF) + 1 == -(1 << 31)
    assert 1 << Int32(31) == -(1 << 31)
    assert Int32(-5) >> 1 == -3
    assert Int32(50000) * 50000 == 50000 * 50000 - (1 << 32)


def test_front_end_needs_no_more_than_32_bits(twins):
    twin, viper = TwinFrontend(twins[0]), ViperFrontend()
    for name, samples in windows():
        expected, got = twin.row(samples), viper.row(samples)
        # Energies of bin 0 are not computed.
        assert (expected[0], expected[1][4:]) == (got[0], got[1][4:]), name
        assert expected[2:] == got[2:], name


def run_twin(twin, blob, arena, program):
    for code, at in program:
        getattr(twin, code)(blob, arena, at)


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


def compare_layer(twins, name, operands, constants, arena, code=0):
    """Twin and 32-bit viper of one instruction leave the same arena."""
    blob, at = layer(code, operands, constants)
    expected = bytearray(arena)
    getattr(twins[1], name)(blob, expected, at)
    memory = Memory()
    kernels = memory.load(KERNELS / "model_viper.py")
    # The arena's slots are offsets, so blob and arena may be anywhere.
    blob_at, arena_at = memory.put(blob), memory.put(bytes(arena))
    getattr(kernels, name)(blob_at, arena_at, at)
    assert memory.get(arena_at, len(arena)) == bytes(expected)
    assert memory.get(blob_at, len(blob)) == blob
    return bytes(expected)


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


@pytest.mark.parametrize(
    ("length", "n_outputs", "n_rows"), [(40, 8, 1), (200, 6, 1), (7, 5, 3), (1, 1, 2)]
)
def test_matvec_with_extreme_numbers(twins, length, n_outputs, n_rows):
    rng = np.random.default_rng(length)
    for fill in (None, 0, 255):
        weights = rng.integers(0, 256, (n_outputs, length), dtype=np.uint8)
        arena = arena_with(rng, 1200, 8, 1000)
        if fill is not None:
            weights[:] = fill
            arena[8:900] = bytes([255]) * 892
        constants = (weights.tobytes(), *scaling(rng, n_outputs, 255 * 128 * length))
        operands = (0, 3, 5, 1, 2, n_outputs + 1, n_rows, length, n_outputs, 117, 20)
        compare_layer(twins, "matvec", operands, constants, arena)


@pytest.mark.parametrize(("n_taps", "n_channels", "n_rows"), [(5, 16, 1), (21, 3, 1), (2, 1, 3)])
def test_depthwise_with_extreme_numbers(twins, n_taps, n_channels, n_rows):
    rng = np.random.default_rng(n_taps)
    for fill in (None, 0, 255):
        weights = rng.integers(0, 256, (n_taps, n_channels), dtype=np.uint8)
        arena = arena_with(rng, 1200, 8, 1000)
        if fill is not None:
            weights[:] = fill
            arena[8:900] = bytes([255]) * 892
        constants = (weights.tobytes(), *scaling(rng, n_channels, 255 * 128 * n_taps))
        pitch = n_channels + 2
        operands = (0, 3, pitch, 2 * pitch, 1, 2, n_channels, n_rows, n_taps, n_channels, 9, 0)
        compare_layer(twins, "depthwise", operands, constants, arena)


def test_moves_and_tables(twins):
    rng = np.random.default_rng(1)
    table = rng.permutation(256).astype(np.uint8).tobytes()
    compare_layer(twins, "table", (0, 1, 1, 2, 60), (table,), arena_with(rng, 400, 8, 300))
    compare_layer(twins, "copy", (0, 1, 9, 1, 2, 5, 6, 4), (), arena_with(rng, 400, 8, 300))
    arena = arena_with(rng, 400, 12, 100, 0)
    for _ in range(7):
        # A ring of 3 rows of 8 bytes at 100, a window of 2 rows, one new row a time.
        arena = bytearray(compare_layer(twins, "append", (0, 0, 8, 1, 100, 2, 24, 16), (), arena))
        window = struct.unpack_from("<I", arena, 4)[0]
        assert arena[window + 8 : window + 16] == arena[12:20]
        arena[12:20] = rng.integers(0, 256, 8, dtype=np.uint8).tobytes()


def test_a_whole_inference_needs_no_more_than_32_bits(twins):
    """Every layer of a shipped model, with its own weights and scales, on loud and quiet input."""
    blob = models.compiled("alexa")
    header, _ = wake_file.read(blob)
    names = {1: "matvec", 2: "depthwise", 3: "table", 4: "append", 5: "copy"}
    program, at = [], header.program_at
    for _ in range(header.n_instructions):
        code, n_words = struct.unpack_from("<2i", blob, at)
        program.append((names[code], at))
        at += 4 * n_words
    rng = np.random.default_rng(4)
    arena = bytearray(header.arena_size)
    slots = blob[header.slots_at : header.slots_at + 4 * header.n_slots]
    arena[: len(slots)] = slots
    memory = Memory()
    kernels = memory.load(KERNELS / "model_viper.py")
    blob_at, arena_at = memory.put(blob), memory.put(bytes(arena))
    for high in (256, 40):
        rows = rng.integers(0, high, 120, dtype=np.uint8).tobytes()
        arena[header.input_at : header.input_at + 120] = rows
        memory.data[arena_at + header.input_at : arena_at + header.input_at + 120] = rows
        for name, place in program:
            getattr(twins[1], name)(blob, arena, place)
            getattr(kernels, name)(blob_at, arena_at, place)
        assert memory.get(arena_at, len(arena)) == bytes(arena)
