"""Model kernels as native code: ``model_python`` says what each one means."""

# 32-bit integers must do. The compiler on the host sees to it that a sum, shifted left as its
# channel wants, stays under 2**28 (host_tools/mynah/models/lowering.py). On a PC a 32-bit load is
# unsigned: (v ^ top) - top, with top made at run time (it is no small int on the board), mends it.
#
# Requantisation: P = v * multiplier with v = vh * 2**14 + vl and multiplier = mh * 2**16 + ml, then
#   P >> 16 = vh * mh * 2**14 + vl * mh + ((vh * ml + (vl * ml >> 14)) >> 2)
# and (P + 2**30) >> 31 is that plus 2**14, shifted by 15: no piece needs more than 31 bits.

import micropython


@micropython.viper
def matvec(blob: ptr8, arena: ptr8, at: int):
    """A dot product an output."""
    top = 1
    top <<= 31
    p = ptr32(int(blob) + at)
    slots = ptr32(arena)
    x0 = int(arena) + slots[p[2]] + p[3]
    y = ptr8(int(arena) + slots[p[5]] + p[6])
    length = p[9]
    n_outputs = p[10]
    zero = p[11]
    least = p[12]
    biases = ptr32(int(blob) + p[14])
    multipliers = ptr32(int(blob) + p[15])
    shifts = ptr32(int(blob) + p[16])
    n_rows = p[8]
    while n_rows > 0:
        common = 0
        x = ptr8(x0)
        n = length
        while n > 0:
            common += x[0]
            x = ptr8(int(x) + 1)
            n -= 1
        common <<= 7
        w = ptr8(int(blob) + p[13])
        o = 0
        while o < n_outputs:
            v = 0
            x = ptr8(x0)
            n = length >> 3
            while n > 0:
                v += x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + x[3] * w[3]
                v += x[4] * w[4] + x[5] * w[5] + x[6] * w[6] + x[7] * w[7]
                x = ptr8(int(x) + 8)
                w = ptr8(int(w) + 8)
                n -= 1
            n = length & 7
            while n > 0:
                v += x[0] * w[0]
                x = ptr8(int(x) + 1)
                w = ptr8(int(w) + 1)
                n -= 1
            v += ((biases[o] ^ top) - top) - common
            # requantise
            shift = shifts[o]
            v <<= (shift >> 8) & 0xFF
            mh = multipliers[o] >> 16
            ml = multipliers[o] & 0xFFFF
            vh = v >> 14
            v &= 0x3FFF
            v = v * mh + ((vh * ml + ((v * ml) >> 14)) >> 2) + 0x4000
            v = (vh * mh + (v >> 14)) >> 1
            if shift & 0xFF:
                if v < 0:
                    v -= shift >> 16
                shift &= 0xFF
                v = (v + (1 << (shift - 1))) >> shift
            v += zero
            if v < least:
                v = least
            if v > 255:
                v = 255
            y[o] = v
            o += 1
        x0 += p[4]
        y = ptr8(int(y) + p[7])
        n_rows -= 1


@micropython.viper
def depthwise(blob: ptr8, arena: ptr8, at: int):
    """A short dot product down each channel."""
    top = 1
    top <<= 31
    p = ptr32(int(blob) + at)
    slots = ptr32(arena)
    x0 = int(arena) + slots[p[2]] + p[3]
    pitch = p[4]
    y = ptr8(int(arena) + slots[p[6]] + p[7])
    n_taps = p[10]
    n_channels = p[11]
    zero = p[12]
    least = p[13]
    biases = ptr32(int(blob) + p[15])
    multipliers = ptr32(int(blob) + p[16])
    shifts = ptr32(int(blob) + p[17])
    n_rows = p[9]
    while n_rows > 0:
        c = 0
        while c < n_channels:
            v = (biases[c] ^ top) - top
            x = ptr8(x0 + c)
            w = ptr8(int(blob) + p[14] + c)
            n = n_taps
            while n > 0:
                v += x[0] * (w[0] - 128)
                x = ptr8(int(x) + pitch)
                w = ptr8(int(w) + n_channels)
                n -= 1
            # requantise
            shift = shifts[c]
            v <<= (shift >> 8) & 0xFF
            mh = multipliers[c] >> 16
            ml = multipliers[c] & 0xFFFF
            vh = v >> 14
            v &= 0x3FFF
            v = v * mh + ((vh * ml + ((v * ml) >> 14)) >> 2) + 0x4000
            v = (vh * mh + (v >> 14)) >> 1
            if shift & 0xFF:
                if v < 0:
                    v -= shift >> 16
                shift &= 0xFF
                v = (v + (1 << (shift - 1))) >> shift
            v += zero
            if v < least:
                v = least
            if v > 255:
                v = 255
            y[c] = v
            c += 1
        x0 += p[5]
        y = ptr8(int(y) + p[8])
        n_rows -= 1


@micropython.viper
def table(blob: ptr8, arena: ptr8, at: int):
    """Each byte through a table of 256."""
    p = ptr32(int(blob) + at)
    slots = ptr32(arena)
    x = ptr8(int(arena) + slots[p[2]] + p[3])
    y = ptr8(int(arena) + slots[p[4]] + p[5])
    entries = ptr8(int(blob) + p[7])
    i = 0
    while i < p[6]:
        y[i] = entries[x[i]]
        i += 1


@micropython.viper
def append(blob: ptr8, arena: ptr8, at: int):
    """New rows into a ring."""
    p = ptr32(int(blob) + at)
    slots = ptr32(arena)
    position = slots[p[7]]
    x = ptr8(int(arena) + slots[p[2]] + p[3])
    one = ptr8(int(arena) + p[6] + position)
    other = ptr8(int(one) + p[8])
    size = p[4]
    i = 0
    while i < size:
        v = x[i]
        one[i] = v
        other[i] = v
        i += 1
    position += size
    slots[p[5]] = p[6] + position + p[8] - p[9]
    if position >= p[8]:
        position = 0
    slots[p[7]] = position


@micropython.viper
def copy(blob: ptr8, arena: ptr8, at: int):
    """Rows to another place."""
    p = ptr32(int(blob) + at)
    slots = ptr32(arena)
    x = ptr8(int(arena) + slots[p[2]] + p[3])
    y = ptr8(int(arena) + slots[p[5]] + p[6])
    n_rows = p[8]
    while n_rows > 0:
        i = 0
        while i < p[9]:
            y[i] = x[i]
            i += 1
        x = ptr8(int(x) + p[4])
        y = ptr8(int(y) + p[7])
        n_rows -= 1
