"""The viper kernels with 32-bit integers, as on the chip, against their Python twins."""

import struct

import numpy as np
import pytest
from kernel_twins import TwinFrontend, arena_with, layer, load_twins, scaling, windows, words
from viper32 import Int32, Memory

from mynah import models
from mynah.models import frontend_tables as tables
from mynah.models import wake_file
from mynah.paths import FIRMWARE_DIR

KERNELS = FIRMWARE_DIR / "speaker" / "kernels"


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


@pytest.fixture
def twins(monkeypatch):
    return load_twins(monkeypatch)


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
