"""Model kernels as Xtensa code: ``model_python`` says what each one means."""

# The host assembles this file (mynah.xtensa): it runs the functions, in which every instruction is
# a call that appends itself. Functions with an underscore are macros. The board gets machine code.
#
# Sums are MAC16's: the samples of a row, widened to 16 bits, are loaded two at a time into m0 or m1
# by the multiplication itself, a weight by l8ui, so a product costs two instructions. Weights stay
# bytes: as words of 16 bits a product would cost one, and a model twice the memory and twice the
# traffic from PSRAM, which is slower than the instruction that it saves.

import micropython
from micropython import const

_MAX_LENGTH = const(1024)
"""Longer dot products than this take three instructions a product."""

SCRATCH = const(2 * 1024 + 32)
"""Bytes that the arena must have behind the size that the file gives."""

# Operands are words behind an instruction's code and length; an operand's place in bytes.
_SLOT, _OFFSET = 8, 12
_ARENA_SIZE = 24  # in the file's header


@micropython.asm_xtensa
def run(blob: ptr8, arena: ptr8, at: int, count: int):
    """Run count instructions of the file, from the one at ``at`` on; their codes are 1 to 5."""
    place, code = a6, a7
    entry(a1, 32)
    add(place, blob, at)
    label(".next")
    l32i(code, place, 0)
    mov(a10, blob)
    mov(a11, arena)
    mov(a12, place)
    names = ("matvec", "depthwise", "table", "append", "copy_rows")
    for number, name in enumerate(names):
        beqi(code, number + 1, "." + name)
    retw()
    for name in names:
        label("." + name)
        call8(name)
        j(".done")
    label(".done")
    l32i(code, place, 4)
    addx4(place, code, place)
    addi(count, count, -1)
    bnez(count, ".next")
    retw()

    _matvec()
    _depthwise()
    _table()
    _append()
    _copy()


def _operand(to, place, index):
    l32i(to, place, 8 + 4 * index)


def _address(to, arena, place, index, temporary):
    """Where the block starts whose slot is operand ``index``, plus the operand after it."""
    _operand(to, place, index)
    addx4(to, to, arena)
    l32i(to, to, 0)
    _operand(temporary, place, index + 1)
    add(to, to, arena)
    add(to, to, temporary)


def _requantise(v, bias, to_multiplier, to_shift, place, least, floor_at, t0, t1, t2, t3):
    """TFLite's MultiplyByQuantizedMultiplier of v; where v is under the floor, the least result.

    The first rounding is that of model_viper, in 32-bit pieces: the ESP32-S3 has MULSH, but no
    processor that the emulator knows has it beside MAC16, and this code is tested as it ships.
    With it, ``(w >> 1) + 2**(right - 1) >> right`` is ``(w >> right) + 1 >> 1``. A channel that
    rounds otherwise goes on at .exact.
    """
    l32i(t0, a1, floor_at)
    bge(v, t0, ".enough")
    _operand(v, place, least)
    j(".store")
    label(".enough")
    add(t0, bias, to_shift)
    l32i(t0, t0, 0)
    add(t1, bias, to_multiplier)
    l32i(t1, t1, 0)
    extui(t2, t0, 0, 8)
    beqz(t2, ".exact")
    bltz(v, ".negative")
    label(".round")
    ssr(t2)
    _product(v, t1, t0, t2, t3)
    sra(v, v)
    addi(v, v, 1)
    srai(v, v, 1)
    label(".scaled")


def _product(v, multiplier, t0, t1, t2):
    """``v * multiplier + 2**30 >> 30``, with its lowest bit not exact, for v under 2**28."""
    vh, vl, mh, ml = v, t0, multiplier, t1
    extui(vl, v, 0, 14)
    srai(vh, v, 14)
    extui(ml, multiplier, 0, 16)
    extui(mh, multiplier, 16, 16)
    mull(t2, vl, ml)
    mull(vl, vl, mh)
    mull(ml, vh, ml)
    srai(t2, t2, 14)
    mull(v, vh, mh)
    add(ml, ml, t2)
    srai(ml, ml, 2)
    add(vl, vl, ml)
    addmi(vl, vl, 0x4000)
    srai(vl, vl, 14)
    add(v, v, vl)


def _requantise_rest(v, bias, to_shift, t0, t1, t2, t3):
    """Continue _requantise out of line: shift word in t0, multiplier in t1."""
    label(".negative")
    bbsi(t0, 16, ".exact")
    j(".round")
    label(".exact")
    extui(t2, t0, 8, 8)
    ssl(t2)
    sll(v, v)
    _product(v, t1, t2, t0, t3)
    srai(v, v, 1)
    add(t0, bias, to_shift)
    l32i(t0, t0, 0)
    extui(t2, t0, 0, 8)
    beqz(t2, ".scaled")
    extui(t1, t0, 16, 1)
    bgez(v, ".up")
    sub(v, v, t1)
    label(".up")
    addi(t2, t2, -1)
    ssr(t2)
    sra(v, v)
    addi(v, v, 1)
    srai(v, v, 1)
    j(".scaled")


def _store(v, zero, least, y, t0):
    """The result as a byte: plus the zero point, not under least, not over 255."""
    add(v, v, zero)
    max(v, v, least)
    movi(t0, 255)
    min(v, v, t0)
    label(".store")
    s8i(v, y, 0)


def _floor(to, zero, least):
    """What a sum must reach to give more than least: 1 for a ReLU, else nothing is too little."""
    movi(to, 1)
    bge(least, zero, ".relu")
    slli(to, to, 31)
    label(".relu")


def _matvec():
    subroutine("matvec")
    blob, arena, place = a2, a3, a4
    bias, to_multiplier, to_shift = a5, a6, a7
    y, outputs, common, blocks = a8, a9, a10, a11
    t0, t1, v, w = a12, a13, a14, a15
    rest_at, floor_at, rows_at, x_at = 0, 4, 8, 12
    y_at, blob_at, arena_at, blocks_at = 16, 20, 24, 28
    entry(a1, 64)
    s32i(blob, a1, blob_at)
    s32i(arena, a1, arena_at)
    _address(t0, arena, place, 0, t1)
    s32i(t0, a1, x_at)
    _address(y, arena, place, 3, t1)
    _operand(bias, place, 12)
    _operand(to_multiplier, place, 13)
    sub(to_multiplier, to_multiplier, bias)
    _operand(to_shift, place, 14)
    sub(to_shift, to_shift, bias)
    _operand(t0, place, 9)
    _operand(t1, place, 10)
    _floor(v, t0, t1)
    s32i(v, a1, floor_at)
    _operand(t0, place, 6)
    label(".row")
    s32i(t0, a1, rows_at)
    s32i(y, a1, y_at)
    l32i(blob, a1, blob_at)
    l32i(arena, a1, arena_at)
    _operand(outputs, place, 8)
    _operand(w, place, 11)
    add(w, w, blob)
    _operand(bias, place, 12)
    add(bias, bias, blob)
    # From here on: samples is where the widened row is, less 4; x walks along it.
    samples, x = a2, a3
    _operand(t0, place, 7)
    literal(t1, _MAX_LENGTH)
    bgeu(t1, t0, ".widen")
    j(".measure")
    label(".widen")
    _widen(samples, x, arena, common, place, x_at, t0, t1, v)
    _operand(t0, place, 7)
    addi(t0, t0, 3)  # in fours, the last filled up with zeros
    extui(t1, t0, 2, 2)
    s32i(t1, a1, rest_at)
    extui(blocks, t0, 4, 16)
    label(".start")
    s32i(blocks, a1, blocks_at)

    label(".output")
    l32i(t0, bias, 0)
    sub(t0, t0, common)
    wsr(t0, "acclo")
    l32i(blocks, a1, blocks_at)
    bgez(blocks, ".short")
    j(".long")
    label(".short")
    mov(x, samples)
    ldinc(m0, x)
    _operand(v, place, 7)
    add(v, w, v)
    with repeat(blocks):
        _products(16, w, x, t0, t1)
    l32i(t0, a1, rest_at)
    with repeat(t0):
        _products(4, w, x, t0, t1)
    mov(w, v)  # the next row of weights starts where this one ends, not where its last four end
    label(".summed")
    rsr(v, "acclo")
    _requantise(v, bias, to_multiplier, to_shift, place, 10, floor_at, t0, t1, x, blocks)
    _operand(t0, place, 9)
    _operand(t1, place, 10)
    _store(v, t0, t1, y, t0)
    addi(y, y, 1)
    addi(bias, bias, 4)
    addi(outputs, outputs, -1)
    bnez(outputs, ".output")

    l32i(t0, a1, x_at)
    _operand(t1, place, 2)
    add(t0, t0, t1)
    s32i(t0, a1, x_at)
    l32i(y, a1, y_at)
    _operand(t1, place, 5)
    add(y, y, t1)
    l32i(t0, a1, rows_at)
    addi(t0, t0, -1)
    bnez(t0, ".row")
    retw()

    _requantise_rest(v, bias, to_shift, t0, t1, x, blocks)

    label(".measure")  # a long row: sum up its samples, which are then read as bytes
    movi(blocks, -1)
    movi(common, 0)
    l32i(x, a1, x_at)
    with repeat(t0):
        l8ui(t1, x, 0)
        addi(x, x, 1)
        add(common, common, t1)
    slli(common, common, 7)
    j(".start")
    label(".long")
    l32i(x, a1, x_at)
    _operand(t0, place, 7)
    with repeat(t0):
        l8ui(t0, x, 0)
        l8ui(t1, w, 0)
        addi(x, x, 1)
        addi(w, w, 1)
        mula_aa_ll(t0, t1)
    j(".summed")


def _products(count, w, x, t0, t1):
    """Multiply ``count`` weights by samples; m0 holds the first two, and at the end the next."""
    one, other = m0, m1
    for i in range(0, count, 2):
        l8ui(t0, w, i)
        l8ui(t1, w, i + 1)
        mula_da_ll_ldinc(other, x, one, t0)
        mula_da_hl(one, t1)
        one, other = other, one
    addi(w, w, count)


def _widen(samples, x, arena, common, place, x_at, length, t1, t2):
    """A row of bytes as 16-bit words behind the arena, zeros after it; and 128 times its sum."""
    l32i(t1, a1, 20)  # the file
    l32i(t1, t1, _ARENA_SIZE)
    add(samples, arena, t1)
    addi(samples, samples, 3)
    srli(samples, samples, 2)
    slli(samples, samples, 2)
    l32i(x, a1, x_at)
    mov(t1, samples)
    movi(common, 0)
    with repeat(length):
        l8ui(t2, x, 0)
        addi(x, x, 1)
        add(common, common, t2)
        s16i(t2, t1, 0)
        addi(t1, t1, 2)
    movi(t2, 0)
    for i in range(6):
        s16i(t2, t1, 2 * i)
    slli(common, common, 7)
    addi(samples, samples, -4)


def _depthwise():
    subroutine("depthwise")
    blob, arena, place = a2, a3, a4
    bias, to_multiplier, to_shift = a5, a6, a7
    y, channels, pitch, x, w, v, t0, t1 = a8, a9, a10, a11, a12, a13, a14, a15
    x_at, w_at, rows_at, floor_at, y_at, blob_at = 0, 4, 8, 12, 16, 20
    entry(a1, 64)
    s32i(blob, a1, blob_at)
    _address(x, arena, place, 0, t1)
    _address(y, arena, place, 4, t1)
    _operand(pitch, place, 2)
    _operand(bias, place, 13)
    _operand(to_multiplier, place, 14)
    sub(to_multiplier, to_multiplier, bias)
    _operand(to_shift, place, 15)
    sub(to_shift, to_shift, bias)
    _operand(t0, place, 10)
    _operand(t1, place, 11)
    _floor(v, t0, t1)
    s32i(v, a1, floor_at)
    _operand(t0, place, 7)
    label(".row")
    s32i(t0, a1, rows_at)
    s32i(x, a1, x_at)
    s32i(y, a1, y_at)
    l32i(blob, a1, blob_at)
    _operand(w, place, 12)
    add(w, w, blob)
    _operand(bias, place, 13)
    add(bias, bias, blob)
    _operand(channels, place, 9)
    # From here on: taps, and the bytes from a tap's weights to the next.
    taps, row = a2, a3
    _operand(row, place, 9)
    s32i(w, a1, w_at)

    label(".channel")
    l32i(t0, bias, 0)
    wsr(t0, "acclo")
    _operand(taps, place, 8)
    with repeat(taps):
        l8ui(t0, w, 0)
        l8ui(t1, x, 0)
        add(w, w, row)
        addi(t0, t0, -128)
        add(x, x, pitch)
        mula_aa_ll(t0, t1)
    rsr(v, "acclo")
    _requantise(v, bias, to_multiplier, to_shift, place, 11, floor_at, t0, t1, x, w)
    _operand(t0, place, 10)
    _operand(t1, place, 11)
    _store(v, t0, t1, y, t0)
    l32i(x, a1, x_at)
    l32i(w, a1, w_at)
    addi(y, y, 1)
    addi(x, x, 1)
    addi(w, w, 1)
    s32i(x, a1, x_at)
    s32i(w, a1, w_at)
    addi(bias, bias, 4)
    addi(channels, channels, -1)
    bnez(channels, ".channel")

    sub(x, x, row)
    _operand(t1, place, 3)
    add(x, x, t1)
    l32i(y, a1, y_at)
    _operand(t1, place, 6)
    add(y, y, t1)
    l32i(t0, a1, rows_at)
    addi(t0, t0, -1)
    bnez(t0, ".row")
    retw()

    _requantise_rest(v, bias, to_shift, t0, t1, x, w)


def _table():
    subroutine("table")
    blob, arena, place = a2, a3, a4
    x, y, count, v = a5, a6, a7, a8
    entry(a1, 32)
    _address(x, arena, place, 0, v)
    _address(y, arena, place, 2, v)
    _operand(count, place, 4)
    _operand(v, place, 5)
    add(blob, blob, v)
    with repeat(count):
        l8ui(v, x, 0)
        addi(x, x, 1)
        add(v, v, blob)
        l8ui(v, v, 0)
        s8i(v, y, 0)
        addi(y, y, 1)
    retw()


def _append():
    subroutine("append")
    arena, place = a3, a4
    x, one, other, size, position, ring_size = a5, a6, a7, a8, a9, a10
    slot, t0, t1 = a11, a12, a13
    entry(a1, 32)
    _address(x, arena, place, 0, t0)
    _operand(size, place, 2)
    _operand(slot, place, 5)
    addx4(slot, slot, arena)
    l32i(position, slot, 0)
    _operand(one, place, 4)
    add(one, one, position)
    _operand(ring_size, place, 6)
    add(t1, one, ring_size)  # where the ring's second half goes on, from the arena's start
    add(one, one, arena)
    add(other, one, ring_size)

    # The window's start, and the position.
    add(position, position, size)
    add(t1, t1, size)
    _operand(t0, place, 7)
    sub(t1, t1, t0)
    _operand(t0, place, 3)
    addx4(t0, t0, arena)
    s32i(t1, t0, 0)
    blt(position, ring_size, ".inside")
    movi(position, 0)
    label(".inside")
    s32i(position, slot, 0)

    or_(t0, x, one)
    or_(t0, t0, other)
    or_(t0, t0, size)
    extui(t0, t0, 0, 2)
    bnez(t0, ".bytes")
    extui(size, size, 2, 16)
    with repeat(size):
        l32i(t0, x, 0)
        addi(x, x, 4)
        s32i(t0, one, 0)
        addi(one, one, 4)
        s32i(t0, other, 0)
        addi(other, other, 4)
    retw()
    label(".bytes")
    with repeat(size):
        l8ui(t0, x, 0)
        addi(x, x, 1)
        s8i(t0, one, 0)
        addi(one, one, 1)
        s8i(t0, other, 0)
        addi(other, other, 1)
    retw()


def _copy():
    subroutine("copy_rows")
    arena, place = a3, a4
    x, y, rows, size, v, from_, to = a5, a6, a7, a8, a9, a10, a11
    entry(a1, 32)
    _address(x, arena, place, 0, v)
    _address(y, arena, place, 3, v)
    _operand(rows, place, 6)
    _operand(size, place, 7)
    label(".row")
    mov(from_, x)
    mov(to, y)
    with repeat(size):
        l8ui(v, from_, 0)
        addi(from_, from_, 1)
        s8i(v, to, 0)
        addi(to, to, 1)
    _operand(v, place, 2)
    add(x, x, v)
    _operand(v, place, 5)
    add(y, y, v)
    addi(rows, rows, -1)
    bnez(rows, ".row")
    retw()
