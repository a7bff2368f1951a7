"""X25519 as Xtensa code: ``x25519_python`` says what each function means."""

# The host assembles this file (mynah.xtensa), as it does model_xtensa.py.
#
# Field elements are 20 limbs of 13 bits, 16 bits apart, with signs: -4096 to 4095 each, up to 4098
# after a carry that goes round, twice that for sums and differences, which are not carried. So 20
# products of two such sums stay under 2**31, and MAC16 adds them up, one an instruction: one factor
# is in registers, two limbs in each, the other comes from memory, up and down in turn. What is done
# and where does not depend on the scalar.

import micropython
from micropython import const

WORK = const(40 + 9 * 40)
"""Bytes: scalar and the last swap, nine elements."""

STEPS = const(85)

_ELEMENTS = 40
_LIMBS = 20
_SWAP = 32


def _element(number):
    return _ELEMENTS + 40 * number


@micropython.asm_xtensa
def start(work: ptr8, scalar: ptr8, point: ptr8):
    """Clamp the scalar, spread the coordinate's 255 bits: x1 = x3 = u, x2 = z3 = 1, z2 = 0."""
    v, t, zero = a5, a6, a7
    entry(a1, 32)
    for i in range(32):
        l8ui(v, scalar, i)
        if i == 0:
            srli(v, v, 3)
            slli(v, v, 3)
        if i == 31:
            movi(t, 64)
            extui(v, v, 0, 6)
            or_(v, v, t)
        s8i(v, work, i)
    movi(zero, 0)
    for i in range(_SWAP, WORK, 4):
        s32i(zero, work, i)
    movi(v, 1)
    s16i(v, work, _element(1))
    s16i(v, work, _element(4))
    for i in range(_LIMBS):
        at, low = 13 * i >> 3, 13 * i & 7
        l8ui(v, point, at)
        if at < 31:
            l8ui(t, point, at + 1)
            slli(t, t, 8)
            or_(v, v, t)
        if at < 30 and low > 3:
            l8ui(t, point, at + 2)
            slli(t, t, 16)
            or_(v, v, t)
        extui(v, v, low, 13 if i < 19 else 8)
        s16i(v, work, _element(0) + 2 * i)
        s16i(v, work, _element(3) + 2 * i)
    retw()


@micropython.asm_xtensa
def steps(work: ptr8, bit: int, count: int):
    """Each step swaps by its bit; step -1 swaps by 0 and divides."""
    k, t, mask = a5, a6, a7
    entry(a1, 32)
    label(".next")
    movi(k, 0)
    bltz(bit, ".known")
    srai(t, bit, 3)
    add(t, work, t)
    l8ui(t, t, 0)
    extui(k, bit, 0, 3)
    ssr(k)
    srl(t, t)
    extui(k, t, 0, 1)
    label(".known")
    l8ui(t, work, _SWAP)
    s8i(k, work, _SWAP)
    xor(t, t, k)
    neg(mask, t)
    _point(a10, work, 1)
    mov(a11, mask)
    call8("swap")
    bltz(bit, ".divide")
    _step(work)
    addi(bit, bit, -1)
    addi(count, count, -1)
    bnez(count, ".again")
    retw()
    label(".again")
    j(".next")
    label(".divide")
    _divide(work, t)
    retw()

    _swap()
    _multiply()
    _scale()
    _sum("add", add)
    _sum("subtract", sub)


@micropython.asm_xtensa
def pack(work: ptr8, out: ptr8):
    """Carry, and bring what lies above 2**255 back; at last, subtract the prime if it fits in."""
    e, more, top = a4, a5, a6
    v, u = a7, a8
    entry(a1, 32)
    _point(e, work, 1)
    literal(more, 16382)  # twice 2**13 - 1 in each limb, 1214 less at last: 64 (2**255 - 19)
    for i in range(_LIMBS):
        l16si(v, e, 2 * i)
        add(v, v, more)
        s16i(v, e, 2 * i)
    movi(more, -1214)
    for turn in range(5):
        mov(a10, e)
        mov(a11, more)
        call8("carry")
        mov(top, a10)
        if turn == 2:
            movi(more, 19)  # if that reaches 2**255, the prime was reached without it
        else:
            slli(more, top, 4)
            addx2(top, top, top)
            add(more, more, top)
        if turn == 3:
            addi(more, more, -19)
    for i in range(32):
        limb, low = 8 * i // 13, 8 * i % 13
        l16ui(v, e, 2 * limb)
        extui(v, v, low, 8)
        if low > 5:
            l16ui(u, e, 2 * limb + 2)
            slli(u, u, 13 - low)
            or_(v, v, u)
        s8i(v, out, i)
    retw()

    subroutine("carry")
    e, t, v, mask, count = a2, a3, a4, a5, a6
    entry(a1, 32)
    literal(mask, 8191)
    movi(count, _LIMBS)
    with repeat(count):
        l16ui(v, e, 0)
        add(t, t, v)
        and_(v, t, mask)
        s16i(v, e, 0)
        srai(t, t, 13)
        addi(e, e, 2)
    addi(e, e, -2)  # the last limb keeps the 8 bits under 2**255
    l16ui(v, e, 0)
    slli(t, t, 5)
    extui(mask, v, 8, 5)
    or_(t, t, mask)
    extui(v, v, 0, 8)
    s16i(v, e, 0)
    mov(a2, t)
    retw()


def _point(to, work, number):
    movi(to, _element(number))
    add(to, work, to)


def _call(name, work, to, a, b):
    for register, number in ((a10, to), (a11, a), (a12, b)):
        _point(register, work, number)
    call8(name)


def _step(work):
    """A step of the ladder; x1, x2, z2, x3, z3 are elements 0 to 4 (RFC 7748, section 5)."""
    _call("add", work, 5, 1, 2)
    _call("subtract", work, 6, 1, 2)
    _call("add", work, 7, 3, 4)
    _call("subtract", work, 8, 3, 4)
    _call("multiply", work, 8, 5, 8)
    _call("multiply", work, 7, 6, 7)
    _call("multiply", work, 1, 5, 5)
    _call("multiply", work, 2, 6, 6)
    _call("add", work, 5, 8, 7)
    _call("subtract", work, 6, 8, 7)
    _call("multiply", work, 3, 5, 5)
    _call("multiply", work, 7, 6, 6)
    _call("multiply", work, 4, 7, 0)
    _call("subtract", work, 5, 1, 2)
    _call("scale", work, 6, 5, 5)
    _call("add", work, 6, 6, 1)
    _call("multiply", work, 1, 2, 1)
    _call("multiply", work, 2, 5, 6)


def _divide(work, count):
    """x2 = x2 / z2: z2 to the power of 2**255 - 21, times x2."""
    chain = (
        ((3, 2, 1), None),
        ((4, 3, 2), (4, 4, 2)),
        (None, (3, 3, 4)),
        ((5, 3, 1), (4, 4, 5)),
        ((5, 4, 5), (4, 5, 4)),
        ((5, 4, 10), (5, 5, 4)),
        ((6, 5, 20), (5, 6, 5)),
        ((5, 5, 10), (4, 5, 4)),
        ((5, 4, 50), (5, 5, 4)),
        ((6, 5, 100), (5, 6, 5)),
        ((5, 5, 50), (4, 5, 4)),
        ((4, 4, 5), (4, 4, 3)),
        (None, (1, 4, 1)),
    )
    for number, (squares, product) in enumerate(chain):
        if squares:
            to, of, times = squares
            _call("multiply", work, to, of, of)
            if times > 1:
                movi(count, times - 1)
                label(f".square{number}")
                _call("multiply", work, to, to, to)
                addi(count, count, -1)
                bnez(count, f".square{number}")
        if product:
            _call("multiply", work, *product)


def _swap():
    """Swap elements 1 and 3, 2 and 4, under a mask."""
    subroutine("swap")
    e, mask, count, v, w, d = a2, a3, a4, a5, a6, a7
    entry(a1, 32)
    movi(count, _LIMBS)
    with repeat(count):
        l32i(v, e, 0)
        l32i(w, e, 80)
        xor(d, v, w)
        and_(d, d, mask)
        xor(v, v, d)
        xor(w, w, d)
        s32i(v, e, 0)
        s32i(w, e, 80)
        addi(e, e, 4)
    retw()


def _sum(name, operation):
    subroutine(name)
    to, a, b = a2, a3, a4
    entry(a1, 32)
    for i in range(0, _LIMBS, 2):
        l16si(a5, a, 2 * i)
        l16si(a6, b, 2 * i)
        l16si(a7, a, 2 * i + 2)
        l16si(a8, b, 2 * i + 2)
        operation(a5, a5, a6)
        operation(a7, a7, a8)
        s16i(a5, to, 2 * i)
        s16i(a7, to, 2 * i + 2)
    retw()


def _limb(t, u, base, at):
    """Keep 13 bits of t, with a sign, as the limb there; the rest stays in t."""
    sext(u, t, 12)
    s16i(u, base, at)
    sub(t, t, u)
    srai(t, t, 13)


def _go_round(t, u, factor, base):
    """What is left in t lies above 2**260 and counts ``factor`` (608) times below.

    Limb 2 may exceed its 13 bits by 2.
    """
    mull(t, t, factor)
    for i in range(2):
        l16si(u, base, 2 * i)
        add(t, t, u)
        _limb(t, u, base, 2 * i)
    l16si(u, base, 4)
    add(t, t, u)
    s16i(t, base, 4)


def _scale():
    """121665 times an element."""
    subroutine("scale")
    to, a, factor, t, u = a2, a3, a4, a5, a6
    entry(a1, 32)
    literal(factor, 121665)
    movi(t, 0)
    for i in range(_LIMBS):
        l16si(u, a, 2 * i)
        mull(u, u, factor)
        add(t, t, u)
        _limb(t, u, to, 2 * i)
    movi(factor, 608)
    _go_round(t, u, factor, to)
    retw()


_TO_AT = 40  # in the stack, behind the product


def _multiply():
    """The product of two elements, which may be the same as each other or as the target."""
    subroutine("multiply")
    to, a, t, u = a2, a3, a14, a15
    b = (a4, a5, a6, a7, a8, a9, a10, a11, a12, a13)
    factor = to
    entry(a1, 80)
    s32i(to, a1, _TO_AT)
    for i in reversed(range(10)):
        l32i(b[i], a4, 4 * i)
    # The upper half of the product first; its limbs then count 608 times in the lower half.
    movi(t, 0)
    addi(a, a, -4)
    ldinc(m0, a)
    held = (0, m0)
    for k in range(_LIMBS, 2 * _LIMBS - 1):
        wsr(t, "acclo")
        held = convolve(k, _LIMBS, a, b, held)
        rsr(t, "acclo")
        _limb(t, u, a1, 2 * (k - _LIMBS))
    s16i(t, a1, 38)
    addi(a, a, -40)
    ldinc(m0, a)
    held = (0, m0)
    movi(factor, 608)
    movi(t, 0)
    for k in range(_LIMBS):
        l16si(u, a1, 2 * k)
        mull(u, u, factor)
        add(t, t, u)
        wsr(t, "acclo")
        held = convolve(k, _LIMBS, a, b, held)
        rsr(t, "acclo")
        _limb(t, u, a1, 2 * k)
    _go_round(t, u, factor, a1)
    l32i(to, a1, _TO_AT)
    for i in range(10):
        l32i(b[i], a1, 4 * i)
    for i in range(10):
        s32i(b[i], to, 4 * i)
    retw()
