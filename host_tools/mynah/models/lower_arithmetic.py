"""Operators that multiply by weights: convolutions and fully connected layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mynah.errors import ModelError
from mynah.models import lower_window as windows
from mynah.models import quantise
from mynah.models.activation import output_range
from mynah.models.lower_elementwise import clamp
from mynah.models.program import Op, Rounding, View, loops

if TYPE_CHECKING:
    from mynah.models.context import Context, Numbers
    from mynah.models.tflite import Operator

_VECTOR = 8
"""Channels that TFLite's depthwise requantisation takes at once; the rest go one by one."""


def conv_2d(context: Context, operator: Operator) -> None:
    """CONV_2D: one dot product a place and output channel."""
    weights = _weights(context, operator)
    if weights.ndim != 4:
        raise ModelError(f"CONV_2D with filter {list(weights.shape)} is not supported")
    source = windows.image(operator, context.operand(operator.inputs[0]))
    n_outputs, *taps, channels = weights.shape
    if channels != source.shape[3]:
        raise ModelError("CONV_2D with groups is not supported")
    rows, columns = _axes(operator, source, taps, (4, 5))
    target = _result(context, operator, (1, rows.count, columns.count, n_outputs))
    if _is_direct(source, rows, columns):
        whole = View.of(source.block, (1,), source.offset)
        step = rows.stride * source.strides[1]
    else:
        zero = context.biased_zero(operator.inputs[0])
        whole = windows.patches(context, source, (rows, columns), zero)
        step = weights[0].size
    _matvec(context, operator, (whole, target), step, Rounding.UP)


def fully_connected(context: Context, operator: Operator) -> None:
    """FULLY_CONNECTED: one dot product an output, for every row of the input."""
    weights = _weights(context, operator)
    source = context.gather(context.operand(operator.inputs[0]))
    if weights.ndim != 2 or source.size % weights.shape[1] or operator.option(1):
        raise ModelError(f"FULLY_CONNECTED with weights {list(weights.shape)} is not supported")
    n_outputs, length = weights.shape
    target = context.result(operator.outputs[0])
    if target.shape[-1] != n_outputs or target.size != source.size // length * n_outputs:
        raise ModelError("FULLY_CONNECTED's result does not have the shape of its outputs")
    _matvec(context, operator, (source, target), length, Rounding.UP)


def depthwise_conv_2d(context: Context, operator: Operator) -> None:
    """DEPTHWISE_CONV_2D: each channel (or each of its copies) on its own."""
    weights = _weights(context, operator)
    source = windows.image(operator, context.operand(operator.inputs[0]))
    if weights.ndim != 4 or weights.shape[0] != 1 or weights.shape[3] % source.shape[3]:
        raise ModelError(f"DEPTHWISE_CONV_2D with filter {list(weights.shape)} is not supported")
    _, *taps, channels = weights.shape
    repeat = channels // source.shape[3]
    rows, columns = _axes(operator, source, taps, (5, 6))
    target = _result(context, operator, (1, rows.count, columns.count, channels))
    if (
        repeat == 1 and columns.count == columns.n_taps == 1 and not rows.padded
        and not columns.padded and source.strides[3] == 1
    ):  # fmt: skip
        step, pitch = rows.stride * source.strides[1], rows.dilation * source.strides[1]
    else:
        zero = context.biased_zero(operator.inputs[0])
        source = windows.patches(context, source, (rows, columns), zero, repeat)
        step, pitch = weights.size, channels
    n_vector = channels // _VECTOR * _VECTOR
    roundings = [
        Rounding.UP if channel < n_vector else Rounding.AWAY_FROM_ZERO
        for channel in range(channels)
    ]
    flat = weights.reshape(-1, channels)
    place, n_rows, out_pitch = _rows(context, target)
    zero, least, most = _range(context, operator)
    words = (
        source.block.slot, source.offset, pitch, step,
        place.block.slot, place.offset, out_pitch,
        n_rows, len(flat), channels, zero, least,
    )  # fmt: skip
    context.emit(
        Op.DEPTHWISE, words, _biased(flat), *_scaling(context, operator, flat.T, roundings)
    )
    _finish(context, place, target, most)


def _matvec(
    context: Context,
    operator: Operator,
    ends: tuple[View, View],
    step: int,
    rounding: Rounding,
) -> None:
    """Dot products with rows of the filter, ``step`` bytes on for each row of the result."""
    source, target = ends
    weights = _weights(context, operator)
    flat = weights.reshape(weights.shape[0], -1)
    place, n_rows, out_pitch = _rows(context, target)
    zero, least, most = _range(context, operator)
    words = (
        source.block.slot, source.offset, step,
        place.block.slot, place.offset, out_pitch,
        n_rows, flat.shape[1], flat.shape[0], zero, least,
    )  # fmt: skip
    scaling = _scaling(context, operator, flat, [rounding] * flat.shape[0])
    context.emit(Op.MATVEC, words, _biased(flat), *scaling)
    _finish(context, place, target, most)


def _rows(context: Context, target: View) -> tuple[View, int, int]:
    """Where rows of outputs go: the result or, where its rows are not evenly spaced, a stand-in."""
    nest = loops(target.take(len(target.shape) - 1, 0))
    if len(nest) > 1 or target.strides[-1] != 1:
        target = context.program.add_tensor(target.shape)
        nest = loops(target.take(len(target.shape) - 1, 0))
    n_rows, (pitch,) = nest[0] if nest else (1, (target.shape[-1],))
    return target, n_rows, pitch


def _finish(context: Context, place: View, target: View, most: int) -> None:
    """Clamp to an activation's upper end; bring what went to a stand-in where it belongs."""
    if most < 255:
        clamp(context, place, most)
    if not place.same_place(target):
        context.copy(place, target)


def _is_direct(source: View, rows: windows.Axis, columns: windows.Axis) -> bool:
    """Whether every window lies in one piece where it is, all evenly spaced."""
    whole_rows = columns.count == 1 and columns.n_taps == source.shape[2]
    if rows.padded or columns.padded or not whole_rows:
        return False
    window = source.cut(1, 0, (rows.n_taps - 1) * rows.dilation + 1, rows.dilation)
    return window.contiguous


def _axes(
    operator: Operator, source: View, taps: list[int], dilations: tuple[int, int]
) -> tuple[windows.Axis, windows.Axis]:
    """The windows down the rows and across the columns."""
    padding = operator.option(0)
    across, down = (operator.option(field, "i", 1) for field in dilations)
    steps = (operator.option(2, "i", 1), down), (operator.option(1, "i", 1), across)
    return (
        windows.axis(operator, source.shape[1], taps[0], steps[0], padding),
        windows.axis(operator, source.shape[2], taps[1], steps[1], padding),
    )


def _weights(context: Context, operator: Operator) -> Numbers:
    return context.constant(operator.inputs[1], "INT8", f"{operator.name}'s filter")


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
    unit = context.scale(out)
    products = [context.scale(source) * scale for scale in scales]
    if operator.name == "FULLY_CONNECTED" and len(set(scales)) == 1:
        # TFLite multiplies these two in single precision.
        products = [float(np.float32(context.scale(source)) * np.float32(scales[0]))] * n_outputs
    pairs = [quantise.multiplier(product / unit) for product in products]
    largest = np.abs(bias) + 255 * np.abs(flat).sum(1)
    shifts = []
    for (_, shift), bound, rounding in zip(pairs, largest, roundings, strict=True):
        left, right = max(-shift, 0), max(shift, 0)
        if right > 31 or int(bound) << left >= quantise.ACCUMULATOR_LIMIT:
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


def _result(context: Context, operator: Operator, shape: tuple[int, ...]) -> View:
    target = context.result(operator.outputs[0])
    if target.shape != shape:
        raise ModelError(
            f"{operator.name} says that its result is {list(target.shape)}, "
            f"which should be {list(shape)}"
        )
    return target


def _range(context: Context, operator: Operator) -> tuple[int, int, int]:
    """The result's zero point, its least and its largest value, all biased."""
    field = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 4, "FULLY_CONNECTED": 0}[operator.name]
    least, most = output_range(context, operator, operator.option(field))
    return context.biased_zero(operator.outputs[0]), least, most


def _biased(weights: Numbers) -> bytes:
    return (weights + 128).astype(np.uint8).tobytes()
