"""The viper code of X25519, ChaCha20 and Poly1305 with 32-bit integers, as on the chip."""

import random
import struct

import crypt_reference as reference
import pytest
from kernel_twins import load_twins
from viper32 import Memory

from mynah.paths import FIRMWARE_DIR

KERNELS = FIRMWARE_DIR / "speaker" / "kernels"
ELEMENT, LIMBS, MASK = 40, 20, 8191
LARGEST = MASK + 2
"""What a limb may be after a carry that went round (x25519_viper)."""


@pytest.fixture
def twin(monkeypatch):
    return lambda name: load_twins(monkeypatch, [f"{name}_python"])[0]


class Ladder:
    """X25519's state in 32-bit memory."""

    def __init__(self):
        self.memory = Memory()
        self.code = self.memory.load(KERNELS / "x25519_viper.py")
        self.work = self.memory.put(bytes(self.code.WORK))
        self.step, self.divide = map(self.memory.put, (self.code._STEP, self.code._DIVIDE))

    def limbs(self, i):
        raw = self.memory.get(self.work + ELEMENT * (1 + i), 2 * LIMBS)
        return struct.unpack(f"<{LIMBS}H", raw)

    def set(self, i, limbs):
        at = self.work + ELEMENT * (1 + i)
        self.memory.data[at : at + ELEMENT] = struct.pack(f"<{LIMBS}H", *limbs)

    def value(self, i):
        return sum(limb << 13 * k for k, limb in enumerate(self.limbs(i))) % reference.P

    def run(self, bit, count):
        program = self.step if bit >= 0 else self.divide
        self.code.run(self.work, program, bit, count)
        for i in range(1, 5 if bit >= 0 else 2):
            assert max(self.limbs(i)) <= LARGEST


def test_x25519_needs_no_more_than_32_bits(twin):
    """Steps of the ladder, the division and the packing leave what the twin leaves."""
    python = twin("x25519")
    rng = random.Random(5)
    scalar, point = rng.randbytes(32), rng.randbytes(32)
    ladder, work = Ladder(), bytearray(python.WORK)
    put = ladder.memory.put
    ladder.code.start(ladder.work, put(scalar), put(point))
    python.start(work, scalar, point)
    for bit, count in ((254, 4), (250, 3), (247, 1)):
        ladder.run(bit, count)
        python.steps(work, bit, count)
    # The twin swaps back after each step, the others with the next one.
    last = work[247 >> 3] >> (247 & 7) & 1
    for i, j in enumerate((0, 3, 4, 1, 2) if last else range(5)):
        number = int.from_bytes(work[32 * i + 32 : 32 * i + 64], "little")
        assert ladder.value(j) == number, i
    ladder.run(-1, 1)
    python.steps(work, -1, 1)
    out, expected = put(bytes(32)), bytearray(32)
    ladder.code.pack(ladder.work, out)
    python.pack(work, expected)
    assert ladder.memory.get(out, 32) == expected


def test_x25519_with_the_largest_limbs(twin):
    python = twin("x25519")
    limbs = [LARGEST] * LIMBS
    number = sum(limb << 13 * k for k, limb in enumerate(limbs)) % reference.P
    ladder, work = Ladder(), bytearray(python.WORK)
    for i in range(5):
        ladder.set(i, limbs)
        work[32 * i + 32 : 32 * i + 64] = number.to_bytes(32, "little")
    ladder.run(254, 2)
    python.steps(work, 254, 2)
    for i in range(5):
        assert ladder.value(i).to_bytes(32, "little") == work[32 * i + 32 : 32 * i + 64]


@pytest.mark.parametrize(
    "number", [0, 1, 18, 19, reference.P - 1, reference.P, reference.P + 1, 2**255 - 1, 2**255]
)
def test_what_is_packed_is_reduced(number):
    ladder = Ladder()
    out = ladder.memory.put(bytes(32))
    ladder.set(1, [number >> 13 * k & MASK for k in range(LIMBS)])
    ladder.code.pack(ladder.work, out)
    assert ladder.memory.get(out, 32) == (number % reference.P).to_bytes(32, "little")
    ladder.set(1, [LARGEST] * LIMBS)
    wanted = ladder.value(1)
    ladder.code.pack(ladder.work, out)
    assert ladder.memory.get(out, 32) == wanted.to_bytes(32, "little")


@pytest.fixture
def chacha():
    memory = Memory()
    return memory, memory.load(KERNELS / "chacha_viper.py")


def test_chacha20(chacha):
    memory, code = chacha
    for v in reference.vectors("cipher"):
        state = memory.put(reference.cipher_state(v["key"], v["nonce"], v["counter"]))
        data = memory.put(b"before" + v["plain"] + b"after")
        n = len(v["plain"])
        code.crypt(state, data, 6, n)
        assert memory.get(data, n + 11) == b"before" + v["cipher"] + b"after"
        (counter,) = struct.unpack("<I", memory.get(state + 48, 4))
        assert counter == v["counter"] + -(-n // 64)


def test_poly1305(chacha):
    memory, code = chacha
    for key, text in reference.mac_cases():
        for pad in (0, 1):
            state, at = memory.put(bytes(code.MAC)), memory.put(b"x" + text)
            tag = memory.put(bytes(16))
            code.mac_start(state, memory.put(key))
            code.mac_update(state, at, 1, len(text), pad)
            code.mac_finish(state, tag)
            whole = text + bytes(-len(text) % 16 * pad)
            assert memory.get(tag, 16) == reference.tag(key, whole)


def test_the_twins(twin):
    """They agree with `cryptography`, so they may say what is meant."""
    python = twin("chacha")
    for v in reference.vectors("cipher"):
        state = bytearray(reference.cipher_state(v["key"], v["nonce"], v["counter"]))
        data = bytearray(v["plain"])
        python.crypt(state, data, 0, len(data))
        assert data == v["cipher"]
    for key, text in reference.mac_cases():
        state, tag = bytearray(python.MAC), bytearray(16)
        python.mac_start(state, key)
        python.mac_update(state, text, 0, len(text), 0)
        python.mac_finish(state, tag)
        assert tag == reference.tag(key, text)
