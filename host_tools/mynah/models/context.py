"""What the lowering of every operator needs: tensors, views, constants, where results go."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mynah.errors import ModelError
from mynah.models.program import Block, Instruction, Op, Program, View

if TYPE_CHECKING:
    from mynah.models.tflite import Operator, Subgraph, Tensor

Numbers = npt.NDArray[np.int64]

_COMPUTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
_MAX_VALUES = 1 << 17
_RELU = 1
_ACTIVATIONS = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6", 4: "TANH", 5: "SIGN_BIT"}


def rows_and_channels(shape: tuple[int, ...], what: str) -> tuple[int, int]:
    """``[1, T, 1, C]``, ``[1, T, C]`` and ``[1, C]`` as ``(T, C)``.

    Raises:
        ModelError: the shape is another one.
    """
    rows = channels = 0
    if len(shape) == 4 and shape[0] == shape[2] == 1:
        rows, channels = shape[1], shape[3]
    elif len(shape) == 3 and shape[0] == 1:
        rows, channels = shape[1], shape[2]
    elif len(shape) == 2 and shape[0] == 1:
        rows, channels = 1, shape[1]
    if rows < 1 or channels < 1:
        raise ModelError(f"{what} has shape {list(shape)}; Mynah runs [1, rows, 1, channels]")
    if rows * channels > _MAX_VALUES:
        raise ModelError(f"{what} has {rows * channels} values; a board has no room for that")
    return rows, channels


def joins_channels(operator: Operator, first: Tensor) -> bool:
    """Whether a CONCATENATION runs along the last axis."""
    n_axes = len(first.shape)
    return n_axes > 0 and operator.option(0, "i") % n_axes == n_axes - 1


def check_activation(operator: Operator, activation: int, *, relu: bool = True) -> None:
    """Refuse a fused activation other than none (and RELU).

    Raises:
        ModelError: it is another one; it is named.
    """
    if activation and not (relu and activation == _RELU):
        name = _ACTIVATIONS.get(activation, str(activation))
        raise ModelError(f"{operator.name} with the activation {name} is not supported")


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

    # -- results

    def result(self, index: int) -> View:
        """The view that an operator writes its result to."""
        tensor = self.tensor(index, f"tensor {index}", ("INT8", "UINT8"))
        rows, channels = rows_and_channels(tensor.shape, f"tensor {index}")
        if index in self.homes:
            target, offset = self.homes[index]
            home = self.views.get(target) or self.result(target)
            view = View(home.block, home.offset + offset, home.pitch, rows, channels)
        else:
            view = self.program.add_rows(rows, channels)
        self.views[index] = view
        return view

    def emit(self, op: Op, words: tuple[int | Block, ...], *constants: bytes) -> None:
        """Add an instruction."""
        self.program.instructions.append(Instruction(op, words, constants))

    def copy(self, source: View, target: View) -> None:
        """Copy rows."""
        words = (
            source.block.slot, source.offset, source.pitch,
            target.block.slot, target.offset, target.pitch, source.rows, source.channels,
        )  # fmt: skip
        self.emit(Op.COPY, words)

    def gather(self, view: View) -> View:
        """The view itself, or a contiguous copy of it."""
        if view.contiguous:
            return view
        copy = self.program.add_rows(view.rows, view.channels)
        self.copy(view, copy)
        return copy

    def _find_homes(self) -> dict[int, tuple[int, int]]:
        """Tensor to (concatenation, channel offset): results that are computed in place there."""
        steps = self.graph.operators
        computed = {step.outputs[0] for step in steps if step.name in _COMPUTED}
        homes: dict[int, tuple[int, int]] = {}
        for step in steps:
            inputs = [self.graph.tensors[index] for index in step.inputs if index >= 0]
            if step.name != "CONCATENATION" or not inputs or not joins_channels(step, inputs[0]):
                continue
            offset = 0
            for tensor in inputs:
                if tensor.index in computed and self._uses[tensor.index] == 1:
                    homes[tensor.index] = (step.outputs[0], offset)
                offset += tensor.shape[-1] if tensor.shape else 0
        return homes
