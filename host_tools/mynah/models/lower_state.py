"""Resource variables become rings.

A state of N rows is read, S new rows are concatenated to it, and the last N of the N + S rows are
written back: that is one ring which holds every row twice, so that the window of N + S rows is
always contiguous and nothing is moved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mynah.errors import ModelError
from mynah.models.activation import refuse_activation
from mynah.models.context import Context, checked_shape, concatenation_axis
from mynah.models.lower_views import slice_bounds
from mynah.models.program import Op, View

if TYPE_CHECKING:
    from mynah.models.tflite import Operator


@dataclass(slots=True)
class State:
    """One resource variable; ``fill`` is the (biased) byte that it starts with."""

    name: str
    fill: int = 0
    ring: View | None = None
    n_kept: int = 0
    assigned: bool = False


@dataclass(slots=True)
class States:
    """The states of a model, and which tensors are handles to them or were read from them."""

    context: Context
    by_name: dict[str, State] = field(default_factory=dict)
    by_tensor: dict[int, State] = field(default_factory=dict)

    def call_once(self, operator: Operator) -> None:
        """CALL_ONCE: note the value that each state starts with."""
        index = operator.option(0, "i")
        if not 0 < index < len(self.context.subgraphs):
            raise ModelError("the model file is corrupt: CALL_ONCE names a graph that is not there")
        graph = self.context.subgraphs[index]
        names: dict[int, str] = {}
        for step in graph.operators:
            if step.name == "VAR_HANDLE" and step.outputs:
                names[step.outputs[0]] = _shared_name(step)
            elif step.name == "ASSIGN_VARIABLE" and len(step.inputs) == 2:
                data = graph.tensors[step.inputs[1]].data
                if len(set(data)) != 1:
                    raise ModelError("a state does not start as one constant")
                if step.inputs[0] not in names:
                    raise ModelError("the model file is corrupt: the start-up graph names no state")
                self._named(names[step.inputs[0]]).fill = data[0] ^ 0x80
            else:
                raise ModelError(f"operator {step.name} is not supported in the start-up graph")

    def var_handle(self, operator: Operator) -> None:
        """VAR_HANDLE: a tensor that stands for a state."""
        self.by_tensor[operator.outputs[0]] = self._named(_shared_name(operator))

    def read_variable(self, operator: Operator) -> None:
        """READ_VARIABLE: the concatenation that follows makes the ring."""
        self.by_tensor[operator.outputs[0]] = self._of(operator.inputs[0])

    def drop_rows(self, operator: Operator) -> None:
        """STRIDED_SLICE of a state: its oldest rows are left out before new ones are added."""
        state = self.by_tensor[operator.inputs[0]]
        shape = self.context.shape(operator.inputs[0])
        starts, stops, steps = slice_bounds(self.context, operator, shape)
        whole = [0, starts[1] if len(shape) > 1 else 0, *[0] * (len(shape) - 2)]
        if starts != whole or stops != list(shape) or set(steps) != {1} or operator.option(4, "i"):
            raise ModelError(f"of the state {state.name!r} more than the oldest rows are left out")
        self.by_tensor[operator.outputs[0]] = state

    def assign_variable(self, operator: Operator) -> None:
        """ASSIGN_VARIABLE: check that what is written back is what the ring keeps anyway."""
        state, kept = self._of(operator.inputs[0]), self.context.view(operator.inputs[1])
        ring = state.ring
        if ring is None:
            raise ModelError(f"the state {state.name!r} is written before it is read")
        n_kept, n_rows = kept.shape[1] if len(kept.shape) > 1 else 0, ring.shape[1]
        if not state.n_kept <= n_kept <= n_rows or not kept.same_place(
            ring.cut(1, n_rows - n_kept, n_rows)
        ):
            raise ModelError(f"the state {state.name!r} does not keep the last rows of its window")
        state.assigned = True

    def append(self, operator: Operator) -> None:
        """CONCATENATION of a state and its new rows: make the ring."""
        context = self.context
        refuse_activation(operator, operator.option(1))
        state = self.by_tensor[operator.inputs[0]]
        if state.ring is not None:
            raise ModelError(f"the state {state.name!r} is read twice")
        out = operator.outputs[0]
        shape = checked_shape(context.graph.tensors[out])
        if len(operator.inputs) != 2 or concatenation_axis(operator, shape) != 1 or shape[0] != 1:
            raise ModelError("a state must be concatenated with its new rows along axis 1")
        if not all(context.same_quantisation(index, out) for index in operator.inputs):
            raise ModelError("CONCATENATION with unlike quantisation is not supported")
        kept = checked_shape(context.graph.tensors[operator.inputs[0]])
        fresh = context.gather(context.view(operator.inputs[1]))
        if shape[2:] != kept[2:] or fresh.shape != (1, shape[1] - kept[1], *shape[2:]):
            raise ModelError(f"the state {state.name!r} and its new rows have unlike shapes")
        state.n_kept = kept[1]
        n_fresh, row_size = fresh.shape[1], math.prod(shape[2:])
        size = -(-shape[1] // n_fresh) * n_fresh * row_size
        block = context.program.add_block(2 * size, fill=state.fill, ring=True)
        words = (
            fresh.block.slot, fresh.offset, fresh.size,
            block.slot, block, block.position_slot, size, shape[1] * row_size,
        )  # fmt: skip
        context.emit(Op.APPEND, words)
        state.ring = context.views[out] = View.of(block, shape)

    def check_complete(self) -> None:
        """Refuse a state that is read but never written."""
        for state in self.by_name.values():
            if state.ring is not None and not state.assigned:
                raise ModelError(f"the state {state.name!r} is read but never written")

    def _named(self, name: str) -> State:
        return self.by_name.setdefault(name, State(name))

    def _of(self, tensor: int) -> State:
        if tensor not in self.by_tensor:
            raise ModelError(f"the model file is corrupt: tensor {tensor} is not a variable")
        return self.by_tensor[tensor]


def _shared_name(operator: Operator) -> str:
    return "" if operator.options is None else operator.options.text(1)
