"""Operators that compute: convolutions, fully connected layers, tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mynah.errors import ModelError
from mynah.models import quantise
from mynah.models.context import Context, Numbers, check_activation
from mynah.models.program import Op, Rounding, View

if TYPE_CHECKING:
    from mynah.models.tflite import Operator

_RELU = 1
_SAME = 0
_MAX_STRIDE = 1 << 10

_VECTOR = 8
"""Channels that TFLite's depthwise requantisation takes at once; the rest go one by one."""

_ACCUMULATOR_LIMIT = 1 << 28
"""The kernels split a product of an accumulator and a 31-bit multiplier into 32-bit pieces."""


def conv_2d(context: Context, operator: Operator) -> None:
    """CONV_2D over rows: one dot product a row and output channel."""
    weights = context.constant(operator.inputs[1], "INT8", "CONV_2D's filter")
    if weights.ndim != 4 or weights.shape[2] != 1:
        raise ModelError(f"CONV_2D with filter {list(weights.shape)} is not supported")
    _check_dilation(operator, (4, 5))
    source = context.view(operator.inputs[0])
    n_taps, channels = weights.shape[1], weights.shape[3]
    if channels != source.channels:
        raise ModelError("CONV_2D with groups is not supported")
    if n_taps > 1:
        source = context.gather(source)
    stride = operator.option(2, "i", 1)
    target = _result(context, operator, _n_rows(operator, source, n_taps, stride), weights.shape[0])
    step = stride * source.pitch
    _matvec(context, operator, (source, target), step, Rounding.AWAY_FROM_ZERO)


def fully_connected(context: Context, operator: Operator) -> None:
    """FULLY_CONNECTED: one dot product an output."""
    weights = context.constant(operator.inputs[1], "INT8", "FULLY_CONNECTED's weights")
    source = context.gather(context.view(operator.inputs[0]))
    if weights.ndim != 2 or weights.shape[1] != source.size or operator.option(1):
        raise ModelError(f"FULLY_CONNECTED with weights {list(weights.shape)} is not supported")
    target = _result(context, operator, 1, weights.shape[0])
    _matvec(context, operator, (source, target), 0, Rounding.UP)


def depthwise_conv_2d(context: Context, operator: Operator) -> None:
    """DEPTHWISE_CONV_2D over rows, each channel on its own."""
    weights = context.constant(operator.inputs[1], "INT8", "DEPTHWISE_CONV_2D's filter")
    source = context.view(operator.inputs[0])
    if weights.ndim != 4 or weights.shape[0] != 1 or weights.shape[2] != 1:
        raise ModelError(f"DEPTHWISE_CONV_2D with filter {list(weights.shape)} is not supported")
    n_taps, channels = weights.shape[1], weights.shape[3]
    if channels != source.channels or operator.option(3, "i", 1) != 1:
        raise ModelError("DEPTHWISE_CONV_2D with a depth multiplier is not supported")
    _check_dilation(operator, (5, 6))
    stride = operator.option(2, "i", 1)
    target = _result(context, operator, _n_rows(operator, source, n_taps, stride), channels)
    n_vector = channels // _VECTOR * _VECTOR
    roundings = [
        Rounding.UP if channel < n_vector else Rounding.AWAY_FROM_ZERO
        for channel in range(channels)
    ]
    flat = weights.reshape(n_taps, channels)
    words = (
        source.block.slot, source.offset, source.pitch, stride * source.pitch,
        target.block.slot, target.offset, target.pitch,
        target.rows, n_taps, channels, *_range(context, operator),
    )  # fmt: skip
    context.emit(
        Op.DEPTHWISE, words, _biased(flat), *_scaling(context, operator, flat.T, roundings)
    )


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
        context.views[target] = context.view(source)
        return
    table = quantise.rescale_table(
        context.scale(source), context.biased_zero(source),
        context.scale(target), context.biased_zero(target),
    )  # fmt: skip
    _table(context, source, target, table)


def _matvec(
    context: Context,
    operator: Operator,
    ends: tuple[View, View],
    step: int,
    rounding: Rounding,
) -> None:
    """Dot products with rows of the filter, ``step`` bytes on for each row of the result."""
    source, target = ends
    weights = context.constant(operator.inputs[1], "INT8", f"{operator.name}'s filter")
    flat = weights.reshape(weights.shape[0], -1)
    words = (
        source.block.slot, source.offset, step,
        target.block.slot, target.offset, target.pitch,
        target.rows, flat.shape[1], flat.shape[0], *_range(context, operator),
    )  # fmt: skip
    scaling = _scaling(context, operator, flat, [rounding] * flat.shape[0])
    context.emit(Op.MATVEC, words, _biased(flat), *scaling)


def _scaling(
    context: Context, operator: Operator, flat: Numbers, roundings: list[Rounding]
) -> tuple[bytes, ...]:
    """Biases, multipliers and shifts, one of each a row of ``flat``, as 32-bit words.

    With biased bytes x and weights w, ``sum((x - zero) * w) + bias`` is ``sum(x * w)`` plus a bias
    that holds the rest. A shift word is ``right + 256 * left + 65536 * rounding``.
    """
    source, filter_index, out = operator.inputs[0], operator.inputs[1], operator.outputs[0]
    n_outputs = len(flat)
    bias = _bias(context, operator, n_outputs) - context.biased_zero(source) * flat.sum(1)
    scales = _filter_scales(context, operator, filter_index, n_outputs)
    factor, unit = context.scale(source), context.scale(out)
    pairs = [quantise.multiplier(factor * scale / unit) for scale in scales]
    largest = np.abs(bias) + 255 * np.abs(flat).sum(1)
    shifts = []
    for (_, shift), bound, rounding in zip(pairs, largest, roundings, strict=True):
        left, right = max(-shift, 0), max(shift, 0)
        if right > 31 or int(bound) << left >= _ACCUMULATOR_LIMIT:
            raise ModelError(f"{operator.name}'s scales or sums are out of range")
        shifts.append(right + 256 * left + 65536 * rounding)
    columns = (bias, [mantissa for mantissa, _ in pairs], shifts)
    return tuple(np.asarray(column).astype("<i4").tobytes() for column in columns)


def _filter_scales(
    context: Context, operator: Operator, index: int, n_outputs: int
) -> tuple[float, ...]:
    """One scale an output: the filter's own, or its only one for all."""
    quantisation = context.tensor(index, f"{operator.name}'s filter").quantisation
    assert quantisation is not None
    if any(quantisation.zero_points):
        raise ModelError(f"{operator.name}'s filter is not symmetric")
    scales = quantisation.scales
    if len(scales) == 1:
        scales *= n_outputs
    if len(scales) != n_outputs:
        raise ModelError(f"{operator.name} has {len(scales)} scales for {n_outputs} outputs")
    return scales


def _bias(context: Context, operator: Operator, n_outputs: int) -> Numbers:
    if len(operator.inputs) < 3 or operator.inputs[2] < 0:
        return np.zeros(n_outputs, np.int64)
    bias = context.constant(operator.inputs[2], "INT32", f"{operator.name}'s bias").ravel()
    if len(bias) != n_outputs:
        raise ModelError(f"{operator.name} has {len(bias)} biases for {n_outputs} outputs")
    return bias


def _result(context: Context, operator: Operator, rows: int, channels: int) -> View:
    target = context.result(operator.outputs[0])
    if (target.rows, target.channels) != (rows, channels):
        raise ModelError(
            f"{operator.name} says that its result is {target.rows} rows of {target.channels}, "
            f"which should be {rows} of {channels}"
        )
    return target


def _n_rows(operator: Operator, source: View, n_taps: int, stride: int) -> int:
    if not 1 <= stride <= _MAX_STRIDE or n_taps > source.rows:
        raise ModelError(f"{operator.name} reaches outside its input")
    n_padded = (-(-source.rows // stride) - 1) * stride + n_taps
    if operator.option(0) == _SAME and n_padded > source.rows:
        raise ModelError(f"{operator.name} with rows of padding is not supported")
    return (source.rows - n_taps) // stride + 1


def _range(context: Context, operator: Operator) -> tuple[int, int]:
    """The result's zero point and its least value, both biased."""
    field = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 4, "FULLY_CONNECTED": 0}[operator.name]
    activation = operator.option(field)
    check_activation(operator, activation)
    zero = context.biased_zero(operator.outputs[0])
    return zero, zero if activation == _RELU else 0


def _check_dilation(operator: Operator, fields: tuple[int, int]) -> None:
    if any(operator.option(field, "i", 1) != 1 for field in fields):
        raise ModelError(f"{operator.name} with dilation is not supported")


def _table(context: Context, source: int, target: int, table: bytes) -> None:
    view = context.gather(context.view(source))
    result = context.result(target)
    words = (view.block.slot, view.offset, result.block.slot, result.offset, view.size)
    context.emit(Op.TABLE, words, table)


def _biased(weights: Numbers) -> bytes:
    return (weights + 128).astype(np.uint8).tobytes()
