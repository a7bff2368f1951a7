"""The model's kernels: MAC16 code and plain viper, on the instruction set, against their twins."""

import struct

import numpy as np
import pytest
from kernel_twins import arena_with, layer, scaling

from mynah import models
from mynah.models import wake_file
from mynah.xtensa.image import BASE
from mynah.xtensa.qemu import Buffer, Machine

CODES = {"matvec": 1, "depthwise": 2, "table": 3, "append": 4, "copy": 5}
SCRATCH = 2080
ARENA_SIZE_AT = 24  # in a .wake file's header


class Bench:
    """Many instructions, each with an arena of its own, run by one process."""

    def __init__(self, load, twins, backend):
        self.machine = Machine()
        self.load = load
        self.twin = twins[1]
        self.backend = backend
        load(self.machine, backend)
        self.checks = []

    def layer(self, name, operands, constants, arena):
        blob, at = layer(CODES[name], operands, constants)
        blob = bytearray(bytes(64) + blob)  # a header in front, for the arena's size
        blob[64 + at :] = shifted(blob[64 + at :], len(constants), 64)
        struct.pack_into("<I", blob, ARENA_SIZE_AT, len(arena))
        self.program(bytes(blob), arena, [(name, 64 + at)])

    def program(self, blob, arena, steps):
        expected = bytearray(arena)
        blob_at = self.machine.put(blob)
        scratch = SCRATCH if self.backend == "model_xtensa" else 0
        arena_at = self.machine.put(bytes(arena) + bytes(scratch))
        for name, at in steps:
            getattr(self.twin, name)(blob, expected, at)
        buffers = Buffer(blob_at), Buffer(arena_at)
        if self.backend == "model_xtensa":
            self.machine.call("run", *buffers, steps[0][1], len(steps))
        else:
            for name, at in steps:
                self.machine.call(name, *buffers, at)
        self.checks.append((blob_at, blob, arena_at, bytes(expected), scratch))

    def run(self):
        """Every arena is as its twin left it, and nothing else has changed but the scratch."""
        result = self.machine.run()
        memory = bytearray(self.machine.memory)
        for _, _, at, expected, scratch in self.checks:
            place = at - BASE
            memory[place : place + len(expected)] = expected
            end = place + len(expected)
            memory[end : end + scratch] = result.memory[end : end + scratch]
        assert result.memory == memory
        return result


def int32(values):
    return np.asarray(values).astype("<i4").tobytes()


def shifted(instruction, n_constants, by):
    """The instruction with its constants' offsets moved."""
    words = list(struct.unpack(f"<{len(instruction) // 4}i", instruction))
    for i in range(len(words) - n_constants, len(words)):
        words[i] += by
    return struct.pack(f"<{len(words)}i", *words)


@pytest.fixture
def bench(load, twins, request):
    return Bench(load, twins, request.param)


def each_backend(test):
    return pytest.mark.parametrize("bench", ["model_xtensa", "model_viper"], indirect=True)(test)


SHAPES = [(40, 8, 1), (200, 6, 1), (7, 5, 3), (1, 1, 2), (30, 4, 2), (64, 3, 1), (960, 2, 1),
          (1024, 2, 1), (1025, 2, 2), (1500, 1, 1)]  # fmt: skip


@each_backend
def test_matvec(bench):
    """Every length modulo four, long rows, weights at any address; extreme weights and samples."""
    rng = np.random.default_rng(1)
    for length, n_outputs, n_rows in SHAPES:
        for fill in (None, 0, 255):
            weights = rng.integers(0, 256, (n_outputs, length), dtype=np.uint8)
            arena = arena_with(rng, 4000, 8, 3400)
            if fill is not None:
                weights[:] = fill
                arena[8:3400] = bytes([255]) * 3392
            constants = (weights.tobytes(), *scaling(rng, n_outputs, 255 * 128 * length))
            for zero, least in ((117, 20), (30, 30), (0, 0), (255, 0)):
                operands = (0, 3, 5, 1, 2, n_outputs + 1, n_rows, length, n_outputs, zero, least)
                bench.layer("matvec", operands, constants, arena)
    bench.run()


@each_backend
def test_depthwise(bench):
    rng = np.random.default_rng(2)
    for n_taps, n_channels, n_rows in [(5, 16, 1), (21, 3, 1), (2, 1, 3), (9, 60, 1)]:
        for fill in (None, 0, 255):
            weights = rng.integers(0, 256, (n_taps, n_channels), dtype=np.uint8)
            arena = arena_with(rng, 1400, 8, 1200)
            if fill is not None:
                weights[:] = fill
                arena[8:1100] = bytes([255]) * 1092
            constants = (weights.tobytes(), *scaling(rng, n_channels, 255 * 128 * n_taps))
            pitch = n_channels + 2
            for zero, least in ((9, 0), (77, 77)):
                operands = (0, 3, pitch, 2 * pitch, 1, 2, n_channels, n_rows, n_taps, n_channels,
                            zero, least)  # fmt: skip
                bench.layer("depthwise", operands, constants, arena)
    bench.run()


@each_backend
def test_every_shift_and_both_roundings(bench):
    """Sums of both signs at all shifts, each with ties that the two roundings tell apart."""
    rng = np.random.default_rng(3)
    arena = arena_with(rng, 400, 8, 300)
    weights = np.full((64, 1), 128, np.uint8).tobytes()
    for right in range(32):
        sums = rng.integers(-(1 << 27), 1 << 27, 64) >> rng.integers(0, 27, 64)
        sums[:8] = [0, 1, -1, 3, -3, (1 << 28) - 1, 1 - (1 << 28), -5]
        shifts = right + 65536 * rng.integers(0, 2, 64)
        if not right:
            left = rng.integers(0, 6, 64)
            sums >>= left
            shifts += 256 * left
        multipliers = np.where(rng.integers(0, 2, 64), 1 << 30, rng.integers(1 << 30, 1 << 31, 64))
        constants = (weights, int32(sums), int32(multipliers), int32(shifts))
        bench.layer("matvec", (0, 0, 0, 1, 0, 64, 1, 1, 64, 100, 0), constants, arena)
    bench.run()


@each_backend
def test_moves_and_tables(bench):
    rng = np.random.default_rng(4)
    table = rng.permutation(256).astype(np.uint8).tobytes()
    for offset in range(4):
        arena = arena_with(rng, 400, 8, 300)
        bench.layer("table", (0, offset, 1, 2, 60), (table,), arena)
        bench.layer("copy", (0, offset, 9, 1, 2, 5, 6, 4), (), arena)
        for position in (0, 8, 16):
            arena = arena_with(rng, 400, 12, 100, position)
            bench.layer("append", (0, offset, 8, 1, 100, 2, 24, 16), (), arena)
        for position in (0, 5, 10):
            arena = arena_with(rng, 400, 12, 100, position)
            bench.layer("append", (0, offset, 5, 1, 101, 2, 15, 13), (), arena)
    bench.run()


@each_backend
@pytest.mark.parametrize("name", sorted(models.shipped()))
def test_a_shipped_model(bench, name):
    """Whole inferences with a model's own shapes, weights and scales, on loud and quiet input."""
    blob = models.compiled(name)
    header, _ = wake_file.read(blob)
    steps, at = [], header.program_at
    names = list(CODES)
    for _ in range(header.n_instructions):
        code, n_words = struct.unpack_from("<2i", blob, at)
        steps.append((names[code - 1], at))
        at += 4 * n_words
    rng = np.random.default_rng(5)
    for high in (256, 40, 2):
        arena = bytearray(rng.integers(0, high, header.arena_size, dtype=np.uint8).tobytes())
        slots = blob[header.slots_at : header.slots_at + 4 * header.n_slots]
        arena[: len(slots)] = slots
        bench.program(blob, arena, steps)
    result = bench.run()
    assert result.stack_depth < 512
