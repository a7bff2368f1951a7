"""ChaCha20 and Poly1305 as Xtensa code: ``chacha_python`` says what each function means."""

# The host assembles this file (mynah.xtensa), as it does model_xtensa.py. Poly1305's numbers are
# those of chacha_viper, multiplied as in x25519_xtensa, without signs.

import micropython
from micropython import const

CIPHER = const(64)
"""Bytes: the state; the block that is made of it is in the stack."""

MAC = const(56)
"""Bytes: r, h, s."""

_H, _S = 20, 40
_LIMBS = 10


@micropython.asm_xtensa
def crypt(state: ptr32, data: ptr8, at: int, n: int):
    """A block at a time into the stack; then by words where they are aligned, else by bytes."""
    place, t, u, count = a6, a7, a8, a9
    entry(a1, 32 + 64)
    add(data, data, at)
    j(".more")
    label(".block")
    _block(state)
    movi(count, 64)
    min(count, count, n)
    sub(n, n, count)
    mov(place, a1)
    or_(t, data, count)
    extui(t, t, 0, 2)
    bnez(t, ".bytes")
    srli(count, count, 2)
    with repeat(count):
        l32i(t, place, 0)
        l32i(u, data, 0)
        xor(t, t, u)
        s32i(t, data, 0)
        addi(place, place, 4)
        addi(data, data, 4)
    label(".more")
    blti(n, 1, ".end")
    j(".block")
    label(".bytes")
    with repeat(count):
        l8ui(t, place, 0)
        l8ui(u, data, 0)
        xor(t, t, u)
        s8i(t, data, 0)
        addi(place, place, 1)
        addi(data, data, 1)
    j(".more")
    label(".end")
    retw()


_COUNT_AT, _N_AT = 0, 4  # in the stack, while the block's first two rows are in registers


def _block(state):
    """The key stream's next block into the stack; the counter goes on."""
    rows = (a8, a9, a10, a11, a12, a13, a14, a15)
    n, c, d = a5, a6, a7
    for i in range(8, 16):
        l32i(c, state, 4 * i)
        s32i(c, a1, 4 * i)
    for i in range(8):
        l32i(rows[i], state, 4 * i)
    s32i(n, a1, _N_AT)
    count = n
    movi(count, 10)
    label(".round")
    for turn in range(2):
        for i in range(4):
            at_c = 4 * (8 + (i + 2 * turn) % 4)
            at_d = 4 * (12 + (i + 3 * turn) % 4)
            l32i(c, a1, at_c)
            l32i(d, a1, at_d)
            _quarter(rows[i], rows[4 + (i + turn) % 4], c, d)
            s32i(c, a1, at_c)
            s32i(d, a1, at_d)
    addi(count, count, -1)
    bnez(count, ".round")
    l32i(n, a1, _N_AT)
    for i in range(16):
        word = rows[i] if i < 8 else c
        if i >= 8:
            l32i(word, a1, 4 * i)
        l32i(d, state, 4 * i)
        add(word, word, d)
        s32i(word, a1, 4 * i)
        if i == 12:
            addi(d, d, 1)
            s32i(d, state, 4 * i)


def _quarter(a, b, c, d):
    for x, y, z, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        add(x, x, y)
        xor(z, z, x)
        ssai(32 - bits)
        src(z, z, z)


@micropython.asm_xtensa
def mac_start(state: ptr8, key: ptr8):
    """Clamp the first half to r, whose limbs go two in a word; keep the second for the end."""
    w = (a4, a5, a6, a7)
    t, zero = a8, a9
    entry(a1, 32)
    movi(zero, 0)
    for i in range(4):
        _word(w[i], t, key, 4 * i)
        slli(w[i], w[i], 4)
        srli(w[i], w[i], 4 if i == 0 else 6)
        if i:
            slli(w[i], w[i], 2)
    for i in range(_LIMBS):
        _limb(t, w, zero, i)
        s16i(t, state, 2 * i)
        s16i(zero, state, _H + 2 * i)
    for i in range(16):
        l8ui(t, key, 16 + i)
        s8i(t, state, _S + i)
    retw()


@micropython.asm_xtensa
def mac_update(state: ptr8, data: ptr8, at: int, n: int, pad: int):
    """Whole blocks where they are, what is left over from the stack."""
    t, place = a7, a8
    entry(a1, 32 + 24)
    add(data, data, at)
    label(".block")
    blti(n, 16, ".rest")
    mov(a10, state)
    mov(a11, data)
    movi(a12, 1)
    call8("block")
    addi(data, data, 16)
    addi(n, n, -16)
    j(".block")
    label(".rest")
    blti(n, 1, ".end")
    movi(t, 0)
    for i in range(5):
        s32i(t, a1, 4 * i)
    mov(place, a1)
    with repeat(n):
        l8ui(t, data, 0)
        s8i(t, place, 0)
        addi(data, data, 1)
        addi(place, place, 1)
    movi(a12, 1)
    bnez(pad, ".padded")
    s8i(a12, place, 0)
    movi(a12, 0)
    label(".padded")
    mov(a10, state)
    mov(a11, a1)
    call8("block")
    label(".end")
    retw()

    subroutine("block")
    data, h, top = a3, a3, a4
    r, w = (a5, a6, a7, a8, a9), (a10, a11, a12, a13)
    t, u = a14, a15
    entry(a1, 32 + 24)
    for i in range(4):
        _word(w[i], t, data, 4 * i)
    for i in range(_LIMBS):
        _limb(t, w, top, i)
        l16ui(u, state, _H + 2 * i)
        add(t, t, u)
        s16i(t, state, _H + 2 * i)
    for i in range(5):
        l32i(r[i], state, 4 * i)
    # h times r: its upper half first, whose limbs count 5 times in the lower half.
    addi(h, state, _H - 4)
    ldinc(m0, h)
    held = (0, m0)
    movi(t, 0)
    for k in range(_LIMBS, 2 * _LIMBS - 1):
        wsr(t, "acclo")
        held = convolve(k, _LIMBS, h, r, held)
        _carry(t, u, 2 * (k - _LIMBS))
    s16i(t, a1, 2 * _LIMBS - 2)
    addi(h, h, -2 * _LIMBS)
    ldinc(m0, h)
    held = (0, m0)
    movi(t, 0)
    for k in range(_LIMBS):
        l16ui(u, a1, 2 * k)
        addx4(u, u, u)
        add(t, t, u)
        wsr(t, "acclo")
        held = convolve(k, _LIMBS, h, r, held)
        _carry(t, u, 2 * k)
    addx4(t, t, t)
    l16ui(u, a1, 0)
    add(t, t, u)
    extui(u, t, 0, 13)
    s16i(u, a1, 0)
    srli(t, t, 13)
    l16ui(u, a1, 2)
    add(t, t, u)
    s16i(t, a1, 2)
    for i in range(5):
        l32i(t, a1, 4 * i)
        s32i(t, state, _H + 4 * i)
    retw()


@micropython.asm_xtensa
def mac_finish(state: ptr8, tag: ptr8):
    """As in x25519_xtensa's pack; then s is added, byte by byte."""
    more, turns, h = a4, a5, a6
    t, u, carry = a7, a8, a9
    entry(a1, 32)
    addi(h, state, _H)
    movi(more, 0)
    for turn in range(5):
        mov(a10, h)
        mov(a11, more)
        call8("carry")
        if turn == 2:
            movi(more, 5)
        else:
            addx4(more, a10, a10)
        if turn == 3:
            addi(more, more, -5)
    movi(carry, 0)
    for i in range(16):
        limb, low = 8 * i // 13, 8 * i % 13
        l16ui(t, h, 2 * limb)
        if low > 5:
            l16ui(u, h, 2 * limb + 2)
            slli(u, u, 13)
            or_(t, t, u)
        extui(t, t, low, 8)
        l8ui(u, state, _S + i)
        add(t, t, u)
        add(t, t, carry)
        s8i(t, tag, i)
        srli(carry, t, 8)
    retw()

    subroutine("carry")
    h, t, u, mask, count = a2, a3, a4, a5, a6
    entry(a1, 32)
    literal(mask, 8191)
    movi(count, _LIMBS)
    with repeat(count):
        l16ui(u, h, 0)
        add(t, t, u)
        and_(u, t, mask)
        s16i(u, h, 0)
        srai(t, t, 13)
        addi(h, h, 2)
    mov(a2, t)
    retw()


def _word(to, t, data, at):
    """Four bytes, wherever they are."""
    l8ui(to, data, at)
    for i in range(1, 4):
        l8ui(t, data, at + i)
        slli(t, t, 8 * i)
        or_(to, to, t)


def _limb(t, w, top, i):
    """Bits 13 i and on of the words and what is above them."""
    word, low = 13 * i >> 5, 13 * i & 31
    if low <= 19:
        extui(t, w[word], low, 13)
    else:
        ssai(low)
        src(t, w[word + 1] if word < 3 else top, w[word])
        extui(t, t, 0, 13)


def _carry(t, u, at):
    """A column's sum: 13 bits are the limb, in the stack; the rest stays in t."""
    rsr(t, "acclo")
    extui(u, t, 0, 13)
    s16i(u, a1, at)
    srli(t, t, 13)
