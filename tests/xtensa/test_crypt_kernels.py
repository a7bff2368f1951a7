"""X25519, ChaCha20 and Poly1305 as a board runs them: Xtensa code and plain viper."""

import random
import struct

import crypt_reference as reference
import pytest

from mynah import xtensa
from mynah.paths import FIRMWARE_DIR
from mynah.xtensa.qemu import Buffer, Machine

KERNELS = FIRMWARE_DIR / "speaker" / "kernels"
WORK = 600
"""Bytes, more than any state."""
LIMBS = 20
LARGEST = 2 * 4098
"""What a limb of x25519_xtensa's operands may be: a sum of two."""

each_kind = pytest.mark.parametrize("kind", ["xtensa", "viper"])


class Bench:
    """Calls to make in one process, and what memory must hold afterwards."""

    def __init__(self, load, kind):
        self.kind = kind
        self.machine = Machine()
        for name in ("x25519", "chacha"):
            load(self.machine, f"{name}_{kind}")
        self.checks = []
        if kind == "viper":
            self.programs = [self.put(program) for program in _programs()]

    def put(self, data):
        return Buffer(self.machine.put(data))

    def steps(self, work, bit, count):
        if self.kind == "xtensa":
            self.machine.call("steps", work, bit, count)
        else:
            self.machine.call("run", work, self.programs[bit < 0], bit, count)

    def exchange(self, scalar, point):
        """Where the result of X25519 will be."""
        work, out = self.put(bytes(WORK)), self.put(bytes(32))
        self.machine.call("start", work, self.put(scalar), self.put(point))
        self.steps(work, 254, 255)
        self.steps(work, -1, 1)
        self.machine.call("pack", work, out)
        return out

    def expect(self, where, data):
        self.checks.append((where.address, data))

    def run(self):
        result = self.machine.run()
        for address, data in self.checks:
            assert result.get(address, len(data)) == data
        return result


def _programs():
    """x25519_viper's, which its bytecode hands to the code."""
    names = {"const": lambda value: value}
    source = (KERNELS / "x25519_viper.py").read_text().split("\ndef steps")[0]
    lines = [line for line in source.splitlines() if not line.startswith(("import", "from"))]
    exec("\n".join(lines), names)
    return names["_STEP"], names["_DIVIDE"]


@pytest.fixture
def bench(load, request):
    return Bench(load, request.param)


each_bench = pytest.mark.parametrize("bench", ["xtensa", "viper"], indirect=True)


@each_bench
def test_x25519(bench):
    """The RFC's vectors, edges, and random numbers; points of small order give zero.

    Of plain viper, which the emulator takes a second for, only some.
    """
    for v in reference.vectors("x25519")[: 2 if bench.kind == "viper" else None]:
        bench.expect(bench.exchange(v["scalar"], v["u"]), v["result"])
    if bench.kind == "viper":
        bench.run()
        return
    rng = random.Random(7)
    pairs = [(rng.randbytes(32), rng.randbytes(32)) for _ in range(4)]
    pairs += [(scalar, reference.POINTS[0]) for scalar in reference.SCALARS]
    pairs += [(reference.SCALARS[3], point) for point in reference.POINTS[1:]]
    for scalar, point in pairs:
        bench.expect(bench.exchange(scalar, point), reference.exchange(scalar, point))
    for point in reference.LOW_ORDER:
        with pytest.raises(ValueError, match="shared"):  # what `cryptography` says of zero
            reference.exchange(reference.SCALARS[3], point)
        bench.expect(bench.exchange(reference.SCALARS[3], point), bytes(32))
    bench.run()


@each_bench
def test_chacha20(bench):
    for v in reference.vectors("cipher"):
        state = bench.put(reference.cipher_state(v["key"], v["nonce"], v["counter"]))
        data = bench.put(v["plain"])
        bench.machine.call("crypt", state, data, 0, len(v["plain"]))
        bench.expect(data, v["cipher"] + b"\xc5" * 8)
    rng = random.Random(8)
    for at in (0, 1, 4, 11, 12):
        for size in (0, 1, 3, 4, 63, 64, 65, 128, 200, 1400):
            key, nonce, text = rng.randbytes(32), rng.randbytes(12), rng.randbytes(at + size + 9)
            state = bench.put(reference.cipher_state(key, nonce, size))
            data = bench.put(text)
            bench.machine.call("crypt", state, data, at, size)
            made = reference.stream(key, nonce, size, text[at : at + size])
            bench.expect(data, text[:at] + made + text[at + size :])
    bench.run()


@each_bench
def test_poly1305(bench):
    for key, text in reference.mac_cases():
        for pad in (0, 1):
            state, tag = bench.put(bytes(WORK)), bench.put(bytes(16))
            bench.machine.call("mac_start", state, bench.put(key))
            half = len(text) // 32 * 16
            data = bench.put(b"xyz" + text)
            bench.machine.call("mac_update", state, data, 3, half, pad)
            bench.machine.call("mac_update", state, data, 3 + half, len(text) - half, pad)
            bench.machine.call("mac_finish", state, tag)
            bench.expect(tag, reference.tag(key, text + bytes(-len(text) % 16 * pad)))
    bench.run()


@pytest.mark.parametrize("name", ["multiply", "add", "subtract", "scale"])
def test_field_operations_with_extreme_limbs(load, name):
    """Each operation of x25519_xtensa, with operands that may be the target as well."""
    machine = Machine()
    load(machine, "x25519_xtensa")
    (kernel,) = [k for k in xtensa.assemble(KERNELS / "x25519_xtensa.py") if k.name == "steps"]
    rng = random.Random(9)

    def draw(largest):
        return [rng.randint(-largest, largest) for _ in range(LIMBS)]

    largest = 4098 if name in {"add", "subtract"} else LARGEST
    operands = [
        ([a] * LIMBS, [b] * LIMBS) for a in (largest, -largest) for b in (largest, -largest)
    ]
    operands += [(draw(largest), draw(largest)) for _ in range(6)]
    meaning = {
        "multiply": lambda x, y: x * y,
        "add": lambda x, y: x + y,
        "subtract": lambda x, y: x - y,
        "scale": lambda x, _: 121665 * x,
    }
    checks = []
    for a, b in operands:
        places = [machine.put(struct.pack(f"<{LIMBS}h", *limbs)) for limbs in (a, b)]
        for target in (machine.put(bytes(2 * LIMBS)), *places):
            at = [machine.put(struct.pack(f"<{LIMBS}h", *limbs)) for limbs in (a, b)]
            to = target if target not in places else at[places.index(target)]
            machine.call_inside("steps", kernel.subroutines[name], to, *at)
            checks.append((to, meaning[name](_value(a), _value(b))))
    result = machine.run()
    for to, value in checks:
        limbs = struct.unpack(f"<{LIMBS}h", result.get(to, 2 * LIMBS))
        assert (_value(limbs) - value) % reference.P == 0
        carried = 4098 if name in {"multiply", "scale"} else LARGEST
        assert max(map(abs, limbs)) <= carried


def _value(limbs):
    return sum(limb << 13 * k for k, limb in enumerate(limbs))


@each_kind
def test_what_is_executed_does_not_depend_on_the_secret(load, kind):
    """Every instruction as often, whatever the key and the other's point are."""
    seen = []
    for scalar, point in (
        (bytes(32), reference.BASE),
        (b"\xff" * 32, reference.POINTS[2]),
        (random.Random(3).randbytes(32), reference.LOW_ORDER[2]),
    ):
        bench = Bench(load, kind)
        work, out = bench.put(bytes(WORK)), bench.put(bytes(32))
        bench.machine.call("start", work, bench.put(scalar), bench.put(point))
        bench.steps(work, 254, 3)
        bench.machine.call("pack", work, out)
        if kind == "xtensa":
            bench.steps(work, -1, 1)
        state, tag = bench.put(bytes(WORK)), bench.put(bytes(16))
        bench.machine.call("mac_start", state, bench.put(scalar))
        bench.machine.call("mac_update", state, bench.put(point), 0, 32, 0)
        bench.machine.call("mac_finish", state, tag)
        cipher = bench.put(reference.cipher_state(scalar, scalar[:12], 0))
        bench.machine.call("crypt", cipher, bench.put(point), 0, 32)
        result = bench.machine.run(trace=True)
        kernels = [bench.machine.functions[name][:2] for name in bench.machine.functions]
        seen.append(
            [result.counts.get(at, 0) for start, end in kernels for at in range(start, end)]
        )
        assert sum(seen[-1]) > 20000
    assert seen[0] == seen[1] == seen[2]
