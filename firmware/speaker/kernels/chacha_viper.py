"""ChaCha20 and Poly1305 as native code: ``chacha_python`` says what each function means."""

# Words of ChaCha20 have more than 32 bits on a PC, where only the lower 32 are right: a shift to
# the right takes its bits from these, and a store drops the others. Poly1305's numbers are 10 limbs
# of 13 bits, 16 bits apart; sums of 10 products stay under 2**31.

import micropython
from micropython import const

CIPHER = const(128)
"""Bytes: the state, and the block that is made of it."""

MAC = const(160)
"""Bytes: r, h, s, the sums of a product, a block."""

_H = const(20)
_S = const(40)
_SUMS = const(56)
_BLOCK = const(136)


@micropython.viper
def crypt(state: ptr32, data: ptr8, at: int, n: int):
    """See chacha_python."""
    x = ptr32(int(state) + 64)
    stream = ptr8(int(state) + 64)
    while n > 0:
        i = 0
        while i < 16:
            x[i] = state[i]
            i += 1
        turn = 0
        while turn < 20:
            i = 0
            while i < 4:
                a = int(x[i])
                at_b = 4 + ((i + (turn & 1)) & 3)
                at_c = 8 + ((i + 2 * (turn & 1)) & 3)
                at_d = 12 + ((i + 3 * (turn & 1)) & 3)
                b = int(x[at_b])
                c = int(x[at_c])
                d = int(x[at_d])
                a += b
                d ^= a
                d = (d << 16) | ((d >> 16) & 0xFFFF)
                c += d
                b ^= c
                b = (b << 12) | ((b >> 20) & 0xFFF)
                a += b
                d ^= a
                d = (d << 8) | ((d >> 24) & 0xFF)
                c += d
                b ^= c
                b = (b << 7) | ((b >> 25) & 0x7F)
                x[i] = a
                x[at_b] = b
                x[at_c] = c
                x[at_d] = d
                i += 1
            turn += 1
        i = 0
        while i < 16:
            x[i] = x[i] + state[i]
            i += 1
        state[12] = state[12] + 1
        size = n
        if size > 64:
            size = 64
        to = ptr8(int(data) + at)
        i = 0
        while i < size:
            to[i] = to[i] ^ stream[i]
            i += 1
        at += 64
        n -= 64


@micropython.viper
def mac_start(state: ptr8, key: ptr8):
    """See chacha_python."""
    block = ptr8(int(state) + _BLOCK)
    i = 0
    while i < 16:
        v = key[i]
        if (i & 3) == 3:
            v &= 15
        elif i > 3 and (i & 3) == 0:
            v &= 252
        block[i] = v
        state[_S + i] = key[16 + i]
        i += 1
    block[16] = 0
    r = ptr16(state)
    i = 0
    while i < 10:
        at = 13 * i >> 3
        v = block[at] | block[at + 1] << 8 | block[at + 2] << 16
        r[i] = (v >> (13 * i & 7)) & 8191
        r[10 + i] = 0
        i += 1


@micropython.viper
def mac_update(state: ptr8, data: ptr8, at: int, n: int, pad: int):
    """See chacha_python."""
    r = ptr16(state)
    h = ptr16(int(state) + _H)
    sums = ptr32(int(state) + _SUMS)
    block = ptr8(int(state) + _BLOCK)
    of = ptr8(int(data) + at)
    while n > 0:
        i = 0
        while i < 17:
            v = 0
            if i < n and i < 16:
                v = of[i]
            block[i] = v
            i += 1
        if n >= 16 or pad:
            block[16] = 1
        else:
            block[n] = 1
        i = 0
        while i < 10:
            place = 13 * i >> 3
            v = block[place] | block[place + 1] << 8 | block[place + 2] << 16
            h[i] = h[i] + ((v >> (13 * i & 7)) & 8191)
            sums[i] = 0
            sums[10 + i] = 0
            i += 1
        i = 0
        while i < 10:
            v = h[i]
            s = ptr32(int(sums) + 4 * i)
            s[0] = s[0] + v * r[0]
            s[1] = s[1] + v * r[1]
            s[2] = s[2] + v * r[2]
            s[3] = s[3] + v * r[3]
            s[4] = s[4] + v * r[4]
            s[5] = s[5] + v * r[5]
            s[6] = s[6] + v * r[6]
            s[7] = s[7] + v * r[7]
            s[8] = s[8] + v * r[8]
            s[9] = s[9] + v * r[9]
            i += 1
        v = 0
        while i < 19:
            v += int(sums[i])
            sums[i] = v & 8191
            v >>= 13
            i += 1
        sums[19] = v
        # What lies above 2**130 counts 5 times below. Limb 1 may exceed its 13 bits by 100.
        v = 0
        i = 0
        while i < 10:
            v += int(sums[i]) + 5 * int(sums[i + 10])
            h[i] = v & 8191
            v >>= 13
            i += 1
        v = h[0] + 5 * v
        h[0] = v & 8191
        h[1] = h[1] + (v >> 13)
        of = ptr8(int(of) + 16)
        n -= 16


@micropython.viper
def mac_finish(state: ptr8, tag: ptr8):
    """See chacha_python."""
    h = ptr16(int(state) + _H)
    add = 0
    turn = 0
    while turn < 5:
        # As in x25519_viper's pack: what lies above 2**130 comes back, and if h + 5 reaches that,
        # 2**130 - 5 was reached without it.
        v = add
        i = 0
        while i < 10:
            v += h[i]
            h[i] = v & 8191
            v >>= 13
            i += 1
        add = 5 * v
        if turn == 2:
            add = 5
        if turn == 3:
            add = 5 * v - 5
        turn += 1
    bits = 0
    n = 0
    carry = 0
    i = 0
    at = 0
    while at < 16:
        if n < 8:
            bits |= h[i] << n
            n += 13
            i += 1
        carry += (bits & 255) + state[_S + at]
        tag[at] = carry
        carry >>= 8
        bits >>= 8
        n -= 8
        at += 1
