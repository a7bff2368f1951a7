"""Resource variables become rings.

A state of N rows is read, S new rows are concatenated to it, and the last N of the N + S rows are
written back: that is one ring which holds every row twice, so that the window of N + S rows is
always contiguous and nothing is moved.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mynah.errors import ModelError
from mynah.models.context import Context, rows_and_channels
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

    def assign_variable(self, operator: Operator) -> None:
        """ASSIGN_VARIABLE: check that what is written back is what the ring keeps anyway."""
        state, kept = self._of(operator.inputs[0]), self.context.view(operator.inputs[1])
        ring = state.ring
        if ring is None:
            raise ModelError(f"the state {state.name!r} is written before it is read")
        last = ring.offset + (ring.rows - state.n_kept) * ring.pitch
        if (
            kept.block is not ring.block or kept.offset != last
            or kept.channels != ring.channels or kept.rows != state.n_kept
        ):  # fmt: skip
            raise ModelError(f"the state {state.name!r} does not keep the last rows of its window")
        state.assigned = True

    def append(self, operator: Operator) -> None:
        """CONCATENATION of a state and its new rows: make the ring."""
        context = self.context
        state = self.by_tensor[operator.inputs[0]]
        if state.ring is not None:
            raise ModelError(f"the state {state.name!r} is read twice")
        shape = context.shape(operator.inputs[0])
        if len(operator.inputs) != 2 or operator.option(0, "i") % len(shape) != 1:
            raise ModelError("a state must be concatenated with its new rows along axis 1")
        state.n_kept, channels = rows_and_channels(shape, f"state {state.name!r}")
        fresh = context.gather(context.view(operator.inputs[1]))
        if fresh.channels != channels:
            raise ModelError(f"the state {state.name!r} and its new rows have unlike channels")
        window = state.n_kept + fresh.rows
        ring_rows = -(-window // fresh.rows) * fresh.rows
        size = ring_rows * channels
        block = context.program.add_block(2 * size, fill=state.fill, ring=True)
        words = (
            fresh.block.slot, fresh.offset, fresh.size,
            block.slot, block, block.position_slot, size, window * channels,
        )  # fmt: skip
        context.emit(Op.APPEND, words)
        state.ring = View(block, 0, channels, window, channels)
        context.views[operator.outputs[0]] = state.ring

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
