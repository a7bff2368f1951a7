"""A ``.tflite`` file as plain objects: subgraphs, operators, tensors, constants.

Field numbers and codes are those of TensorFlow Lite's ``schema.fbs`` (version 3).
"""

from __future__ import annotations

from dataclasses import dataclass

from mynah.errors import ModelError
from mynah.models.flatbuffer import Table

_IDENTIFIER = b"TFL3"
_VERSION = 3
_LEAST_SCALE = 1e-9

TENSOR_TYPES = {
    0: "FLOAT32", 1: "FLOAT16", 2: "INT32", 3: "UINT8", 4: "INT64", 5: "STRING", 6: "BOOL",
    7: "INT16", 8: "COMPLEX64", 9: "INT8", 10: "FLOAT64", 13: "RESOURCE", 14: "VARIANT",
    15: "UINT32", 16: "UINT16", 17: "INT4",
}  # fmt: skip
"""``TensorType`` of the schema."""

OPERATORS = {
    0: "ADD", 1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D",
    6: "DEQUANTIZE", 9: "FULLY_CONNECTED", 14: "LOGISTIC", 17: "MAX_POOL_2D", 18: "MUL",
    19: "RELU", 21: "RELU6", 22: "RESHAPE", 25: "SOFTMAX", 27: "SVDF", 28: "TANH", 32: "CUSTOM",
    34: "PAD", 40: "MEAN", 41: "SUB", 43: "SQUEEZE", 44: "UNIDIRECTIONAL_SEQUENCE_LSTM",
    45: "STRIDED_SLICE", 49: "SPLIT", 65: "SLICE", 70: "EXPAND_DIMS", 74: "SUM", 82: "REDUCE_MAX",
    83: "PACK", 98: "LEAKY_RELU", 102: "SPLIT_V", 114: "QUANTIZE", 117: "HARD_SWISH",
    129: "CALL_ONCE", 142: "VAR_HANDLE", 143: "READ_VARIABLE", 144: "ASSIGN_VARIABLE",
}  # fmt: skip
"""``BuiltinOperator`` of the schema: what Mynah runs, and what it may have to refuse by name."""


@dataclass(frozen=True, slots=True)
class Quantisation:
    """How integers stand for reals: ``real = scale * (integer - zero_point)``."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int

    @property
    def scale(self) -> float:
        """The scale of a tensor that has only one."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a tensor that has only one."""
        return self.zero_points[0] if self.zero_points else 0


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; ``data`` is empty where it is computed at run time."""

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    data: bytes
    quantisation: Quantisation | None


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator; ``options`` is its table of options, if it has one."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None

    def option(self, field: int, kind: str = "b", default: int = 0) -> int:
        """An option by its field number in the schema."""
        return default if self.options is None else self.options.integer(field, kind, default)


@dataclass(frozen=True, slots=True)
class Subgraph:
    """One graph of operators in the order in which they run."""

    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]


def parse(data: bytes) -> list[Subgraph]:
    """The subgraphs of a ``.tflite`` file.

    Raises:
        ModelError: it is not such a file, or is cut short or corrupt.
    """
    if data[4:8] != _IDENTIFIER:
        raise ModelError("this is not a .tflite model (it lacks the mark TFL3)")
    model = Table.root(data)
    version = model.integer(0, "I")
    if version != _VERSION:
        raise ModelError(f"the .tflite schema is version {version}; Mynah reads {_VERSION}")
    codes = [_operator_name(code) for code in model.tables(1)]
    buffers = [buffer.blob(0) for buffer in model.tables(4)]
    return [_subgraph(graph, codes, buffers) for graph in model.tables(2)]


def _operator_name(code: Table) -> str:
    # The code outgrew one byte: field 3 is the wide one, field 0 the old one.
    number = max(code.integer(0, "b"), code.integer(3, "i"))
    return OPERATORS.get(number, f"number {number}")


def _subgraph(graph: Table, codes: list[str], buffers: list[bytes]) -> Subgraph:
    tables = graph.tables(0)
    tensors = tuple(_tensor(index, table, buffers) for index, table in enumerate(tables))
    operators = tuple(_operator(table, codes, len(tensors)) for table in graph.tables(3))
    inputs, outputs = graph.numbers(1, "i"), graph.numbers(2, "i")
    _check_indices((*inputs, *outputs), len(tensors))
    return Subgraph(tensors, inputs, outputs, operators)


def _tensor(index: int, table: Table, buffers: list[bytes]) -> Tensor:
    buffer = table.integer(2, "I")
    if buffer >= len(buffers):
        raise ModelError(f"the model file is corrupt: tensor {index} names buffer {buffer}")
    kind = table.integer(1, "b")
    return Tensor(
        index=index,
        name=table.text(3),
        type=TENSOR_TYPES.get(kind, f"type {kind}"),
        shape=table.numbers(0, "i"),
        data=buffers[buffer],
        quantisation=_quantisation(table.table(4)),
    )


def _quantisation(table: Table | None) -> Quantisation | None:
    if table is None:
        return None
    scales = table.floats(2)
    if not scales:
        return None
    if not all(_LEAST_SCALE < scale < 1 / _LEAST_SCALE for scale in scales):
        raise ModelError("the model file is corrupt: a tensor's scale is out of range")
    return Quantisation(scales, table.numbers(3, "q"), table.integer(6, "i"))


def _operator(table: Table, codes: list[str], n_tensors: int) -> Operator:
    code = table.integer(0, "I")
    if code >= len(codes):
        raise ModelError(f"the model file is corrupt: an operator has code {code}")
    inputs, outputs = table.numbers(1, "i"), table.numbers(2, "i")
    _check_indices((*inputs, *outputs), n_tensors)
    return Operator(codes[code], inputs, outputs, table.table(4))


def _check_indices(indices: tuple[int, ...], n_tensors: int) -> None:
    # -1 stands for an optional input that is left out.
    if any(not -1 <= index < n_tensors for index in indices):
        raise ModelError("the model file is corrupt: an operator names a tensor that is not there")
