"""Operators that compute nothing: they see the same bytes in another way, or move them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mynah.errors import ModelError
from mynah.models.activation import refuse_activation
from mynah.models.context import Context, checked_shape, concatenation_axis
from mynah.models.program import View

if TYPE_CHECKING:
    from mynah.models.tflite import Operator


def reshape(context: Context, operator: Operator) -> None:
    """RESHAPE: the same bytes in another shape."""
    out = operator.outputs[0]
    view = context.gather(context.view(operator.inputs[0]))
    shape = checked_shape(context.graph.tensors[out])
    target = View.of(view.block, shape, view.offset)
    if target.size != view.size:
        raise ModelError("RESHAPE changes the number of values")
    context.views[out] = target


def strided_slice(context: Context, operator: Operator) -> None:
    """STRIDED_SLICE: a part of the bytes, with any step forwards."""
    source = context.view(operator.inputs[0])
    starts, stops, steps = slice_bounds(context, operator, source.shape)
    shrunk = operator.option(4, "i")
    view = source
    for axis, (start, stop, step) in enumerate(zip(starts, stops, steps, strict=True)):
        view = view.cut(axis, start, stop, step)
    for axis in reversed(range(len(source.shape))):
        if shrunk >> axis & 1:
            view = view.take(axis, 0)
    context.views[operator.outputs[0]] = view


def slice_bounds(
    context: Context, operator: Operator, shape: tuple[int, ...]
) -> tuple[list[int], list[int], list[int]]:
    """First index, the one after the last, and step of a STRIDED_SLICE along every axis."""
    begin, end, steps = (
        [int(n) for n in context.constant(index, "INT32", "a STRIDED_SLICE bound").ravel()]
        for index in operator.inputs[1:4]
    )
    if min(steps, default=0) < 1 or operator.option(2, "i") or operator.option(3, "i"):
        raise ModelError("STRIDED_SLICE backwards, with an ellipsis or new axes is not supported")
    if not len(begin) == len(end) == len(steps) == len(shape):
        raise ModelError("STRIDED_SLICE over some of the axes is not supported")
    masks = [operator.option(field, "i") for field in (0, 1, 4)]
    starts, stops = [], []
    for axis, size in enumerate(shape):
        open_start, open_stop, shrinks = [mask >> axis & 1 for mask in masks]
        start = 0 if open_start else begin[axis] + (size if begin[axis] < 0 else 0)
        stop = size if open_stop else min(size, end[axis] + (size if end[axis] < 0 else 0))
        if shrinks:
            stop = start + 1
        if not 0 <= start < stop <= size:
            raise ModelError("STRIDED_SLICE keeps nothing or reaches outside")
        starts.append(start)
        stops.append(stop)
    return starts, stops, steps


def split_v(context: Context, operator: Operator) -> None:
    """SPLIT_V along any axis."""
    source = context.view(operator.inputs[0])
    sizes = [int(n) for n in context.constant(operator.inputs[1], "INT32", "SPLIT_V's sizes")]
    axis = int(context.constant(operator.inputs[2], "INT32", "SPLIT_V's axis").ravel()[0])
    if not -len(source.shape) <= axis < len(source.shape):
        raise ModelError(f"SPLIT_V along axis {axis} is not supported")
    axis %= len(source.shape)
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = source.shape[axis] - sum(sizes) - 1
    if min(sizes, default=0) < 1 or sum(sizes) != source.shape[axis]:
        raise ModelError("SPLIT_V's sizes do not add up to its input")
    if len(sizes) != len(operator.outputs):
        raise ModelError("SPLIT_V has more sizes than results")
    start = 0
    for out, size in zip(operator.outputs, sizes, strict=True):
        context.views[out] = source.cut(axis, start, start + size)
        start += size


def concatenation(context: Context, operator: Operator) -> None:
    """CONCATENATION along any axis; what was computed in place is there already."""
    out = operator.outputs[0]
    refuse_activation(operator, operator.option(1))
    _check_same_quantisation(context, operator)
    whole, start = context.views.get(out) or context.result(out), 0
    axis = concatenation_axis(operator, whole.shape)
    for index in operator.inputs:
        part = context.operand(index)
        if len(part.shape) != len(whole.shape):
            raise ModelError("CONCATENATION of unlike shapes is not supported")
        stop = start + part.shape[axis]
        place = whole.cut(axis, start, stop)
        if stop > whole.shape[axis] or place.shape != part.shape:
            raise ModelError("CONCATENATION of unlike shapes is not supported")
        if index not in context.homes:
            context.copy(part, place)
        start = stop
    if start != whole.shape[axis]:
        raise ModelError("CONCATENATION does not fill its result")


def pack(context: Context, operator: Operator) -> None:
    """PACK: tensors side by side along a new axis."""
    _check_same_quantisation(context, operator)
    whole = context.result(operator.outputs[0])
    axis = operator.option(1, "i") % len(whole.shape)
    if whole.shape[axis] != len(operator.inputs):
        raise ModelError("PACK has more inputs than its result has places")
    for number, index in enumerate(operator.inputs):
        part, place = context.operand(index), whole.take(axis, number)
        if part.shape != place.shape:
            raise ModelError("PACK of unlike shapes is not supported")
        context.copy(part, place)


def pad(context: Context, operator: Operator) -> None:
    """PAD: the border is there from the start, and nothing else is ever written to it."""
    source, out = context.operand(operator.inputs[0]), operator.outputs[0]
    _check_same_quantisation(context, operator, operator.inputs[:1])
    paddings = context.constant(operator.inputs[1], "INT32", "PAD's sizes")
    whole = context.result(out, fill=context.biased_zero(out))
    if paddings.shape != (len(source.shape), 2) or len(whole.shape) != len(source.shape):
        raise ModelError(f"PAD with sizes {paddings.tolist()} is not supported")
    place = whole
    for axis, (before, after) in enumerate(paddings.tolist()):
        size = source.shape[axis]
        if min(before, after) < 0 or before + size + after != whole.shape[axis]:
            raise ModelError(f"PAD with sizes {paddings.tolist()} is not supported")
        place = place.cut(axis, before, before + size)
    context.copy(source, place)


def _check_same_quantisation(
    context: Context, operator: Operator, inputs: tuple[int, ...] | None = None
) -> None:
    out = operator.outputs[0]
    for index in operator.inputs if inputs is None else inputs:
        if not context.same_quantisation(index, out):
            raise ModelError(f"{operator.name} with unlike quantisation is not supported")
