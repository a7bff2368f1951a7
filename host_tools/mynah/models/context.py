"""What the lowering of every operator needs: tensors, views, constants, where results go."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mynah.errors import ModelError
from mynah.models.program import Block, Instruction, Op, Program, View, loops, turns

if TYPE_CHECKING:
    from mynah.models.tflite import Operator, Subgraph, Tensor

Numbers = npt.NDArray[np.int64]

_COMPUTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
_MAX_VALUES = 1 << 17
_MAX_AXES = 5


def concatenation_axis(operator: Operator, shape: tuple[int, ...]) -> int:
    """The axis of a CONCATENATION of tensors of that rank, counted from the first."""
    axis = operator.option(0, "i")
    if not -len(shape) <= axis < len(shape):
        raise ModelError(f"the model file is corrupt: CONCATENATION along axis {axis}")
    return axis % len(shape)


def checked_shape(tensor: Tensor) -> tuple[int, ...]:
    """The shape of a tensor that the arena can hold.

    Raises:
        ModelError: it is not fixed, has too many axes, or is too large.
    """
    shape, what = tensor.shape, f"tensor {tensor.index}"
    if not 1 <= len(shape) <= _MAX_AXES or min(shape) < 1:
        raise ModelError(f"{what} has shape {list(shape)}; Mynah runs 1 to {_MAX_AXES} fixed axes")
    if math.prod(shape) > _MAX_VALUES:
        raise ModelError(f"{what} has {math.prod(shape)} values; a board has no room for that")
    return shape


class Context:
    """The graph that is lowered and the program that grows from it.

    Every method that meets something that Mynah does not run raises `ModelError`, which names it.
    """

    def __init__(self, subgraphs: list[Subgraph]) -> None:
        self.subgraphs = subgraphs
        self.graph = subgraphs[0]
        self.program = Program()
        self.views: dict[int, View] = {}
        self._uses = Counter(index for step in self.graph.operators for index in step.inputs)
        self.homes = self._find_homes()

    # -- tensors

    def shape(self, index: int) -> tuple[int, ...]:
        """The shape that the file gives a tensor."""
        return self.graph.tensors[index].shape

    def tensor(self, index: int, what: str, types: tuple[str, ...] = ("INT8",)) -> Tensor:
        """A quantised tensor of one of these types."""
        tensor = self.graph.tensors[index]
        if tensor.type not in types:
            raise ModelError(f"{what} is {tensor.type}; Mynah runs {' or '.join(types)}")
        if tensor.quantisation is None:
            raise ModelError(f"{what} is not quantised")
        least = -128 if tensor.type == "INT8" else 0
        if not least <= tensor.quantisation.zero_point <= least + 255:
            raise ModelError(f"{what} has a zero point outside of its type")
        return tensor

    def view(self, index: int) -> View:
        """Where a computed tensor is."""
        if index not in self.views:
            raise ModelError(
                f"tensor {index} is used in a way that Mynah does not run "
                "(a state that is read must be concatenated with new rows)"
            )
        return self.views[index]

    def constant(self, index: int, kind: str, what: str) -> Numbers:
        """A constant tensor of that type."""
        tensor = self.graph.tensors[index]
        if tensor.type != kind:
            raise ModelError(f"{what} is {tensor.type}; Mynah runs {kind}")
        dtype = np.dtype("<i4" if kind == "INT32" else np.int8)
        if len(tensor.data) != dtype.itemsize * int(np.prod(tensor.shape, dtype=np.int64)):
            raise ModelError(f"{what} does not have the size that its shape says")
        return np.frombuffer(tensor.data, dtype).reshape(tensor.shape).astype(np.int64)

    def scale(self, index: int) -> float:
        """The scale of a tensor that has one."""
        quantisation = self.graph.tensors[index].quantisation
        if quantisation is None:
            raise ModelError(f"tensor {index} is not quantised")
        return quantisation.scale

    def biased_zero(self, index: int) -> int:
        """The zero point of a tensor in the run-time's unsigned form."""
        tensor = self.tensor(index, f"tensor {index}", ("INT8", "UINT8"))
        assert tensor.quantisation is not None
        return tensor.quantisation.zero_point + (128 if tensor.type == "INT8" else 0)

    def same_quantisation(self, one: int, other: int) -> bool:
        """Whether the same bytes mean the same reals in both tensors."""
        zeros = self.biased_zero(one) == self.biased_zero(other)
        return zeros and self.scale(one) == self.scale(other)

    def operand(self, index: int) -> View:
        """Where a tensor is that is computed, or constant: then it is put into the arena."""
        tensor = self.graph.tensors[index]
        if index not in self.views and tensor.data:
            tensor = self.tensor(index, f"constant {index}", ("INT8", "UINT8"))
            if len(tensor.data) != math.prod(tensor.shape):
                raise ModelError(f"constant {index} does not have the size that its shape says")
            flip = 0x80 if tensor.type == "INT8" else 0
            view = self.program.add_tensor(checked_shape(tensor))
            view.block.initial = bytes(value ^ flip for value in tensor.data)
            self.views[index] = view
        return self.view(index)

    # -- results

    def result(self, index: int, *, fill: int | None = None) -> View:
        """The view that an operator writes its result to; with ``fill``, one of its own."""
        tensor = self.tensor(index, f"tensor {index}", ("INT8", "UINT8"))
        shape = checked_shape(tensor)
        if index in self.homes and fill is None:
            target, axis, start = self.homes[index]
            home = self.views.get(target) or self.result(target)
            view = home.cut(axis, start, start + shape[axis])
            if view.shape != shape:
                raise ModelError("CONCATENATION of unlike shapes is not supported")
        else:
            self.homes.pop(index, None)
            view = self.program.add_tensor(shape, fill=fill or 0)
        self.views[index] = view
        return view

    def emit(self, op: Op, words: tuple[int | Block, ...], *constants: bytes) -> None:
        """Add an instruction."""
        self.program.instructions.append(Instruction(op, words, constants))

    def copy(self, source: View, target: View) -> None:
        """Copy a tensor to another place: rows of bytes, an instruction for each set of rows."""
        nest = loops(source, target)
        size = nest.pop()[0] if nest and nest[-1][1] == (1, 1) else 1
        n_rows, pitches = nest.pop() if nest else (1, (0, 0))
        for at, to in turns(nest, source, target):
            words = (
                source.block.slot, at, pitches[0], target.block.slot, to, pitches[1], n_rows, size,
            )  # fmt: skip
            self.emit(Op.COPY, words)

    def gather(self, view: View) -> View:
        """The view itself, or a contiguous copy of it."""
        if view.contiguous:
            return view
        copy = self.program.add_tensor(view.shape)
        self.copy(view, copy)
        return copy

    def _find_homes(self) -> dict[int, tuple[int, int, int]]:
        """Tensor to (concatenation, axis, start there): results that are computed in place."""
        steps = self.graph.operators
        computed = {step.outputs[0] for step in steps if step.name in _COMPUTED and step.outputs}
        homes: dict[int, tuple[int, int, int]] = {}
        states: set[int] = set()
        for step in steps:
            inputs = [self.graph.tensors[index] for index in step.inputs if index >= 0]
            sliced = step.name == "STRIDED_SLICE" and states.intersection(step.inputs[:1])
            if sliced or step.name == "READ_VARIABLE":
                states.update(step.outputs)
            if step.name != "CONCATENATION" or not inputs or not inputs[0].shape:
                continue
            if step.inputs[0] in states:
                continue  # rows of a ring, which the ring's own instruction brings there
            axis, start = concatenation_axis(step, inputs[0].shape), 0
            for tensor in inputs:
                if len(tensor.shape) <= axis:
                    break
                if tensor.index in computed and self._uses[tensor.index] == 1:
                    homes[tensor.index] = (step.outputs[0], axis, start)
                start += tensor.shape[axis]
        return homes
