"""Front-end kernels as Xtensa code: ``frontend_python`` says what each one means."""

# Assembled on the host like model_xtensa. One call computes a row of features: what the twin does
# in spectrum, energy, filterbank and compress, and the move by a hop.

import micropython
from micropython import const

# Words of frame's argument: the addresses of the front end's arrays, in this order.
_HISTORY, _WINDOW, _ORDER, _TWIDDLES, _WORK, _SPLIT, _ENERGIES = 0, 4, 8, 12, 16, 20, 24
_FIRST, _WIDTHS, _WEIGHTS, _SIGNAL, _ESTIMATES, _GAINS = 28, 32, 36, 40, 44, 48
_LOGARITHMS, _FEATURES = 52, 56

_CHANNELS = const(40)
_QUARTER = const(2 * 8191)  # in 16 bits after the point, where the twin has 15
_HALF = const(2 * 16383)
_ROUND = const(1 << 15)


@micropython.asm_xtensa
def frame(arrays: ptr32):
    """A window of samples to a row of features; then drop the oldest hop of samples."""
    entry(a1, 32)
    mov(a10, arrays)
    call8("spectrum")
    mov(a7, a10)
    mov(a10, arrays)
    call8("energy")
    mov(a10, arrays)
    mov(a11, a7)
    call8("filterbank")
    mov(a10, arrays)
    call8("compress")
    to, of, count = a3, a4, a5
    l32i(to, arrays, _HISTORY)
    movi(count, 320 // 8)
    addmi(of, to, 256)
    addi(of, of, 64)
    with repeat(count):
        for i in range(4):
            l32i((a8, a9, a10, a11)[i], of, 4 * i)
        for i in range(4):
            s32i((a8, a9, a10, a11)[i], to, 4 * i)
        addi(of, of, 16)
        addi(to, to, 16)
    retw()

    _spectrum()
    _energy()
    _filterbank()
    _compress()


@micropython.asm_xtensa
def copy(target: ptr16, at: int, source: ptr16, start: int, count: int):
    """Copy 16-bit words, whatever their addresses."""
    entry(a1, 32)
    addx2(target, at, target)
    addx2(source, start, source)
    fours, rest = a7, a8
    extui(fours, count, 2, 16)
    extui(rest, count, 0, 2)
    with repeat(fours):
        _copy_words(target, source, 4)
    with repeat(rest):
        _copy_words(target, source, 1)
    retw()


def _copy_words(to, of, count):
    for i, register in enumerate((a9, a10, a11, a12)[:count]):
        l16ui(register, of, 2 * i)
    for i, register in enumerate((a9, a10, a11, a12)[:count]):
        s16i(register, to, 2 * i)
    addi(of, of, 2 * count)
    addi(to, to, 2 * count)


@micropython.asm_xtensa
def quantise(features: ptr16, multiplier: int, shift: int, largest: int, arena: ptr8, at: int):
    """Features to a model's input bytes."""
    v, half, top, count = a8, a9, a10, a11
    entry(a1, 32)
    add(at, arena, at)
    movi(half, 1)
    ssl(shift)
    sll(half, half)
    srli(half, half, 1)
    ssr(shift)
    movi(top, 255)
    movi(count, _CHANNELS)
    with repeat(count):
        l16ui(v, features, 0)
        addi(features, features, 2)
        min(v, v, largest)
        mull(v, v, multiplier)
        add(v, v, half)
        sra(v, v)
        min(v, v, top)
        s8i(v, at, 0)
        addi(at, at, 1)
    retw()


# -- window and FFT

_WORK_AT, _SHIFT_AT, _K_AT, _ARRAYS_AT = 0, 4, 8, 12  # in the stack


def _spectrum():
    subroutine("spectrum")
    arrays = a2
    history, window, order, work, bits, count = a3, a4, a5, a6, a7, a8
    place, w, v, zero = a9, a10, a11, a12
    entry(a1, 48)
    l32i(history, arrays, _HISTORY)
    l32i(window, arrays, _WINDOW)
    l32i(order, arrays, _ORDER)
    l32i(work, arrays, _WORK)
    s32i(work, a1, _WORK_AT)
    s32i(arrays, a1, _ARRAYS_AT)
    movi(bits, 0)
    movi(count, 480 // 8)
    with repeat(count):
        for pair in range(4):
            l8ui(place, order, pair)
            l16si(v, history, 4 * pair)
            l16ui(w, window, 4 * pair)
            addx4(place, place, work)
            _windowed(v, w, bits, place, 0)
            l16si(v, history, 4 * pair + 2)
            l16ui(w, window, 4 * pair + 2)
            _windowed(v, w, bits, place, 2)
        addi(history, history, 16)
        addi(window, window, 16)
        addi(order, order, 4)
    movi(zero, 0)
    movi(count, 16)
    with repeat(count):
        l8ui(place, order, 0)
        addi(order, order, 1)
        addx4(place, place, work)
        s32i(zero, place, 0)

    # The largest magnitude decides the shift; -32768 has none, and becomes 0 when it is shifted.
    largest, shift = w, v
    extui(largest, bits, 0, 15)
    nsau(shift, largest)
    addi(shift, shift, -17)
    s32i(shift, a1, _SHIFT_AT)
    ssl(shift)
    beqz(shift, ".transform")
    bbci(bits, 15, ".transform")
    movi(place, -1)
    slli(place, place, 15)
    movi(count, 512)
    with repeat(count):
        l16si(w, work, 0)
        bne(w, place, ".kept")
        s16i(zero, work, 0)
        label(".kept")
        addi(work, work, 2)
    label(".transform")
    _transform()
    l32i(a2, a1, _SHIFT_AT)
    retw()


def _windowed(v, w, bits, place, offset):
    mull(v, v, w)
    srai(v, v, 12)
    s16i(v, place, offset)
    abs(v, v)
    or_(bits, bits, v)


def _transform():
    """256 points in place, from base-4 digits reversed; the first stage shifts its input left."""
    p, quarter, half, count = a3, a7, a8, a9
    literal(quarter, _QUARTER)
    literal(half, _ROUND)
    l32i(p, a1, _WORK_AT)
    movi(count, 64)
    with repeat(count):
        _plain_butterfly(p, p, (0, 4, 8, 12), quarter, half, shifted=True)
        addi(p, p, 16)
    for m in (4, 16, 64):
        l32i(p, a1, _WORK_AT)
        if m < 64:
            movi(count, 64 // m)
            with repeat(count):
                _plain_butterfly(p, p, (0, 4 * m, 8 * m, 12 * m), quarter, half)
                _advance(p, 16 * m)
        else:
            addmi(count, p, 512)
            _plain_butterfly(p, count, (0, 256, 0, 256), quarter, half)
        _twiddled(m, p, quarter, half, count)


def _advance(p, distance):
    if distance < 128:
        addi(p, p, distance)
    else:
        addmi(p, p, distance)


def _twiddled(m, p, quarter, half, count):
    """The butterflies whose twiddles are not one: k from 1 on, all that share them in a row."""
    w1, w2, w3 = a4, a5, a6
    loop, again = f".m{m}", f".m{m} again"
    t = a10
    movi(t, 1)
    label(loop)
    s32i(t, a1, _K_AT)
    l32i(p, a1, _WORK_AT)
    l32i(w3, a1, _ARRAYS_AT)
    l32i(w3, w3, _TWIDDLES)
    addx4(p, t, p)
    slli(t, t, {4: 6, 16: 4, 64: 2}[m])  # from a twiddle to its square: 256 / m bytes times k
    add(w3, w3, t)
    l32i(w1, w3, 0)
    add(w3, w3, t)
    l32i(w2, w3, 0)
    add(w3, w3, t)
    l32i(w3, w3, 0)
    if m < 64:
        movi(count, 64 // m)
        label(again)
        _butterfly(p, p, (0, 4 * m, 8 * m, 12 * m), (w1, w2, w3), quarter, half)
        _advance(p, 16 * m)
        addi(count, count, -1)
        bnez(count, again)
    else:
        addmi(count, p, 512)
        _butterfly(p, count, (0, 256, 0, 256), (w1, w2, w3), quarter, half)
    l32i(t, a1, _K_AT)
    addi(t, t, 1)
    movi(count, m)
    _blt_far(t, count, loop)


def _blt_far(s, t, name):
    """Branch if less to a label that is out of reach."""
    bge(s, t, name + " end")
    j(name)
    label(name + " end")


def _load(to, p, offset, factor, half, shifted=False):
    """A sample scaled down: ``(sample * factor + 2**15) >> 16``."""
    l16si(to, p, offset)
    if shifted:
        sll(to, to)
    mull(to, to, factor)
    add(to, to, half)
    srai(to, to, 16)


def _load_high(to, p, offset, factor, half):
    """The same, left in the upper half of the register."""
    l16si(to, p, offset)
    mull(to, to, factor)
    add(to, to, half)


def _turn(r, j_, twiddle, real, *, high):
    """The point (r, j_) times a twiddle (its real part in the low half): into real and j_.

    The point is in the registers' upper halves, or not.
    """
    imaginary = j_
    if high:
        mul_aa_hl(r, twiddle)
        muls_aa_hh(j_, twiddle)
        rsr(real, "acclo")
        mul_aa_hh(r, twiddle)
        mula_aa_hl(j_, twiddle)
    else:
        mul_aa_ll(r, twiddle)
        muls_aa_lh(j_, twiddle)
        rsr(real, "acclo")
        mul_aa_lh(r, twiddle)
        mula_aa_ll(j_, twiddle)
    rsr(imaginary, "acclo")
    for part in (real, imaginary):
        addmi(part, part, 1 << 14)
        srai(part, part, 15)


def _butterfly(p, q, offsets, twiddles, quarter, half):
    """Four points, a and b from p, c and d from q, become their transform, scaled by a quarter."""
    _, b, _, d = offsets
    t0, t1, t2, t3, t4, t5, t6 = a10, a11, a12, a13, a14, a15, a2
    _load_high(t0, p, b, quarter, half)
    _load_high(t3, p, b + 2, quarter, half)
    _turn(t0, t3, twiddles[0], t2, high=True)
    _load_high(t0, q, d, quarter, half)
    _load_high(t5, q, d + 2, quarter, half)
    _turn(t0, t5, twiddles[2], t4, high=True)
    _finish(p, q, offsets, twiddles[1], quarter, half, (t0, t1, t2, t3, t4, t5, t6))


def _plain_butterfly(p, q, offsets, quarter, half, shifted=False):
    """The same with twiddles of one, which change nothing that was scaled down."""
    _, b, _, d = offsets
    t0, t1, t2, t3, t4, t5, t6 = a10, a11, a12, a13, a14, a15, a4
    _load(t2, p, b, quarter, half, shifted)
    _load(t3, p, b + 2, quarter, half, shifted)
    _load(t4, q, d, quarter, half, shifted)
    _load(t5, q, d + 2, quarter, half, shifted)
    _finish(p, q, offsets, None, quarter, half, (t0, t1, t2, t3, t4, t5, t6), shifted)


def _finish(p, q, offsets, twiddle, quarter, half, temporaries, shifted=False):
    """From b in t2, t3 and d in t4, t5 on: f = b + d, g = b - d, then c and a."""
    a, b, c, d = offsets
    t0, t1, t2, t3, t4, t5, t6 = temporaries
    add(t6, t2, t4)  # fr
    sub(t2, t2, t4)  # gr
    add(t4, t3, t5)  # fi
    sub(t3, t3, t5)  # gi
    if twiddle is None:
        _load(t5, q, c, quarter, half, shifted)
        _load(t0, q, c + 2, quarter, half, shifted)
    else:
        _load_high(t1, q, c, quarter, half)
        _load_high(t0, q, c + 2, quarter, half)
        _turn(t1, t0, twiddle, t5, high=True)
    # c is (t5, t0). x - y, then x + y as 2 * x - (x - y), which needs no other register.
    _load(t1, p, a, quarter, half, shifted)
    sub(t5, t1, t5)  # er
    subx2(t1, t1, t5)  # ar + cr
    add(t6, t1, t6)
    s16i(t6, p, a)
    subx2(t1, t1, t6)
    _load(t6, p, a + 2, quarter, half, shifted)
    s16i(t1, q, c)
    add(t3, t5, t3)
    s16i(t3, p, b)
    subx2(t5, t5, t3)
    s16i(t5, q, d)
    sub(t0, t6, t0)  # ei
    subx2(t6, t6, t0)  # ai + ci
    add(t4, t6, t4)
    s16i(t4, p, a + 2)
    subx2(t6, t6, t4)
    s16i(t6, q, c + 2)
    add(t2, t0, t2)
    s16i(t2, q, d + 2)
    subx2(t0, t0, t2)
    s16i(t0, p, b + 2)


# -- energies, channels


def _energy():
    subroutine("energy")
    arrays = a2
    p, n, twiddles, up, down = a3, a4, a5, a6, a7
    factor, half, count = a2, a8, a9
    t0, t1, t2, t3, t4, t5 = a10, a11, a12, a13, a14, a15
    entry(a1, 32)
    l32i(p, arrays, _WORK)
    l32i(up, arrays, _ENERGIES)
    l32i(twiddles, arrays, _SPLIT)
    addmi(n, p, 1024)
    addmi(down, up, 1024)
    addi(p, p, 4)
    addi(up, up, 4)
    addi(n, n, -4)
    addi(down, down, -4)
    literal(factor, _HALF)
    literal(half, _ROUND)
    movi(count, 128)
    with repeat(count):
        _load(t0, p, 0, factor, half)  # pr
        _load(t2, n, 0, factor, half)  # nr
        _load(t1, p, 2, factor, half)  # pi
        l16si(t3, n, 2)
        mull(t3, t3, factor)
        sub(t3, half, t3)
        srai(t3, t3, 16)  # ni, of the conjugate
        sub(t4, t0, t2)  # gr
        add(t0, t0, t2)  # fr
        sub(t5, t1, t3)  # gi
        add(t1, t1, t3)  # fi
        l32i(t3, twiddles, 0)
        addi(twiddles, twiddles, 4)
        _turn(t4, t5, t3, t2, high=False)  # tr in t2, ti in t5
        add(t3, t0, t2)
        add(t4, t1, t5)
        sub(t0, t0, t2)
        sub(t1, t5, t1)
        _magnitude(t3, t4, up)
        _magnitude(t0, t1, down)
        addi(p, p, 4)
        addi(n, n, -4)
        addi(up, up, 4)
        addi(down, down, -4)
    retw()


def _magnitude(r, i, to):
    """The squares of both parts, halved, added up."""
    srai(r, r, 1)
    srai(i, i, 1)
    mull(r, r, r)
    mull(i, i, i)
    add(r, r, i)
    s32i(r, to, 0)


def _filterbank():
    """Weighted sums in two words, 12 bits and the rest.

    A bin's two weights sum to 4096 (frontend_tables), so what goes to the next channel is 4096
    times the energy less what stays in this one.
    """
    subroutine("filterbank")
    shift, energies, weights, widths, signal, channels = a2, a3, a4, a5, a6, a7
    high, low, next_high, next_low, whole = a8, a9, a10, a11, a12
    e, w, t = a13, a14, a15
    entry(a1, 48)
    s32i(a3, a1, 0)  # the shift
    l32i(weights, a2, _WEIGHTS)
    l32i(widths, a2, _WIDTHS)
    l32i(signal, a2, _SIGNAL)
    l32i(energies, a2, _ENERGIES)
    l32i(e, a2, _FIRST)
    addx4(energies, e, energies)
    l32i(shift, a1, 0)
    addi(signal, signal, -4)
    movi(next_high, 0)
    movi(next_low, 0)
    movi(channels, 0)
    label(".channel")
    movi(t, 0)
    wsr(t, "acclo")
    movi(high, 0)
    movi(whole, 0)
    l8ui(t, widths, 0)
    addi(widths, widths, 1)
    with repeat(t):
        l32i(e, energies, 0)
        l16ui(w, weights, 0)
        addi(energies, energies, 4)
        extui(t, e, 0, 12)
        add(whole, whole, e)
        srli(e, e, 12)
        mula_aa_ll(t, w)
        mull(e, e, w)
        addi(weights, weights, 4)
        add(high, high, e)
    rsr(t, "acclo")
    add(low, next_low, t)
    neg(next_low, t)
    sub(t, whole, high)
    add(high, next_high, high)
    mov(next_high, t)
    beqz(channels, ".first")  # the one below the first channel has no centre of its own
    srai(t, low, 12)
    add(high, high, t)
    extui(low, low, 0, 12)
    _root(high, low, a12, a13, a14, a15)
    ssr(shift)
    srl(a13, a13)
    s32i(a13, signal, 0)
    label(".first")
    addi(signal, signal, 4)
    addi(channels, channels, 1)
    movi(t, _CHANNELS)
    bge(t, channels, ".again")
    retw()
    label(".again")
    j(".channel")


def _root(high, low, rest, root, count, t):
    """The square root of ``high << 12 | low`` (40 bits) into root, rounded as the twin says.

    Newton's method on a word, from a power of two that is not under the root and not over twice the
    root: four steps leave no more than 1 too much. Of a longer number all but 8 bits make the word;
    a division gives the four bits of the root that these add (Zimmermann, Karatsuba square root).
    """
    word, above, below = rest, low, high
    slli(t, high, 12)
    or_(t, t, low)
    extui(above, high, 20, 12)
    mov(below, t)
    mov(word, t)
    beqz(above, ".word")
    ssai(8)
    src(word, above, below)
    label(".word")
    movi(root, 0)
    beqz(word, ".rooted")
    nsau(count, word)
    movi(t, 33)
    sub(t, t, count)
    srli(t, t, 1)
    ssl(t)
    movi(root, 1)
    sll(root, root)
    for _ in range(4):
        quou(t, word, root)
        add(root, root, t)
        srli(root, root, 1)
    mull(t, root, root)
    bgeu(word, t, ".floor")
    addi(root, root, -1)
    mull(t, root, root)
    label(".floor")
    sub(rest, word, t)
    beqz(above, ".rooted")
    slli(rest, rest, 8)
    extui(t, below, 0, 8)
    add(rest, rest, t)
    slli(t, root, 5)
    slli(root, root, 4)
    quou(count, rest, t)
    add(root, root, count)
    mull(t, t, count)
    sub(rest, rest, t)
    mull(count, count, count)
    sub(rest, rest, count)
    bgez(rest, ".rooted")
    addi(root, root, -1)
    addx2(rest, root, rest)
    addi(rest, rest, 1)
    label(".rooted")
    bgeu(root, rest, ".round down")
    literal(t, 0xFFFF)
    beq(root, t, ".round down")
    addi(root, root, 1)
    label(".round down")


# -- noise reduction, gain control, logarithm


def _compress():
    subroutine("compress")
    arrays = a2
    signal, estimates, gains, logarithms, features = a3, a4, a5, a6, a7
    smoothing, count = a8, a9
    v, estimate, gain, t0, t1, t2 = a10, a11, a12, a13, a14, a15
    entry(a1, 32)
    l32i(signal, arrays, _SIGNAL)
    l32i(estimates, arrays, _ESTIMATES)
    l32i(gains, arrays, _GAINS)
    l32i(logarithms, arrays, _LOGARITHMS)
    l32i(features, arrays, _FEATURES)
    movi(smoothing, 409)
    movi(count, _CHANNELS)
    label(".channel")
    l32i(v, signal, 0)
    l32i(estimate, estimates, 0)
    # estimate + (smoothing * (scaled - estimate) >> 14), in two parts
    slli(t2, v, 10)
    sub(t0, t2, estimate)
    srai(t1, t0, 14)
    mull(t1, t1, smoothing)
    extui(t0, t0, 0, 14)
    mull(t0, t0, smoothing)
    srai(t0, t0, 14)
    add(estimate, estimate, t1)
    add(estimate, estimate, t0)
    s32i(estimate, estimates, 0)
    movi(t0, 409 + 983)
    sub(smoothing, t0, smoothing)
    # What is over the noise, or 0.05 of the signal.
    sub(t2, t2, estimate)
    srai(t2, t2, 10)
    movi(t0, 819)
    mull(v, v, t0)
    srai(v, v, 14)
    max(v, v, t2)
    _gain(gain, estimate, gains, t0, t1, t2)
    # v * gain >> 6, in two parts
    srai(t0, v, 6)
    mull(t0, t0, gain)
    extui(t1, v, 0, 6)
    mull(t1, t1, gain)
    srai(t1, t1, 6)
    add(v, t0, t1)
    srai(t0, v, 6)
    addi(t0, t0, -64)
    srai(t1, v, 13)
    bnez(t1, ".line")
    mull(v, v, v)
    srai(t0, v, 20)
    label(".line")
    slli(v, t0, 3)
    beqz(v, ".silent")
    _logarithm(v, logarithms, t0, t1, t2, gain)
    label(".silent")
    s16i(v, features, 0)
    addi(signal, signal, 4)
    addi(estimates, estimates, 4)
    addi(features, features, 2)
    addi(count, count, -1)
    beqz(count, ".end")
    j(".channel")
    label(".end")
    retw()


def _gain(gain, estimate, gains, t0, t1, t2):
    """The gain for a noise estimate: a parabola within its power of two."""
    bgeui(estimate, 3, ".parabola")
    addx2(t0, estimate, gains)
    l16si(gain, t0, 0)
    j(".gained")
    label(".parabola")
    nsau(t0, estimate)
    ssl(t0)
    sll(t1, estimate)
    extui(t1, t1, 21, 10)  # how far within it, in 10 bits
    slli(t0, t0, 3)
    sub(t0, gains, t0)  # the table's entry is at 8 * (32 - leading zeros) - 12
    l16si(gain, t0, 248)
    l16si(t2, t0, 246)
    mull(gain, gain, t1)
    slli(t2, t2, 5)
    srai(gain, gain, 5)
    l16si(t0, t0, 244)
    add(gain, gain, t2)
    mull(gain, gain, t1)
    addmi(gain, gain, 1 << 14)
    srai(gain, gain, 15)
    add(gain, gain, t0)
    label(".gained")


def _logarithm(v, logarithms, t0, t1, t2, t3):
    """64 times the natural logarithm of v, which is 8 or more, into v."""
    nsau(t0, v)
    ssl(t0)
    sll(v, v)
    extui(v, v, 15, 16)  # the bits below the highest
    extui(t1, v, 9, 7)
    addx2(t1, t1, logarithms)
    l16ui(t2, t1, 0)
    l16ui(t1, t1, 2)
    extui(t3, v, 0, 9)
    sub(t1, t1, t2)
    mull(t1, t1, t3)
    add(v, v, t2)
    srai(t1, t1, 16)
    add(v, v, t1)
    # (45426 * (whole << 16 | v) + 32768) >> 16, the whole part apart; 45426 is 2 * 22713
    movi(t1, 31)
    sub(t0, t1, t0)
    srai(t1, v, 16)
    add(t0, t0, t1)
    extui(v, v, 0, 16)
    literal(t1, 22713)
    mull(v, v, t1)
    slli(t1, t1, 1)
    addmi(v, v, 16384)
    srai(v, v, 15)
    mull(t0, t0, t1)
    add(v, v, t0)
    slli(v, v, 6)
    literal(t0, 32768)
    add(v, v, t0)
    srai(v, v, 16)
