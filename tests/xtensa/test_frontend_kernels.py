"""The front end's kernels, on the instruction set, against their twins."""

import struct

import numpy as np
import pytest
from kernel_twins import CHANNELS, WINDOW, TwinFrontend, windows, words

from mynah.models import frontend_tables as tables
from mynah.paths import FIRMWARE_DIR
from mynah.xtensa import assemble
from mynah.xtensa.image import BASE
from mynah.xtensa.qemu import Buffer, Machine

HOP = 160
SIZES = {"history": 960, "work": 1024, "energies": 1024, "signal": 160, "estimates": 160,
         "features": 80}  # fmt: skip


class Arrays:
    """The front end's tables and arrays in a machine's memory, several frames one after another."""

    def __init__(self, machine):
        self.machine = machine
        self.first, widths, weights = tables.filterbank()
        put = machine.put
        self.tables = {
            "window": put(words(tables.window()), 2), "order": put(tables.order(), 1),
            "twiddles": put(words(tables.twiddles())), "split": put(words(tables.split_twiddles())),
            "widths": put(widths, 1), "weights": put(words(weights), 2),
            "gains": put(words(tables.gains()), 2),
            "logarithms": put(words(tables.logarithms()), 2),
        }  # fmt: skip

    def frame(self, samples, estimates):
        """New arrays for a window of samples: their places, and frame's argument."""
        at = {name: self.machine.put(bytes(size)) for name, size in SIZES.items()}
        self.write(at["history"], samples.astype("<i2").tobytes())
        if estimates is not None:
            at["estimates"] = estimates
        at.update(self.tables)
        order = ("history", "window", "order", "twiddles", "work", "split", "energies", "first",
                 "widths", "weights", "signal", "estimates", "gains", "logarithms",
                 "features")  # fmt: skip
        at["first"] = self.first
        pointers = self.machine.put(struct.pack("<15I", *(at[name] for name in order)))
        return at, pointers

    def write(self, address, data):
        place = address - BASE
        self.machine.memory[place : place + len(data)] = data


def sounds():
    """Speech, noise of every loudness, silence, full scale of each sign, clipping, impulses."""
    yield from windows()
    rng = np.random.default_rng(1)
    for loudest in (1, 2, 3, 10, 100, 1000, 10000, 32767):
        yield f"noise {loudest}", rng.integers(-loudest, loudest + 1, WINDOW)
    for level in (0, 1, -1, 32767, -32768):
        yield f"constant {level}", np.full(WINDOW, level)
    square = np.where(np.arange(WINDOW) // 8 & 1, 32767, -32768)
    yield "square", square
    yield "fast square", np.where(np.arange(WINDOW) & 1, 32767, -32768)
    for at in (239, 240, 241):
        impulse = np.zeros(WINDOW)
        impulse[at] = -32768
        yield f"impulse at {at}", impulse
        yield f"impulse in noise at {at}", impulse + rng.integers(-9, 10, WINDOW) * (impulse == 0)


@pytest.mark.parametrize("estimates_go_on", [False, True])
def test_frame(load, twins, estimates_go_on):
    """Spectrum, energies, estimates and features of every sound; then the samples have moved."""
    machine = Machine()
    load(machine, "frontend_xtensa")
    arrays, cases, estimates = Arrays(machine), [], None
    for name, samples in sounds():
        at, pointers = arrays.frame(np.asarray(samples), estimates)
        machine.call("frame", Buffer(pointers))
        if estimates_go_on:
            estimates = at["estimates"]
        cases.append((name, samples, at))
    result = machine.run()
    twin = TwinFrontend(twins[0])
    for name, samples, at in cases:
        if not estimates_go_on:
            twin = TwinFrontend(twins[0])
        work, energies, features, after = twin.row(samples)
        assert result.get(at["work"], 1024) == work, name
        assert result.get(at["energies"] + 4, 1020) == energies[4:], name
        assert result.get(at["features"], 80) == features, name
        if not estimates_go_on:
            assert result.get(at["estimates"], 160) == after, name
        moved = np.concatenate([samples[HOP:], samples[-HOP:]]).astype("<i2").tobytes()
        assert result.get(at["history"], 960) == moved, name
    if estimates_go_on:
        assert result.get(estimates, 160) == after
    assert_nothing_else_changed(machine, result, [at for _, _, at in cases])
    assert result.stack_depth < 512


def assert_nothing_else_changed(machine, result, cases):
    memory = bytearray(machine.memory)
    for at in cases:
        for name, size in SIZES.items():
            place = at[name] - BASE
            memory[place : place + size] = result.memory[place : place + size]
    assert memory == result.memory


@pytest.mark.parametrize("module", ["frontend_xtensa", "frontend_viper"])
def test_copy_and_quantise(load, twins, module):
    rng = np.random.default_rng(2)
    machine, checks = Machine(), []
    load(machine, module)
    for count in (0, 1, 2, 3, 4, 5, 159, 160):
        source = rng.integers(-32768, 32768, 200)
        of, to = machine.put(words(source), 4), machine.put(bytes(400), 4)
        machine.call("copy", Buffer(to), 7, Buffer(of), 3, count)
        expected = [0] * 200
        twins[0].copy(expected, 7, list(source), 3, count)
        checks.append((to, words(expected)))
    for multiplier, shift, largest in ((3277, 15, 1000), (26214, 18, 60000), (1, 1, 510)):
        features = rng.integers(0, 1500, CHANNELS)
        features[:3] = 0, 65535, largest
        of, to = machine.put(words(features)), machine.put(bytes(50), 1)
        machine.call("quantise", Buffer(of), multiplier, shift, largest, Buffer(to), 5)
        expected = bytearray(50)
        twins[0].quantise(list(features), multiplier, shift, largest, expected, 5)
        checks.append((to, bytes(expected)))
    result = machine.run()
    for at, expected in checks:
        assert result.get(at, len(expected)) == expected
        place = at - BASE
        machine.memory[place : place + len(expected)] = expected
    assert result.memory == machine.memory


def test_viper_front_end(load, twins):
    """The same sounds through the plain viper kernels, with the chip's integers."""
    machine, cases = Machine(), []
    load(machine, "frontend_viper")
    arrays = Arrays(machine)
    shift = 0
    for name, samples in sounds():
        at, _ = arrays.frame(np.asarray(samples), None)
        b = {key: Buffer(address) for key, address in at.items() if key != "first"}
        machine.call(
            "spectrum", *(b[k] for k in ("history", "window", "order", "twiddles", "work"))
        )
        cases.append((name, samples, at))
    shifts = [value >> 1 for value in machine.run().returned]
    machine.calls.clear()
    for shift, (_, _, at) in zip(shifts, cases, strict=True):
        b = {key: Buffer(address) for key, address in at.items() if key != "first"}
        machine.call(
            "spectrum", *(b[k] for k in ("history", "window", "order", "twiddles", "work"))
        )
        machine.call("energy", b["work"], b["split"], b["energies"])
        machine.call("filterbank", b["energies"], at["first"], b["widths"], b["weights"], shift,
                     b["signal"])  # fmt: skip
        machine.call("compress", b["signal"], b["estimates"], b["gains"], b["logarithms"],
                     b["features"])  # fmt: skip
    result = machine.run()
    for name, samples, at in cases:
        work, energies, features, after = TwinFrontend(twins[0]).row(samples)
        assert result.get(at["work"], 1024) == work, name
        assert result.get(at["energies"] + 4, 1020) == energies[4:], name
        assert result.get(at["features"], 80) == features, name
        assert result.get(at["estimates"], 160) == after, name


def test_channels_and_their_roots(load, twins):
    """Sums that are squares, next to squares, next to where rounding turns, up to 40 bits."""
    source = FIRMWARE_DIR / "speaker" / "kernels" / "frontend_xtensa.py"
    (offset,) = (k.subroutines["filterbank"] for k in assemble(source) if k.name == "frame")
    rng = np.random.default_rng(3)
    machine, cases = Machine(), []
    load(machine, "frontend_xtensa")
    arrays = Arrays(machine)
    _, _, weights = tables.filterbank()
    for case in range(120):
        energies = np.zeros(256, np.int64)
        if (
            case < 100
        ):  # one bin at a time is not zero: its channels' sums are its weights' products
            for i in range(int(rng.integers(0, 4)), 236, 9):
                root = int(rng.integers(1, 1 << rng.integers(1, 21)))
                weight = max(1, int(weights[2 * i]))
                wanted = root * root + int(rng.choice([-1, 0, 1, root, root + 1]))
                if case < 10:
                    wanted = (1 << 32) - 1  # the root that does not round up to 17 bits
                energies[5 + i] = min(wanted // weight, (1 << 28) - 1)
        else:
            energies[:] = rng.integers(0, 1 << rng.integers(1, 21), 256)
        at, pointers = arrays.frame(np.zeros(WINDOW), None)
        arrays.write(at["energies"], energies.astype("<u4").tobytes())
        shift = case % 3
        machine.call_inside("frame", offset, pointers, shift)
        cases.append((at, energies, shift))
    result = machine.run()
    first, widths, _ = tables.filterbank()
    for at, energies, shift in cases:
        expected = [0] * CHANNELS
        twins[0].filterbank(energies.tolist(), first, widths, words(weights), shift, expected)
        got = struct.unpack("<40I", result.get(at["signal"], 160))
        assert list(got) == expected


def test_the_two_weights_of_a_bin_sum_to_one():
    """What frontend_xtensa's filterbank relies on."""
    _, _, weights = tables.filterbank()
    assert set(weights.reshape(-1, 2).sum(1)) == {4096}
