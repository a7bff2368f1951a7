"""Operators that move no bytes: they see the same ones as other rows and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mynah.errors import ModelError
from mynah.models.context import Context, rows_and_channels
from mynah.models.program import View

if TYPE_CHECKING:
    from mynah.models.tflite import Operator


def reshape(context: Context, operator: Operator) -> None:
    """RESHAPE: the same bytes as other rows and channels."""
    out = operator.outputs[0]
    view = context.gather(context.view(operator.inputs[0]))
    rows, channels = rows_and_channels(context.shape(out), f"tensor {out}")
    if rows * channels != view.size:
        raise ModelError("RESHAPE changes the number of values")
    context.views[out] = View(view.block, view.offset, channels, rows, channels)


def strided_slice(context: Context, operator: Operator) -> None:
    """STRIDED_SLICE with steps of one: some rows, some channels."""
    source = context.view(operator.inputs[0])
    shape = context.shape(operator.inputs[0])
    begin, end, step = (
        [int(n) for n in context.constant(index, "INT32", "a STRIDED_SLICE bound").ravel()]
        for index in operator.inputs[1:4]
    )
    if set(step) != {1} or any(operator.option(mask, "i") for mask in (2, 3, 4)):
        raise ModelError("STRIDED_SLICE with steps, ellipsis or changed axes is not supported")
    if not len(begin) == len(end) == len(shape):
        raise ModelError("STRIDED_SLICE over some of the axes is not supported")
    begin_mask, end_mask = operator.option(0, "i"), operator.option(1, "i")
    ranges = []
    for axis, size in enumerate(shape):
        first = 0 if begin_mask >> axis & 1 else begin[axis] + (size if begin[axis] < 0 else 0)
        last = size if end_mask >> axis & 1 else end[axis] + (size if end[axis] < 0 else 0)
        if not 0 <= first < last <= size:
            raise ModelError("STRIDED_SLICE keeps nothing or reaches outside")
        ranges.append((first, last))
    rows, channels = ranges[1] if len(shape) > 2 else (0, 1), ranges[-1]
    context.views[operator.outputs[0]] = View(
        source.block,
        source.offset + rows[0] * source.pitch + channels[0],
        source.pitch,
        rows[1] - rows[0],
        channels[1] - channels[0],
    )


def split_v(context: Context, operator: Operator) -> None:
    """SPLIT_V along the channels."""
    source = context.view(operator.inputs[0])
    n_axes = len(context.shape(operator.inputs[0]))
    sizes = [int(n) for n in context.constant(operator.inputs[1], "INT32", "SPLIT_V's sizes")]
    axis = int(context.constant(operator.inputs[2], "INT32", "SPLIT_V's axis").ravel()[0])
    if axis % n_axes != n_axes - 1 or sum(sizes) != source.channels:
        raise ModelError("SPLIT_V along anything but all channels is not supported")
    if len(sizes) != len(operator.outputs):
        raise ModelError("SPLIT_V has more sizes than results")
    offset = source.offset
    for out, size in zip(operator.outputs, sizes, strict=True):
        context.views[out] = View(source.block, offset, source.pitch, source.rows, size)
        offset += size


def join_channels(context: Context, operator: Operator) -> None:
    """CONCATENATION along the channels; what was computed in place is there already."""
    out = operator.outputs[0]
    whole, offset = context.views.get(out) or context.result(out), 0
    for index in operator.inputs:
        part = context.view(index)
        if part.rows != whole.rows or offset + part.channels > whole.channels:
            raise ModelError("CONCATENATION of unlike rows is not supported")
        if index not in context.homes:
            place = View(whole.block, whole.offset + offset, whole.pitch, part.rows, part.channels)
            context.copy(part, place)
        offset += part.channels
