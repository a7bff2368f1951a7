"""Operators that make one value of many: AVERAGE_POOL_2D, MAX_POOL_2D, MEAN."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from mynah.errors import ModelError
from mynah.models import lower_window as windows
from mynah.models import quantise
from mynah.models.activation import output_range
from mynah.models.program import Loops, Op, Rounding, View, loops, turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mynah.models.context import Context
    from mynah.models.tflite import Operator

_VECTOR = 16
"""Channels that TFLite's MEAN over rows and columns takes at once; the rest go one by one."""


def pool_2d(context: Context, operator: Operator) -> None:
    """AVERAGE_POOL_2D and MAX_POOL_2D; windows at a border count only what is inside."""
    source = windows.image(operator, context.operand(operator.inputs[0]))
    out = operator.outputs[0]
    if not context.same_quantisation(operator.inputs[0], out):
        raise ModelError(f"{operator.name} with unlike quantisation is not supported")
    padding = operator.option(0)
    rows, columns = (
        windows.axis(
            operator, size, operator.option(taps, "i"), (operator.option(step, "i"), 1), padding
        )
        for size, taps, step in ((source.shape[1], 4, 2), (source.shape[2], 3, 1))
    )
    target = context.result(out)
    if target.shape != (1, rows.count, columns.count, source.shape[3]):
        raise ModelError(f"{operator.name}'s result does not have the shape of its windows")
    least, most = output_range(context, operator, operator.option(5))
    op = Op.MEAN if operator.name == "AVERAGE_POOL_2D" else Op.LARGEST
    plain = source.take(0, 0), target.take(0, 0)
    for first_row, n_rows, rows_in, row_start in _groups(rows):
        for first_column, n_columns, columns_in, column_start in _groups(columns):
            part = plain[0].cut(0, row_start, row_start + rows_in)
            part = part.cut(1, column_start, column_start + columns_in)
            place = plain[1].cut(0, first_row, first_row + n_rows)
            place = place.cut(1, first_column, first_column + n_columns)
            steps = (rows.stride * source.strides[1], columns.stride * source.strides[2])
            tail = (128 * rows_in * columns_in, 128, least, most, 0, 0)
            _reduce(context, op, (part, place), steps, tail)


def mean(context: Context, operator: Operator) -> None:
    """MEAN over any axes.

    TFLite has two ways: one for rows and columns that are kept as axes of one, which adds raw
    values and rounds its offset to a whole step; and a general one. Both were compared with the
    interpreter in pymicro-wakeword 2.5.
    """
    source, out = context.operand(operator.inputs[0]), operator.outputs[0]
    n_axes = len(source.shape)
    axes = {
        int(axis) % n_axes
        for axis in context.constant(operator.inputs[1], "INT32", "MEAN's axes").ravel()
    }
    kept = [axis for axis in range(n_axes) if axis not in axes]
    target = context.result(out)
    count = math.prod(source.shape[axis] for axis in axes)
    if target.size * count != source.size:
        raise ModelError("MEAN's result does not have the shape of the axes that are left")
    # [what is averaged] and [what is kept], in the order of the result's bytes.
    whole = View(
        source.block, source.offset,
        tuple(source.shape[axis] for axis in (*sorted(axes), *kept)),
        tuple(source.strides[axis] for axis in (*sorted(axes), *kept)),
    )  # fmt: skip
    plain = View.of(target.block, whole.shape[len(axes) :] or (1,), target.offset)
    if operator.option(0) and axes == {1, 2} and n_axes == 4 and source.shape[0] == 1:
        _spatial_mean(context, operator, whole, plain, count)
        return
    mantissa, shift = quantise.multiplier(context.scale(operator.inputs[0]) / context.scale(out))
    extra = max(0, min(count.bit_length() - 1, 32, 31 - shift))
    zero_in, zero_out = context.biased_zero(operator.inputs[0]), context.biased_zero(out)
    scaling = (
        (mantissa << extra) // count,
        _shift_word(shift + extra, Rounding.AWAY_FROM_ZERO, count),
    )
    _average(context, whole, plain, len(axes), (count * zero_in, zero_out, 0, 255, *scaling))


def _spatial_mean(
    context: Context, operator: Operator, whole: View, plain: View, count: int
) -> None:
    single = np.float32
    unit, scale = single(context.scale(operator.outputs[0])), context.scale(operator.inputs[0])
    zero = context.biased_zero(operator.inputs[0]) - 128
    shift_of_zero = single(zero) * single(scale) / unit
    offset = int(shift_of_zero + single(0.5 if shift_of_zero > 0 else -0.5))
    mantissa, shift = quantise.multiplier(float(single(scale) / (single(count) * unit)))
    channels = plain.shape[-1]
    n_vector = channels // _VECTOR * _VECTOR
    zero_out = context.biased_zero(operator.outputs[0]) - offset
    for start, stop, rounding in (
        (0, n_vector, Rounding.UP), (n_vector, channels, Rounding.AWAY_FROM_ZERO)
    ):  # fmt: skip
        if start < stop:
            part = whole.cut(len(whole.shape) - 1, start, stop)
            place = plain.cut(len(plain.shape) - 1, start, stop)
            tail = (128 * count, zero_out, 0, 255, mantissa, _shift_word(shift, rounding, count))
            _average(context, part, place, 2, tail)


def _average(
    context: Context, whole: View, target: View, n_averaged: int, tail: tuple[int, ...]
) -> None:
    """MEAN instructions over ``[averaged axes..., kept axes...]``."""
    taps = loops(View(whole.block, 0, whole.shape[:n_averaged], whole.strides[:n_averaged]))
    kept = View(
        whole.block, whole.offset, whole.shape[n_averaged:] or (1,),
        whole.strides[n_averaged:] or (1,),
    )  # fmt: skip
    if len(taps) > 2:
        raise ModelError("MEAN over axes that lie apart is not supported")
    _emit(context, Op.MEAN, taps, (kept, target), tail)


def _reduce(
    context: Context, op: Op, ends: tuple[View, View], steps: tuple[int, int], tail: tuple[int, ...]
) -> None:
    """Pool windows (rows, columns, channels), moved by ``steps``, into their place."""
    part, place = ends
    taps = loops(View(part.block, 0, part.shape[:2], part.strides[:2]))
    kept = View(part.block, part.offset, place.shape, (*steps, part.strides[2]))
    _emit(context, op, taps, (kept, place), tail)


def _emit(
    context: Context, op: Op, taps: Loops, ends: tuple[View, View], tail: tuple[int, ...]
) -> None:
    """Instructions that run over the kept axes and, for each, over at most two axes of taps."""
    kept, target = ends
    nest = loops(*ends)
    n_channels, steps = nest.pop() if nest else (1, (1, 1))
    n_rows, pitches = nest.pop() if nest else (1, (0, 0))
    (n_outer, (outer,)), (n_inner, (inner,)) = [(1, (0,))] * (2 - len(taps)) + taps
    for at, to in turns(nest, kept, target):
        words = (
            kept.block.slot, at, pitches[0], steps[0], outer, inner,
            target.block.slot, to, pitches[1], steps[1],
            n_rows, n_channels, n_outer, n_inner, *tail,
        )  # fmt: skip
        context.emit(op, words)


def _groups(axis: windows.Axis) -> Iterator[tuple[int, int, int, int]]:
    """Neighbouring windows with as much inside: first, how many, taps inside, where they start."""

    def inside(number: int) -> tuple[int, bool]:
        start = axis.start(number)
        return min(axis.size, start + axis.n_taps) - max(0, start), start < 0

    for (n_inside, outside), run in groupby(range(axis.count), inside):
        numbers = list(run)
        # Windows that start in the padding all start at the first value.
        for group in [[number] for number in numbers] if outside else [numbers]:
            yield group[0], len(group), n_inside, max(0, axis.start(group[0]))


def _shift_word(shift: int, rounding: Rounding, count: int) -> int:
    """The shift word of a sum of so many bytes, which the kernels rescale in 32 bits."""
    left, right = max(-shift, 0), max(shift, 0)
    if right > 31 or 255 * count << left >= quantise.ACCUMULATOR_LIMIT:
        raise ModelError("MEAN's scales are out of range")
    return right + 256 * left + 65536 * rounding
