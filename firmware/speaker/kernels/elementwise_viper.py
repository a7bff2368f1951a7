"""Kernels of the less common model operators as native code: see ``elementwise_python``."""

# Integers of 32 bits must do, and requantisation is done in pieces, as in model_viper.

import micropython


@micropython.viper
def add(blob: ptr8, arena: ptr8, at: int):
    """What each term stands for, added and rescaled."""
    top = 1
    top <<= 31
    p = ptr32(int(blob) + at)
    slots = ptr32(arena)
    x0 = int(arena) + slots[p[2]] + p[3]
    z0 = int(arena) + slots[p[6]] + p[7]
    y = ptr8(int(arena) + slots[p[10]] + p[11])
    n_rows = p[13]
    while n_rows > 0:
        x = ptr8(x0)
        z = ptr8(z0)
        i = 0
        while i < p[14]:
            terms = ptr32(int(blob) + p[20])
            v = (terms[x[0]] ^ top) - top
            terms = ptr32(int(blob) + p[21])
            v += (terms[z[0]] ^ top) - top
            # requantise
            v <<= (p[19] >> 8) & 0xFF
            mh = p[18] >> 16
            ml = p[18] & 0xFFFF
            vh = v >> 14
            v &= 0x3FFF
            v = v * mh + ((vh * ml + ((v * ml) >> 14)) >> 2) + 0x4000
            v = (vh * mh + (v >> 14)) >> 1
            shift = p[19] & 0xFF
            if shift:
                if v < 0:
                    v -= p[19] >> 16
                v = (v + (1 << (shift - 1))) >> shift
            v += p[15]
            if v < p[16]:
                v = p[16]
            if v > p[17]:
                v = p[17]
            y[i] = v
            x = ptr8(int(x) + p[5])
            z = ptr8(int(z) + p[9])
            i += 1
        x0 += p[4]
        z0 += p[8]
        y = ptr8(int(y) + p[12])
        n_rows -= 1


@micropython.viper
def mul(blob: ptr8, arena: ptr8, at: int):
    """The product, rescaled."""
    p = ptr32(int(blob) + at)
    slots = ptr32(arena)
    x0 = int(arena) + slots[p[2]] + p[3]
    z0 = int(arena) + slots[p[6]] + p[7]
    y = ptr8(int(arena) + slots[p[10]] + p[11])
    n_rows = p[13]
    while n_rows > 0:
        x = ptr8(x0)
        z = ptr8(z0)
        i = 0
        while i < p[14]:
            v = (x[0] - p[20]) * (z[0] - p[21])
            # requantise
            v <<= (p[19] >> 8) & 0xFF
            mh = p[18] >> 16
            ml = p[18] & 0xFFFF
            vh = v >> 14
            v &= 0x3FFF
            v = v * mh + ((vh * ml + ((v * ml) >> 14)) >> 2) + 0x4000
            v = (vh * mh + (v >> 14)) >> 1
            shift = p[19] & 0xFF
            if shift:
                if v < 0:
                    v -= p[19] >> 16
                v = (v + (1 << (shift - 1))) >> shift
            v += p[15]
            if v < p[16]:
                v = p[16]
            if v > p[17]:
                v = p[17]
            y[i] = v
            x = ptr8(int(x) + p[5])
            z = ptr8(int(z) + p[9])
            i += 1
        x0 += p[4]
        z0 += p[8]
        y = ptr8(int(y) + p[12])
        n_rows -= 1


@micropython.viper
def mean(blob: ptr8, arena: ptr8, at: int):
    """A sum less its zero, rescaled or divided."""
    top = 1
    top <<= 31
    p = ptr32(int(blob) + at)
    slots = ptr32(arena)
    x0 = int(arena) + slots[p[2]] + p[3]
    y0 = int(arena) + slots[p[8]] + p[9]
    n_rows = p[12]
    while n_rows > 0:
        c = 0
        while c < p[13]:
            v = 0 - p[16]
            row = x0 + c * p[5]
            n_outer = p[14]
            while n_outer > 0:
                x = ptr8(row)
                n_inner = p[15]
                while n_inner > 0:
                    v += x[0]
                    x = ptr8(int(x) + p[7])
                    n_inner -= 1
                row += p[6]
                n_outer -= 1
            if p[20]:
                # requantise
                v <<= (p[21] >> 8) & 0xFF
                mh = p[20] >> 16
                ml = p[20] & 0xFFFF
                vh = v >> 14
                v &= 0x3FFF
                v = v * mh + ((vh * ml + ((v * ml) >> 14)) >> 2) + 0x4000
                v = (vh * mh + (v >> 14)) >> 1
                shift = p[21] & 0xFF
                if shift:
                    if v < 0:
                        v -= p[21] >> 16
                    v = (v + (1 << (shift - 1))) >> shift
            else:
                n = p[14] * p[15]
                if v < 0:
                    v = 0 - ((n >> 1) - v) // n
                else:
                    v = ((n >> 1) + v) // n
            v += (p[17] ^ top) - top
            if v < p[18]:
                v = p[18]
            if v > p[19]:
                v = p[19]
            y = ptr8(y0 + c * p[11])
            y[0] = v
            c += 1
        x0 += p[4]
        y0 += p[10]
        n_rows -= 1


@micropython.viper
def largest(blob: ptr8, arena: ptr8, at: int):
    """The largest of a window."""
    p = ptr32(int(blob) + at)
    slots = ptr32(arena)
    x0 = int(arena) + slots[p[2]] + p[3]
    y0 = int(arena) + slots[p[8]] + p[9]
    n_rows = p[12]
    while n_rows > 0:
        c = 0
        while c < p[13]:
            v = p[18]
            row = x0 + c * p[5]
            n_outer = p[14]
            while n_outer > 0:
                x = ptr8(row)
                n_inner = p[15]
                while n_inner > 0:
                    if x[0] > v:
                        v = x[0]
                    x = ptr8(int(x) + p[7])
                    n_inner -= 1
                row += p[6]
                n_outer -= 1
            if v > p[19]:
                v = p[19]
            y = ptr8(y0 + c * p[11])
            y[0] = v
            c += 1
        x0 += p[4]
        y0 += p[10]
        n_rows -= 1
