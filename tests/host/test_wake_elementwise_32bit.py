"""The kernels of the less common operators with 32-bit integers, as on the chip, beside twins."""

import importlib
import struct

import numpy as np
import pytest
from test_wake_kernels_32bit import KERNELS, load_twins
from test_wake_operators import compile_tensor, mixed
from viper32 import Memory

from mynah.models import wake_file
from mynah.models.program import Op


@pytest.fixture
def twins(monkeypatch):
    _, model = load_twins(monkeypatch)
    return model, importlib.import_module("speaker.kernels.elementwise_python")


class Bench:
    """One instruction's operands over a random arena, run by twin and viper."""

    def __init__(self, twins):
        self.twins = twins
        self.rng = np.random.default_rng(2)

    def compare(self, name, words, constants=()):
        """Both leave the same arena."""
        blob, offsets = bytearray(16), []
        for data in constants:
            offsets.append(len(blob))
            blob += data
        at = len(blob)
        everything = (6, 2 + len(words) + len(offsets), *words, *offsets)
        blob += struct.pack(f"<{len(everything)}i", *everything)
        noise = self.rng.integers(0, 256, 1600, dtype=np.uint8)
        noise[:200] = 255
        noise[200:400] = 0
        arena = bytearray(struct.pack("<3I", 12, 400, 1200)) + bytearray(noise.tobytes())
        expected = bytearray(arena)
        getattr(self.twins[1], name)(bytes(blob), expected, at)
        memory = Memory()
        kernels = memory.load(KERNELS / "elementwise_viper.py")
        blob_at, arena_at = memory.put(bytes(blob)), memory.put(bytes(arena))
        getattr(kernels, name)(blob_at, arena_at, at)
        assert memory.get(arena_at, len(arena)) == bytes(expected)
        assert expected != arena


SHIFTS = (0, 1, 7, 31, 7 + 65536, 31 + 65536)


@pytest.mark.parametrize("shift", SHIFTS)
def test_add_and_mul_with_extreme_numbers(twins, shift):
    bench = Bench(twins)
    for multiplier in ((1 << 30), (1 << 31) - 1):
        for steps in ((4, 1, 4, 1), (0, 0, 4, 1), (4, 1, 0, 1), (4, 0, 4, 1)):
            head = (0, 3, steps[0] * 5, steps[1], 1, 2, steps[2] * 5, steps[3], 2, 1, 20, 3, 17)
            tail = (128, 3, 250, multiplier, shift)
            # Terms at the ends of what the compiler lets through: their sum is under 2**28.
            limit = (1 << 27) - 1
            terms = [
                np.asarray(values).astype("<i4").tobytes()
                for values in (
                    np.linspace(-limit, limit, 256),
                    np.linspace(limit, -limit, 256) // 3,
                )
            ]
            bench.compare("add", (*head, *tail), terms)
            bench.compare("mul", (*head, *tail, 0, 255))
            bench.compare("mul", (*head, 128, 0, 255, multiplier, shift, 255, 255))


@pytest.mark.parametrize("shift", SHIFTS)
def test_mean_and_largest_with_extreme_numbers(twins, shift):
    bench = Bench(twins)
    for multiplier in (0, 1 << 30, (1 << 31) - 1):
        for zero_sum, zero in ((0, 128), (128 * 21, -300), (255 * 21, 400)):
            words = (
                0, 3, 11, 1, 24, 8, 2, 1, 20, 2, 3, 5, 3, 7, zero_sum, zero, 3, 250, multiplier,
                shift,
            )  # fmt: skip
            bench.compare("mean", words)
            bench.compare("largest", words)


def test_a_whole_model_needs_no_more_than_32_bits(twins):
    graph, _, output = mixed(np.random.default_rng(9), 3, 20, 5)
    blob, _ = compile_tensor(graph.file(output))
    header, _ = wake_file.read(blob)
    arena = bytearray(header.arena_size)
    arena[: 4 * header.n_slots] = blob[header.slots_at : header.slots_at + 4 * header.n_slots]
    for number in range(header.n_fills):
        at, size, value = struct.unpack_from("<3I", blob, header.fills_at + 12 * number)
        arena[at : at + size] = bytes([value]) * size
    memory = Memory()
    kernels = [memory.load(KERNELS / f"{name}_viper.py") for name in ("model", "elementwise")]
    blob_at, arena_at = memory.put(blob), memory.put(bytes(arena))
    rng = np.random.default_rng(1)
    for high in (256, 40, 256):
        rows = rng.integers(0, high, 120, dtype=np.uint8).tobytes()
        arena[header.input_at : header.input_at + 120] = rows
        memory.data[arena_at + header.input_at : arena_at + header.input_at + 120] = rows
        at = header.program_at
        for _ in range(header.n_instructions):
            code, n_words = struct.unpack_from("<2i", blob, at)
            name, which = Op(code).name.lower(), int(code >= Op.ADD)
            getattr(twins[which], name)(blob, arena, at)
            getattr(kernels[which], name)(blob_at, arena_at, at)
            at += 4 * n_words
        assert memory.get(arena_at, len(arena)) == bytes(arena)
