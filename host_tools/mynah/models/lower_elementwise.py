"""Operators that work on each value by itself: ADD, MUL, and tables (LOGISTIC, QUANTIZE)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mynah.errors import ModelError
from mynah.models import quantise
from mynah.models.activation import output_range
from mynah.models.program import Op, Rounding, View, loops, turns

if TYPE_CHECKING:
    from mynah.models.context import Context
    from mynah.models.tflite import Operator

_ADD_LEFT_SHIFT = 20
"""TFLite scales both terms of an int8 ADD up by so many bits before it adds them."""


def add(context: Context, operator: Operator) -> None:
    """ADD: both terms, rescaled to a common unit by a table each, and their sum rescaled."""
    one, other, out = operator.inputs[0], operator.inputs[1], operator.outputs[0]
    unit = 2 * max(context.scale(one), context.scale(other))
    tables = [_term_table(context, index, unit) for index in (one, other)]
    mantissa, shift = quantise.multiplier(unit / ((1 << _ADD_LEFT_SHIFT) * context.scale(out)))
    largest = 255 << _ADD_LEFT_SHIFT
    words = _scale_words(operator, mantissa, shift, Rounding.AWAY_FROM_ZERO, largest)
    _pairwise(context, operator, Op.ADD, words, *tables)


def mul(context: Context, operator: Operator) -> None:
    """MUL: the product of both, rescaled."""
    one, other, out = operator.inputs[0], operator.inputs[1], operator.outputs[0]
    scales = [np.float32(context.scale(index)) for index in (one, other, out)]
    # TFLite computes this one in single precision.
    mantissa, shift = quantise.multiplier(float(scales[0] * scales[1] / scales[2]))
    words = _scale_words(operator, mantissa, shift, Rounding.AWAY_FROM_ZERO, 255 * 255)
    zeros = (context.biased_zero(one), context.biased_zero(other))
    _pairwise(context, operator, Op.MUL, (*words, *zeros))


def logistic(context: Context, operator: Operator) -> None:
    """LOGISTIC, as a table."""
    source, target = operator.inputs[0], operator.outputs[0]
    one = context.tensor(source, "LOGISTIC's input").quantisation
    other = context.tensor(target, "LOGISTIC's output").quantisation
    assert one is not None
    assert other is not None
    table = quantise.logistic_table(one.scale, one.zero_point, other.scale, other.zero_point)
    _table(context, source, target, table)


def quantize(context: Context, operator: Operator) -> None:
    """QUANTIZE: other parameters for the same values; often nothing to do, else a table."""
    source, target = operator.inputs[0], operator.outputs[0]
    if context.same_quantisation(source, target):
        context.views[target] = context.operand(source)
        return
    table = quantise.rescale_table(
        context.scale(source), context.biased_zero(source),
        context.scale(target), context.biased_zero(target),
    )  # fmt: skip
    _table(context, source, target, table)


def clamp(context: Context, view: View, most: int) -> None:
    """Bring every byte of a result down to ``most``, where it is."""
    table = bytes(min(byte, most) for byte in range(256))
    nest = loops(view)
    n_inner = nest.pop()[0] if nest and nest[-1][1] == (1,) else 1
    slot = view.block.slot
    for (at,) in turns(nest, view):
        context.emit(Op.TABLE, (slot, at, slot, at, n_inner), table)


def _pairwise(
    context: Context, operator: Operator, op: Op, words: tuple[int, ...], *constants: bytes
) -> None:
    """One instruction over two inputs, either of which may be broadcast."""
    out = operator.outputs[0]
    least, most = output_range(context, operator, operator.option(0))
    target = context.result(out)
    sources = [_broadcast(context, operator, index, target) for index in operator.inputs[:2]]
    nest = loops(*sources, target)
    inner = nest.pop() if nest else (1, (1, 1, 1))
    if inner[1][2] != 1:
        raise ModelError(f"{operator.name} into shape {list(target.shape)} is not supported")
    n_rows, pitches = nest.pop() if nest else (1, (0, 0, 0))
    views = (*sources, target)
    for starts in turns(nest, *views):
        operands: list[int] = []
        for which, view in enumerate(views):
            operands += [view.block.slot, starts[which], pitches[which]]
            if which < 2:
                operands.append(inner[1][which])
        operands += [n_rows, inner[0], context.biased_zero(out), least, most, *words]
        context.emit(op, tuple(operands), *constants)


def _broadcast(context: Context, operator: Operator, index: int, target: View) -> View:
    view = context.operand(index)
    sizes = (1,) * (len(target.shape) - len(view.shape)) + view.shape
    fits = [size in (1, wanted) for size, wanted in zip(sizes, target.shape, strict=False)]
    if len(sizes) != len(target.shape) or not all(fits):
        raise ModelError(
            f"{operator.name} of shape {list(view.shape)} into {list(target.shape)} "
            "is not supported"
        )
    return view.broadcast(target.shape)


def _term_table(context: Context, index: int, unit: float) -> bytes:
    """What each byte of a term stands for, in TFLite's common unit: 256 32-bit words."""
    mantissa, shift = quantise.multiplier(context.scale(index) / unit)
    zero = context.biased_zero(index)
    terms = [
        quantise.requantise((byte - zero) << _ADD_LEFT_SHIFT, mantissa, shift)
        for byte in range(256)
    ]
    return np.asarray(terms).astype("<i4").tobytes()


def _scale_words(
    operator: Operator, mantissa: int, shift: int, rounding: Rounding, largest: int
) -> tuple[int, int]:
    """Multiplier and shift word of values up to ``largest``, as in the other instructions."""
    left, right = max(-shift, 0), max(shift, 0)
    if right > 31 or largest << left >= quantise.ACCUMULATOR_LIMIT:
        raise ModelError(f"{operator.name}'s scales are out of range")
    return mantissa, right + 256 * left + 65536 * rounding


def _table(context: Context, source: int, target: int, table: bytes) -> None:
    view = context.gather(context.operand(source))
    result = context.result(target)
    words = (view.block.slot, view.offset, result.block.slot, result.offset, view.size)
    context.emit(Op.TABLE, words, table)
