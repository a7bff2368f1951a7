"""Turn a streaming ``.tflite`` graph into a `Program`: operators checked, state made rings.

microWakeWord keeps its state in resource variables: a state of N rows is read, S new rows are
concatenated to it, the last N of the N + S rows are written back. Here that is one ring buffer that
holds every row twice, so that the window of N + S rows is always contiguous. SPLIT_V,
STRIDED_SLICE, RESHAPE and CONCATENATION of channels move no bytes: they become views.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mynah.errors import ModelError
from mynah.models import quantise
from mynah.models.program import Block, Instruction, Op, Program, Rounding, View
from mynah.models.tflite import Operator, Subgraph, Tensor

_RELU = 1
_ACTIVATIONS = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6", 4: "TANH", 5: "SIGN_BIT"}
_SAME = 0
_ACCUMULATOR_LIMIT = 1 << 28
"""The kernels split a product of an accumulator and a 31-bit multiplier into 32-bit pieces."""


def lower(subgraphs: list[Subgraph]) -> Program:
    """The program of a model.

    Raises:
        ModelError: an operator, a type or a shape that Mynah does not run; it is named.
    """
    if not subgraphs:
        raise ModelError("the model file holds no graph")
    return _Lowering(subgraphs).run()


def rows_and_channels(shape: tuple[int, ...], what: str) -> tuple[int, int]:
    """``[1, T, 1, C]``, ``[1, T, C]`` and ``[1, C]`` as ``(T, C)``."""
    if len(shape) == 4 and shape[0] == shape[2] == 1:
        return shape[1], shape[3]
    if len(shape) == 3 and shape[0] == 1:
        return shape[1], shape[2]
    if len(shape) == 2 and shape[0] == 1:
        return 1, shape[1]
    raise ModelError(f"{what} has shape {list(shape)}; Mynah runs [1, rows, 1, channels]")


class _Lowering:
    def __init__(self, subgraphs: list[Subgraph]) -> None:
        self._graph = subgraphs[0]
        self._subgraphs = subgraphs
        self._program = Program()
        self._views: dict[int, View] = {}
        self._variables: dict[int, str] = {}
        self._reads: dict[int, str] = {}
        self._rings: dict[str, View] = {}
        self._state_rows: dict[str, int] = {}
        self._assigned: set[str] = set()
        self._initial: dict[str, int] = {}
        uses = [index for operator in self._graph.operators for index in operator.inputs]
        self._uses = Counter(uses)
        self._homes = self._find_homes()

    def run(self) -> Program:
        self._open_input()
        for operator in self._graph.operators:
            handler = _HANDLERS.get(operator.name)
            if handler is None:
                raise ModelError(
                    f"operator {operator.name} is not supported; "
                    f"Mynah runs {', '.join(sorted(_HANDLERS))}"
                )
            handler(self, operator)
        if missing := set(self._rings) - self._assigned:
            raise ModelError(f"the state {sorted(missing)[0]!r} is read but never written")
        self._close_output()
        return self._program

    # -- the graph's ends

    def _open_input(self) -> None:
        if len(self._graph.inputs) != 1 or len(self._graph.outputs) != 1:
            raise ModelError("a wake-word model has one input and one output")
        tensor = self._tensor(self._graph.inputs[0], "the input")
        rows, channels = rows_and_channels(tensor.shape, "the input")
        view = self._program.add_rows(rows, channels)
        self._views[tensor.index] = self._program.input = view

    def _close_output(self) -> None:
        tensor = self._graph.tensors[self._graph.outputs[0]]
        view = self._view(tensor.index)
        if tensor.type != "UINT8" or view.size != 1:
            raise ModelError(
                f"the output is {tensor.type} {list(tensor.shape)}; Mynah runs UINT8 [1, 1]"
            )
        self._program.output = view

    # -- tensors

    def _tensor(self, index: int, what: str, types: tuple[str, ...] = ("INT8",)) -> Tensor:
        tensor = self._graph.tensors[index]
        if tensor.type not in types:
            raise ModelError(f"{what} is {tensor.type}; Mynah runs {' or '.join(types)}")
        if tensor.quantisation is None:
            raise ModelError(f"{what} is not quantised")
        return tensor

    def _view(self, index: int) -> View:
        if index not in self._views:
            raise ModelError(
                f"tensor {index} is used in a way that Mynah does not run "
                "(a state that is read must be concatenated with new rows)"
            )
        return self._views[index]

    def _constant(self, index: int, kind: str, what: str) -> npt.NDArray[np.int64]:
        tensor = self._graph.tensors[index]
        dtypes = {"INT8": np.dtype(np.int8), "INT32": np.dtype("<i4")}
        if tensor.type != kind:
            raise ModelError(f"{what} is {tensor.type}; Mynah runs {kind}")
        dtype = dtypes[kind]
        if len(tensor.data) != dtype.itemsize * int(np.prod(tensor.shape, dtype=np.int64)):
            raise ModelError(f"{what} does not have the size that its shape says")
        return np.frombuffer(tensor.data, dtype).reshape(tensor.shape).astype(np.int64)

    def _scale(self, index: int) -> float:
        quantisation = self._graph.tensors[index].quantisation
        assert quantisation is not None
        return quantisation.scale

    def _biased_zero(self, index: int) -> int:
        """The zero point in the run-time's unsigned form."""
        tensor = self._graph.tensors[index]
        assert tensor.quantisation is not None
        return tensor.quantisation.zero_point + (128 if tensor.type == "INT8" else 0)

    def _same_quantisation(self, one: int, other: int) -> bool:
        return (
            self._scale(one) == self._scale(other)
            and self._biased_zero(one) == self._biased_zero(other)
        )  # fmt: skip

    # -- where results go

    def _find_homes(self) -> dict[int, tuple[int, int]]:
        """Tensor to (concatenation, channel offset): results that are computed in place there."""
        computed = {
            operator.outputs[0] for operator in self._graph.operators if operator.name in _COMPUTE
        }
        homes: dict[int, tuple[int, int]] = {}
        for operator in self._graph.operators:
            if operator.name != "CONCATENATION":
                continue
            inputs = [self._graph.tensors[index] for index in operator.inputs]
            if not _joins_channels(operator, inputs):
                continue
            offset = 0
            for tensor in inputs:
                if tensor.index in computed and self._uses[tensor.index] == 1:
                    homes[tensor.index] = (operator.outputs[0], offset)
                offset += tensor.shape[-1]
        return homes

    def _result(self, index: int) -> View:
        """The view that an operator writes its result to."""
        tensor = self._tensor(index, f"tensor {index}", ("INT8", "UINT8"))
        rows, channels = rows_and_channels(tensor.shape, f"tensor {index}")
        if index in self._homes:
            target, offset = self._homes[index]
            if target not in self._views:
                whole = rows_and_channels(self._graph.tensors[target].shape, f"tensor {target}")
                self._views[target] = self._program.add_rows(*whole)
            home = self._views[target]
            view = View(home.block, home.offset + offset, home.pitch, rows, channels)
        else:
            view = self._program.add_rows(rows, channels)
        self._views[index] = view
        return view

    def _emit(self, op: Op, words: tuple[int | Block, ...], *constants: bytes) -> None:
        self._program.instructions.append(Instruction(op, words, constants))

    def _copy(self, source: View, target: View) -> None:
        words = (
            source.block.slot, source.offset, source.pitch,
            target.block.slot, target.offset, target.pitch, source.rows, source.channels,
        )  # fmt: skip
        self._emit(Op.COPY, words)

    def _gather(self, view: View) -> View:
        """The view itself, or a contiguous copy of it."""
        if view.contiguous:
            return view
        copy = self._program.add_rows(view.rows, view.channels)
        self._copy(view, copy)
        return copy

    # -- state

    def call_once(self, operator: Operator) -> None:
        """Note the value that each state starts with."""
        index = operator.option(0, "i")
        if not 0 < index < len(self._subgraphs):
            raise ModelError("the model file is corrupt: CALL_ONCE names a graph that is not there")
        graph = self._subgraphs[index]
        names: dict[int, str] = {}
        for step in graph.operators:
            if step.name == "VAR_HANDLE":
                names[step.outputs[0]] = _shared_name(step)
            elif step.name == "ASSIGN_VARIABLE":
                data = graph.tensors[step.inputs[1]].data
                if not data or len(set(data)) != 1:
                    raise ModelError("a state does not start as one constant")
                self._initial[names[step.inputs[0]]] = data[0] ^ 0x80
            else:
                raise ModelError(f"operator {step.name} is not supported in the start-up graph")

    def var_handle(self, operator: Operator) -> None:
        """Name a state."""
        self._variables[operator.outputs[0]] = _shared_name(operator)

    def read_variable(self, operator: Operator) -> None:
        """Note that a tensor is a state: the concatenation that follows makes the ring."""
        self._reads[operator.outputs[0]] = self._variables[operator.inputs[0]]

    def assign_variable(self, operator: Operator) -> None:
        """Check that what is written back is what the ring keeps anyway."""
        name = self._variables[operator.inputs[0]]
        ring, kept = self._rings.get(name), self._view(operator.inputs[1])
        if ring is None:
            raise ModelError(f"the state {name!r} is written before it is read")
        last = ring.offset + (ring.rows - kept.rows) * ring.pitch
        state_rows = self._state_rows[name]
        if (
            kept.block is not ring.block or kept.offset != last
            or kept.channels != ring.channels or kept.rows != state_rows
        ):  # fmt: skip
            raise ModelError(f"the state {name!r} does not keep the last rows of its window")
        self._assigned.add(name)

    def concatenation(self, operator: Operator) -> None:
        """New rows after a state (a ring), or channels beside channels."""
        out = operator.outputs[0]
        _check_activation(operator, operator.option(1))
        self._tensor(out, f"tensor {out}")
        for index in operator.inputs:
            self._tensor(index, f"tensor {index}")
            if not self._same_quantisation(index, out):
                raise ModelError("CONCATENATION with unlike quantisation is not supported")
        inputs = [self._graph.tensors[index] for index in operator.inputs]
        if operator.inputs[0] in self._reads:
            self._append(operator)
        elif _joins_channels(operator, inputs):
            self._join_channels(operator)
        else:
            raise ModelError(
                f"CONCATENATION along axis {operator.option(0, 'i')} is not supported here"
            )

    def _append(self, operator: Operator) -> None:
        state, new = operator.inputs[0], operator.inputs[-1]
        axis = operator.option(0, "i") % len(self._graph.tensors[state].shape)
        if len(operator.inputs) != 2 or axis != 1:
            raise ModelError("a state must be concatenated with its new rows along axis 1")
        name = self._reads[state]
        if name in self._rings:
            raise ModelError(f"the state {name!r} is read twice")
        n_kept, channels = rows_and_channels(self._graph.tensors[state].shape, f"state {name!r}")
        fresh = self._gather(self._view(new))
        if fresh.channels != channels:
            raise ModelError(f"the state {name!r} and its new rows have unlike channels")
        window = n_kept + fresh.rows
        ring_rows = -(-window // fresh.rows) * fresh.rows
        block = self._program.add_block(
            2 * ring_rows * channels, fill=self._initial.get(name, 0), ring_rows=ring_rows
        )
        words = (
            fresh.block.slot, fresh.offset, fresh.size,
            block.slot, block, block.position_slot, ring_rows * channels, window * channels,
        )  # fmt: skip
        self._emit(Op.APPEND, words)
        ring = View(block, 0, channels, window, channels)
        self._rings[name] = self._views[operator.outputs[0]] = ring
        self._state_rows[name] = n_kept

    def _join_channels(self, operator: Operator) -> None:
        out = operator.outputs[0]
        if out not in self._views:
            self._result(out)
        whole, offset = self._views[out], 0
        for index in operator.inputs:
            part = self._view(index)
            if index not in self._homes:
                target = View(
                    whole.block, whole.offset + offset, whole.pitch, part.rows, part.channels
                )
                self._copy(part, target)
            offset += part.channels

    # -- views

    def reshape(self, operator: Operator) -> None:
        """See the same bytes as other rows and channels."""
        out = operator.outputs[0]
        view = self._gather(self._view(operator.inputs[0]))
        rows, channels = rows_and_channels(self._graph.tensors[out].shape, f"tensor {out}")
        if rows * channels != view.size:
            raise ModelError("RESHAPE changes the number of values")
        self._views[out] = View(view.block, view.offset, channels, rows, channels)

    def strided_slice(self, operator: Operator) -> None:
        """Keep some rows and some channels."""
        source = self._view(operator.inputs[0])
        shape = self._graph.tensors[operator.inputs[0]].shape
        begin, end, step = (
            [int(n) for n in self._constant(index, "INT32", "a STRIDED_SLICE bound").ravel()]
            for index in operator.inputs[1:4]
        )
        if set(step) != {1} or any(operator.option(mask, "i") for mask in (2, 3, 4)):
            raise ModelError("STRIDED_SLICE with steps, ellipsis or changed axes is not supported")
        begin_mask, end_mask = operator.option(0, "i"), operator.option(1, "i")
        ranges = []
        for axis, size in enumerate(shape):
            first = 0 if begin_mask >> axis & 1 else begin[axis] + (size if begin[axis] < 0 else 0)
            last = size if end_mask >> axis & 1 else end[axis] + (size if end[axis] < 0 else 0)
            if not 0 <= first < last <= size:
                raise ModelError("STRIDED_SLICE keeps nothing or reaches outside")
            ranges.append((first, last))
        row = ranges[1] if len(shape) > 2 else (0, 1)
        channel = ranges[-1]
        self._views[operator.outputs[0]] = View(
            source.block,
            source.offset + row[0] * source.pitch + channel[0],
            source.pitch,
            row[1] - row[0],
            channel[1] - channel[0],
        )

    def split_v(self, operator: Operator) -> None:
        """Part the channels."""
        source = self._view(operator.inputs[0])
        shape = self._graph.tensors[operator.inputs[0]].shape
        sizes = [int(n) for n in self._constant(operator.inputs[1], "INT32", "SPLIT_V's sizes")]
        axis = int(self._constant(operator.inputs[2], "INT32", "SPLIT_V's axis").ravel()[0])
        if axis % len(shape) != len(shape) - 1 or sum(sizes) != source.channels:
            raise ModelError("SPLIT_V along anything but all channels is not supported")
        offset = source.offset
        for out, size in zip(operator.outputs, sizes, strict=True):
            self._views[out] = View(source.block, offset, source.pitch, source.rows, size)
            offset += size

    # -- arithmetic

    def conv_2d(self, operator: Operator) -> None:
        """A convolution over rows: one dot product a row and output channel."""
        weights = self._constant(operator.inputs[1], "INT8", "CONV_2D's filter")
        if weights.ndim != 4 or weights.shape[2] != 1:
            raise ModelError(f"CONV_2D with filter {list(weights.shape)} is not supported")
        _check_dilation(operator, operator.option(4, "i", 1), operator.option(5, "i", 1))
        source = self._view(operator.inputs[0])
        n_taps, channels = weights.shape[1], weights.shape[3]
        if channels != source.channels:
            raise ModelError("CONV_2D with groups is not supported")
        if n_taps > 1:
            source = self._gather(source)
        stride = operator.option(2, "i", 1)
        rows = self._output_rows(operator, source, n_taps, stride)
        _check_activation(operator, operator.option(3), relu=True)
        self._matvec(
            operator, source, (rows, stride * source.pitch), weights, operator.option(3),
            Rounding.AWAY_FROM_ZERO,
        )  # fmt: skip

    def fully_connected(self, operator: Operator) -> None:
        """One dot product an output."""
        weights = self._constant(operator.inputs[1], "INT8", "FULLY_CONNECTED's weights")
        source = self._gather(self._view(operator.inputs[0]))
        if weights.ndim != 2 or weights.shape[1] != source.size or operator.option(1):
            raise ModelError(f"FULLY_CONNECTED with weights {list(weights.shape)} is not supported")
        _check_activation(operator, operator.option(0), relu=True)
        self._matvec(operator, source, (1, 0), weights, operator.option(0), Rounding.UP)

    def _matvec(
        self,
        operator: Operator,
        source: View,
        rows_and_step: tuple[int, int],
        weights: npt.NDArray[np.int64],
        activation: int,
        rounding: Rounding,
    ) -> None:
        rows, step = rows_and_step
        flat = weights.reshape(weights.shape[0], -1)
        n_outputs, length = flat.shape
        # sum((x - zx) * w) over biased bytes x and u = w + 128 is
        # sum(x * u) - 128 * sum(x) - zx * sum(w): only the first two are left for the board.
        bias = self._bias(operator, n_outputs) - self._biased_zero(operator.inputs[0]) * flat.sum(1)
        target = self._result(operator.outputs[0])
        self._check_result(operator, target, rows, n_outputs)
        words = (
            source.block.slot, source.offset, step,
            target.block.slot, target.offset, target.pitch,
            rows, length, n_outputs,
            self._biased_zero(operator.outputs[0]), self._minimum(operator, activation),
            rounding,
        )  # fmt: skip
        biased = (flat + 128).astype(np.uint8).tobytes()
        self._emit(Op.MATVEC, words, biased, *self._scaling(operator, bias, np.abs(flat).sum(1)))

    def depthwise_conv_2d(self, operator: Operator) -> None:
        """A convolution over rows, each channel on its own."""
        weights = self._constant(operator.inputs[1], "INT8", "DEPTHWISE_CONV_2D's filter")
        source = self._view(operator.inputs[0])
        if weights.ndim != 4 or weights.shape[0] != 1 or weights.shape[2] != 1:
            raise ModelError(f"DEPTHWISE_CONV_2D with filter {list(weights.shape)} is unsupported")
        n_taps, channels = weights.shape[1], weights.shape[3]
        if channels != source.channels or operator.option(3, "i", 1) != 1:
            raise ModelError("DEPTHWISE_CONV_2D with a depth multiplier is not supported")
        _check_dilation(operator, operator.option(5, "i", 1), operator.option(6, "i", 1))
        stride = operator.option(2, "i", 1)
        rows = self._output_rows(operator, source, n_taps, stride)
        activation = operator.option(4)
        _check_activation(operator, activation, relu=True)
        flat = weights.reshape(n_taps, channels)
        bias = self._bias(operator, channels) - self._biased_zero(operator.inputs[0]) * flat.sum(0)
        target = self._result(operator.outputs[0])
        self._check_result(operator, target, rows, channels)
        words = (
            source.block.slot, source.offset, source.pitch, stride * source.pitch,
            target.block.slot, target.offset, target.pitch,
            rows, n_taps, channels,
            self._biased_zero(operator.outputs[0]), self._minimum(operator, activation),
            Rounding.UP,
        )  # fmt: skip
        biased = (flat + 128).astype(np.uint8).tobytes()
        self._emit(Op.DEPTHWISE, words, biased, *self._scaling(operator, bias, np.abs(flat).sum(0)))

    def _output_rows(self, operator: Operator, source: View, n_taps: int, stride: int) -> int:
        if stride < 1 or n_taps > source.rows:
            raise ModelError(f"{operator.name} reaches outside its input")
        if operator.option(0) == _SAME:
            n_padded = (-(-source.rows // stride) - 1) * stride + n_taps
            if n_padded > source.rows:
                raise ModelError(f"{operator.name} with rows of padding is not supported")
        return (source.rows - n_taps) // stride + 1

    def _check_result(self, operator: Operator, target: View, rows: int, channels: int) -> None:
        if (target.rows, target.channels) != (rows, channels):
            raise ModelError(
                f"{operator.name} says that its result is {target.rows} rows of {target.channels}, "
                f"which should be {rows} of {channels}"
            )

    def _bias(self, operator: Operator, n_outputs: int) -> npt.NDArray[np.int64]:
        if len(operator.inputs) < 3 or operator.inputs[2] < 0:
            return np.zeros(n_outputs, np.int64)
        bias = self._constant(operator.inputs[2], "INT32", f"{operator.name}'s bias").ravel()
        if len(bias) != n_outputs:
            raise ModelError(f"{operator.name} has {len(bias)} biases for {n_outputs} outputs")
        return bias

    def _minimum(self, operator: Operator, activation: int) -> int:
        return self._biased_zero(operator.outputs[0]) if activation == _RELU else 0

    def _scaling(
        self, operator: Operator, bias: npt.NDArray[np.int64], weight: npt.NDArray[np.int64]
    ) -> tuple[bytes, ...]:
        """Biases, multipliers and shifts, one of each an output, as 32-bit words.

        A shift word is ``right + 256 * left``; ``weight`` is the sum of the filter's magnitudes.
        """
        weights = self._tensor(operator.inputs[1], f"{operator.name}'s filter").quantisation
        assert weights is not None
        if any(weights.zero_points):
            raise ModelError(f"{operator.name}'s filter is not symmetric")
        scales = weights.scales
        if len(scales) == 1:
            scales *= len(bias)
        if len(scales) != len(bias):
            raise ModelError(f"{operator.name} has {len(scales)} scales for {len(bias)} outputs")
        factor = self._scale(operator.inputs[0]), self._scale(operator.outputs[0])
        pairs = [quantise.multiplier(factor[0] * scale / factor[1]) for scale in scales]
        for (_, shift), largest in zip(pairs, np.abs(bias) + 255 * weight, strict=True):
            if shift > 31 or int(largest) << max(-shift, 0) >= _ACCUMULATOR_LIMIT:
                raise ModelError(f"{operator.name}'s scales or sums are out of range")
        shifts = [max(shift, 0) + 256 * max(-shift, 0) for _, shift in pairs]
        columns = (bias, [pair[0] for pair in pairs], shifts)
        return tuple(np.asarray(column).astype("<i4").tobytes() for column in columns)

    def logistic(self, operator: Operator) -> None:
        """The sigmoid, as a table."""
        source, target = operator.inputs[0], operator.outputs[0]
        one = self._tensor(source, "LOGISTIC's input").quantisation
        other = self._tensor(target, "LOGISTIC's output").quantisation
        assert one is not None
        assert other is not None
        table = quantise.logistic_table(one.scale, one.zero_point, other.scale, other.zero_point)
        self._table(source, target, table)

    def quantize(self, operator: Operator) -> None:
        """Other parameters for the same values: often nothing to do, else a table."""
        source, target = operator.inputs[0], operator.outputs[0]
        for index in (source, target):
            self._tensor(index, "QUANTIZE's tensor", ("INT8", "UINT8"))
        if self._same_quantisation(source, target):
            self._views[target] = self._view(source)
            return
        table = quantise.rescale_table(
            self._scale(source), self._biased_zero(source),
            self._scale(target), self._biased_zero(target),
        )  # fmt: skip
        self._table(source, target, table)

    def _table(self, source: int, target: int, table: bytes) -> None:
        view = self._gather(self._view(source))
        result = self._result(target)
        if not result.contiguous:
            raise ModelError("a table's result beside other channels is not supported")
        words = (view.block.slot, view.offset, result.block.slot, result.offset, view.size)
        self._emit(Op.TABLE, words, table)


def _shared_name(operator: Operator) -> str:
    return "" if operator.options is None else operator.options.text(1)


def _joins_channels(operator: Operator, inputs: list[Tensor]) -> bool:
    n_axes = len(inputs[0].shape)
    return n_axes > 0 and operator.option(0, "i") % n_axes == n_axes - 1


def _check_activation(operator: Operator, activation: int, *, relu: bool = False) -> None:
    if activation and not (relu and activation == _RELU):
        name = _ACTIVATIONS.get(activation, str(activation))
        raise ModelError(f"{operator.name} with the activation {name} is not supported")


def _check_dilation(operator: Operator, width: int, height: int) -> None:
    if (width, height) != (1, 1):
        raise ModelError(f"{operator.name} with dilation is not supported")


_COMPUTE = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}

_HANDLERS: dict[str, Callable[[_Lowering, Operator], None]] = {
    "CALL_ONCE": _Lowering.call_once,
    "VAR_HANDLE": _Lowering.var_handle,
    "READ_VARIABLE": _Lowering.read_variable,
    "ASSIGN_VARIABLE": _Lowering.assign_variable,
    "CONCATENATION": _Lowering.concatenation,
    "RESHAPE": _Lowering.reshape,
    "STRIDED_SLICE": _Lowering.strided_slice,
    "SPLIT_V": _Lowering.split_v,
    "CONV_2D": _Lowering.conv_2d,
    "DEPTHWISE_CONV_2D": _Lowering.depthwise_conv_2d,
    "FULLY_CONNECTED": _Lowering.fully_connected,
    "LOGISTIC": _Lowering.logistic,
    "QUANTIZE": _Lowering.quantize,
}
