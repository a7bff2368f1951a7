"""X25519 as native code: ``x25519_python`` says what each function means."""

# Field elements are 20 limbs of 13 bits, 16 bits apart; the number is any that is right modulo
# 2**255 - 19. A product's sums of 20 stay under 2**31, so that the chip's 32 bits suffice; that
# takes limbs of at most 2**13 + 2, which is what every operation leaves. What is done and where
# does not depend on the scalar: a swap is a mask, and the branches follow the programs below.

import micropython
from micropython import const

WORK = const(40 + 9 * 40 + 40 * 4)
"""Bytes: scalar and the last swap, nine elements, the sums of a product."""

STEPS = const(16)

_ELEMENTS = const(40)
_SUMS = const(40 + 9 * 40)

# A program's operations: code, then the elements it writes and reads; x1, x2, z2, x3, z3 are
# elements 0 to 4. SQUARE has a count for its last operand.
_END = const(0)
_MUL = const(1)
_SQUARE = const(2)
_ADD = const(3)
_SUB = const(4)
_SCALE = const(5)
_STEP = bytes([
    _ADD, 5, 1, 2,
    _SUB, 6, 1, 2,
    _ADD, 7, 3, 4,
    _SUB, 8, 3, 4,
    _MUL, 8, 5, 8,
    _MUL, 7, 6, 7,
    _SQUARE, 1, 5, 1,
    _SQUARE, 2, 6, 1,
    _ADD, 5, 8, 7,
    _SUB, 6, 8, 7,
    _SQUARE, 3, 5, 1,
    _SQUARE, 7, 6, 1,
    _MUL, 4, 7, 0,
    _SUB, 5, 1, 2,
    _SCALE, 6, 5, 0,
    _ADD, 6, 6, 1,
    _MUL, 1, 2, 1,
    _MUL, 2, 5, 6,
    _END,
])  # fmt: skip
# z2 to the power of 2**255 - 21, then times x2.
_DIVIDE = bytes([
    _SQUARE, 3, 2, 1,
    _SQUARE, 4, 3, 2,
    _MUL, 4, 4, 2,
    _MUL, 3, 3, 4,
    _SQUARE, 5, 3, 1,
    _MUL, 4, 4, 5,
    _SQUARE, 5, 4, 5,
    _MUL, 4, 5, 4,
    _SQUARE, 5, 4, 10,
    _MUL, 5, 5, 4,
    _SQUARE, 6, 5, 20,
    _MUL, 5, 6, 5,
    _SQUARE, 5, 5, 10,
    _MUL, 4, 5, 4,
    _SQUARE, 5, 4, 50,
    _MUL, 5, 5, 4,
    _SQUARE, 6, 5, 100,
    _MUL, 5, 6, 5,
    _SQUARE, 5, 5, 50,
    _MUL, 4, 5, 4,
    _SQUARE, 4, 4, 5,
    _MUL, 4, 4, 3,
    _MUL, 1, 4, 1,
    _END,
])  # fmt: skip


def steps(work, bit, count):
    """See x25519_python."""
    run(work, _STEP if bit >= 0 else _DIVIDE, bit, count)  # type: ignore[arg-type]


@micropython.viper
def start(work: ptr8, scalar: ptr8, point: ptr8):
    """See x25519_python."""
    i = 0
    while i < 32:
        work[i] = scalar[i]
        i += 1
    work[0] = work[0] & 248
    work[31] = work[31] & 127 | 64
    work[32] = 0
    e = ptr16(int(work) + _ELEMENTS)
    i = 0
    while i < 100:
        e[i] = 0
        i += 1
    e[20] = 1
    e[80] = 1
    i = 0
    while i < 20:
        at = 13 * i >> 3
        v = point[at]
        if at < 31:
            v |= point[at + 1] << 8
        if at < 30:
            v |= point[at + 2] << 16
        v = (v >> (13 * i & 7)) & 8191
        if i == 19:
            v &= 255
        e[i] = v
        e[60 + i] = v
        i += 1


@micropython.viper
def run(work: ptr8, program: ptr8, bit: int, count: int):
    """Swap by a bit of the scalar (by 0 below bit 0), run the program; so often, with bits down."""
    elements = int(work) + _ELEMENTS
    sums = ptr32(int(work) + _SUMS)
    while count > 0:
        k = 0
        if bit >= 0:
            k = (work[bit >> 3] >> (bit & 7)) & 1
        mask = 0 - (k ^ work[32])
        work[32] = k
        p = ptr16(elements + 40)
        q = ptr16(elements + 120)
        i = 0
        while i < 40:
            v = (p[i] ^ q[i]) & mask
            p[i] = p[i] ^ v
            q[i] = q[i] ^ v
            i += 1

        at = 0
        while program[at] != _END:
            op = program[at]
            to = ptr16(elements + 40 * program[at + 1])
            a = ptr16(elements + 40 * program[at + 2])
            b = ptr16(elements + 40 * program[at + 3])
            times = 1
            if op == _SQUARE:
                times = program[at + 3]
                b = a
            while times > 0:
                i = 0
                while i < 40:
                    sums[i] = 0
                    i += 1
                i = 0
                if op == _ADD:
                    while i < 20:
                        sums[i] = a[i] + b[i]
                        i += 1
                elif op == _SUB:  # plus 64 (2**255 - 19), in limbs that are larger than b's
                    while i < 20:
                        sums[i] = a[i] + 16382 - b[i]
                        i += 1
                    sums[0] = sums[0] - 1214
                elif op == _SCALE:
                    while i < 20:
                        sums[i] = a[i] * 121665
                        i += 1
                else:
                    while i < 20:
                        v = a[i]
                        s = ptr32(int(sums) + 4 * i)
                        s[0] = s[0] + v * b[0]
                        s[1] = s[1] + v * b[1]
                        s[2] = s[2] + v * b[2]
                        s[3] = s[3] + v * b[3]
                        s[4] = s[4] + v * b[4]
                        s[5] = s[5] + v * b[5]
                        s[6] = s[6] + v * b[6]
                        s[7] = s[7] + v * b[7]
                        s[8] = s[8] + v * b[8]
                        s[9] = s[9] + v * b[9]
                        s[10] = s[10] + v * b[10]
                        s[11] = s[11] + v * b[11]
                        s[12] = s[12] + v * b[12]
                        s[13] = s[13] + v * b[13]
                        s[14] = s[14] + v * b[14]
                        s[15] = s[15] + v * b[15]
                        s[16] = s[16] + v * b[16]
                        s[17] = s[17] + v * b[17]
                        s[18] = s[18] + v * b[18]
                        s[19] = s[19] + v * b[19]
                        i += 1
                    v = 0
                    while i < 39:
                        v += sums[i]
                        sums[i] = v & 8191
                        v >>= 13
                        i += 1
                    sums[39] = v
                # What lies above 2**260 counts 608 times below.
                v = 0
                i = 0
                while i < 20:
                    v += int(sums[i]) + 608 * int(sums[i + 20])
                    to[i] = v & 8191
                    v >>= 13
                    i += 1
                v = to[0] + 608 * v
                to[0] = v & 8191
                v = to[1] + (v >> 13)
                to[1] = v & 8191
                to[2] = to[2] + (v >> 13)
                a = to
                b = to
                times -= 1
            at += 4
        bit -= 1
        count -= 1


@micropython.viper
def pack(work: ptr8, out: ptr8):
    """Element 1 modulo 2**255 - 19, in 32 bytes."""
    e = ptr16(int(work) + _ELEMENTS + 40)
    add = 0
    turn = 0
    while turn < 5:
        # Twice what lies above 2**255 comes back as 19 times as much below; that leaves less than
        # 2**255. Adding 19 then tells whether it is still too much; if it is not, they go again.
        v = add
        i = 0
        while i < 20:
            v += e[i]
            e[i] = v & 8191
            v >>= 13
            i += 1
        v = (v << 5) | (e[19] >> 8)
        e[19] = e[19] & 255
        add = 19 * v
        if turn == 2:
            add = 19
        if turn == 3:
            add = 19 * v - 19
        turn += 1
    v = 0
    n = 0
    i = 0
    at = 0
    while at < 32:
        if n < 8:
            v |= e[i] << n
            n += 13
            i += 1
        out[at] = v
        v >>= 8
        n -= 8
        at += 1
