"""Native kernels against their Python twins on this computer's processor; needs viper."""

import random
import struct
from array import array

from speaker.kernels import frontend_python, model_python
from speaker.wake import tables


def native():
    try:
        from speaker.kernels import frontend_viper, model_viper
    except (ImportError, SyntaxError, ValueError):
        skip("this MicroPython has no native emitter for this computer")
    return frontend_viper, model_viper


def words(code, n):
    return array(code, bytes(n * (4 if code in "Ii" else 2)))


class Frontend:
    def __init__(self, kernels):
        self.kernels = kernels
        self.work, self.energies = words("h", 512), words("I", 256)
        self.signal, self.estimates = words("I", 40), words("I", 40)
        self.features = words("H", 40)

    def row(self, history):
        k, t = self.kernels, tables
        shift = k.spectrum(history, t.WINDOW, t.ORDER, t.TWIDDLES, self.work)
        k.energy(self.work, t.SPLIT, self.energies)
        k.filterbank(self.energies, t.FIRST_BIN, t.WIDTHS, t.WEIGHTS, shift, self.signal)
        k.compress(self.signal, self.estimates, t.GAINS, t.LOGARITHMS, self.features)
        return bytes(self.work), bytes(self.energies)[4:], bytes(self.features), shift


def test_front_end():
    twin, fast = Frontend(frontend_python), Frontend(native()[0])
    random.seed(7)
    history = words("h", 480)
    for loudest in (0, 1, 3, 100, 5000, 32767, 32768):
        for _ in range(4):
            for i in range(480):
                history[i] = random.randint(-loudest, min(loudest, 32767))
            assert twin.row(history) == fast.row(history), loudest
    assert bytes(twin.estimates) == bytes(fast.estimates)


def test_copy_and_quantise():
    fast = native()[0]
    source = array("h", range(-20, 20))
    one, other = words("h", 50), words("h", 50)
    frontend_python.copy(one, 3, source, 5, 30)
    fast.copy(other, 3, source, 5, 30)
    assert one == other and one[3] == -15
    # Within one buffer, to lower places, as the front end moves on by a hop.
    frontend_python.copy(one, 0, one, 10, 40)
    fast.copy(other, 0, other, 10, 40)
    assert one == other
    features = array("H", [i * 20 for i in range(40)])
    a, b = bytearray(60), bytearray(60)
    frontend_python.quantise(features, 1606892, 22, 665, a, 7)
    fast.quantise(features, 1606892, 22, 665, b, 7)
    assert a == b and a[46] == 255


def same(name, operands, constants, arena):
    blob = bytearray(4)
    offsets = []
    for data in constants:
        blob += bytes(-len(blob) % 4)
        offsets.append(len(blob))
        blob += data
    blob += bytes(-len(blob) % 4)
    at = len(blob)
    values = [1, 2 + len(operands) + len(offsets)] + list(operands) + offsets
    blob += struct.pack("<%di" % len(values), *values)
    one, other = bytearray(arena), bytearray(arena)
    getattr(model_python, name)(blob, one, at)
    getattr(native()[1], name)(blob, other, at)
    assert one == other, (name, operands)
    assert one != arena, name


def noise(n):
    return bytearray(random.getrandbits(8) for _ in range(n))


def packed(numbers):
    numbers = list(numbers)
    return struct.pack("<%di" % len(numbers), *numbers)


def scaling(n):
    return (
        packed(random.randint(-200000, 200000) for _ in range(n)),
        packed((1 << 30) + random.getrandbits(30) for _ in range(n)),
        packed(random.randint(0, 12) + random.getrandbits(1) * 65536 for _ in range(n)),
    )


def test_model_kernels():
    native()
    random.seed(3)
    for length, n_outputs, n_rows in ((64, 64, 1), (200, 3, 1), (13, 5, 2), (1, 1, 1)):
        arena = bytearray(packed((8, 800))) + noise(1200)
        operands = (0, 1, 7, 1, 3, n_outputs, n_rows, length, n_outputs, 120, 30)
        same("matvec", operands, (noise(length * n_outputs),) + scaling(n_outputs), arena)
    for n_taps, n_channels, n_rows in ((5, 30, 1), (21, 32, 1), (3, 1, 4)):
        arena = bytearray(packed((8, 900))) + noise(1200)
        pitch = n_channels + 3
        operands = (0, 2, pitch, pitch, 1, 0, n_channels, n_rows, n_taps, n_channels, 128, 0)
        same("depthwise", operands, (noise(n_taps * n_channels),) + scaling(n_channels), arena)
    arena = bytearray(packed((12, 300, 8))) + noise(600)
    same("table", (0, 0, 1, 4, 50), (noise(256),), arena)
    same("copy", (0, 0, 20, 1, 4, 13, 5, 11), (), arena)
    same("append", (0, 0, 8, 1, 300, 2, 24, 16), (), arena)
