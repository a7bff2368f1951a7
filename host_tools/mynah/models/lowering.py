"""Turn a streaming ``.tflite`` graph into a `Program`: one handler an operator."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from mynah.errors import ModelError
from mynah.models import lower_arithmetic, lower_elementwise, lower_pool, lower_views
from mynah.models.context import Context
from mynah.models.lower_state import States
from mynah.models.tflite import Operator, Subgraph

if TYPE_CHECKING:
    from mynah.models.program import Program

Handler = Callable[[Operator], None]

_N_FEATURES = 40
_MAX_ROWS = 64

_ARITY = {
    "CALL_ONCE": (0, 0), "VAR_HANDLE": (0, 1), "READ_VARIABLE": (1, 1), "ASSIGN_VARIABLE": (2, 0),
    "CONCATENATION": (1, 1), "RESHAPE": (1, 1), "STRIDED_SLICE": (4, 1), "SPLIT_V": (3, 1),
    "CONV_2D": (2, 1), "DEPTHWISE_CONV_2D": (2, 1), "FULLY_CONNECTED": (2, 1), "LOGISTIC": (1, 1),
    "QUANTIZE": (1, 1), "ADD": (2, 1), "MUL": (2, 1), "MEAN": (2, 1), "PAD": (2, 1),
    "PACK": (1, 1), "AVERAGE_POOL_2D": (1, 1), "MAX_POOL_2D": (1, 1),
}  # fmt: skip
"""Inputs and outputs that an operator must have at least."""


def lower(subgraphs: list[Subgraph]) -> Program:
    """The program of a model.

    Raises:
        ModelError: an operator, a type or a shape that Mynah does not run; it is named.
    """
    context = lower_graph(subgraphs)
    _close_output(context)
    return context.program


def lower_graph(subgraphs: list[Subgraph]) -> Context:
    """The same for a graph whose output may be any tensor; the context knows where each one is."""
    if not subgraphs:
        raise ModelError("the model file holds no graph")
    context = Context(subgraphs)
    states = States(context)
    handlers = _handlers(context, states)
    _open_input(context)
    for operator in context.graph.operators:
        if operator.name not in handlers:
            raise ModelError(
                f"operator {operator.name} is not supported; Mynah runs {', '.join(handlers)}"
            )
        _check_arity(operator)
        handlers[operator.name](operator)
    states.check_complete()
    return context


def _handlers(context: Context, states: States) -> dict[str, Handler]:
    return {
        "CALL_ONCE": states.call_once,
        "VAR_HANDLE": states.var_handle,
        "READ_VARIABLE": states.read_variable,
        "ASSIGN_VARIABLE": states.assign_variable,
        "CONCATENATION": partial(_concatenation, context, states),
        "RESHAPE": partial(lower_views.reshape, context),
        "STRIDED_SLICE": partial(_strided_slice, context, states),
        "SPLIT_V": partial(lower_views.split_v, context),
        "CONV_2D": partial(lower_arithmetic.conv_2d, context),
        "DEPTHWISE_CONV_2D": partial(lower_arithmetic.depthwise_conv_2d, context),
        "FULLY_CONNECTED": partial(lower_arithmetic.fully_connected, context),
        "LOGISTIC": partial(lower_elementwise.logistic, context),
        "QUANTIZE": partial(lower_elementwise.quantize, context),
        "ADD": partial(lower_elementwise.add, context),
        "MUL": partial(lower_elementwise.mul, context),
        "MEAN": partial(lower_pool.mean, context),
        "AVERAGE_POOL_2D": partial(lower_pool.pool_2d, context),
        "MAX_POOL_2D": partial(lower_pool.pool_2d, context),
        "PAD": partial(lower_views.pad, context),
        "PACK": partial(lower_views.pack, context),
    }


def _check_arity(operator: Operator) -> None:
    n_inputs, n_outputs = _ARITY[operator.name]
    given = operator.inputs[:n_inputs]
    if len(given) < n_inputs or -1 in given or len(operator.outputs) < n_outputs:
        raise ModelError(f"the model file is corrupt: {operator.name} lacks an input or an output")


def _concatenation(context: Context, states: States, operator: Operator) -> None:
    """New rows after a state, or tensors side by side."""
    if operator.inputs[0] in states.by_tensor:
        states.append(operator)
    else:
        lower_views.concatenation(context, operator)


def _strided_slice(context: Context, states: States, operator: Operator) -> None:
    """A part of a state's rows, or of a tensor."""
    if operator.inputs[0] in states.by_tensor:
        states.drop_rows(operator)
    else:
        lower_views.strided_slice(context, operator)


def _open_input(context: Context) -> None:
    graph = context.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelError("a wake-word model has one input and one output")
    tensor = context.tensor(graph.inputs[0], "the input")
    if len(tensor.shape) != 3 or tensor.shape[0] != 1 or not 1 <= tensor.shape[1] <= _MAX_ROWS:
        raise ModelError(f"the input has shape {list(tensor.shape)}; Mynah runs [1, rows, 40]")
    if tensor.shape[2] != _N_FEATURES:
        raise ModelError(
            f"the input has {tensor.shape[2]} features a row; the front end makes {_N_FEATURES}"
        )
    view = context.program.add_tensor(tensor.shape)
    context.views[tensor.index] = context.program.input = view


def _close_output(context: Context) -> None:
    tensor = context.graph.tensors[context.graph.outputs[0]]
    view = context.view(tensor.index)
    if tensor.type != "UINT8" or view.size != 1:
        raise ModelError(
            f"the output is {tensor.type} {list(tensor.shape)}; Mynah runs UINT8 [1, 1]"
        )
    context.program.output = view
