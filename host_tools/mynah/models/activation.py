"""Fused activations: which there are, and the range that each leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mynah.errors import ModelError

if TYPE_CHECKING:
    from mynah.models.context import Context
    from mynah.models.tflite import Operator

_NAMES = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6", 4: "TANH", 5: "SIGN_BIT"}
_REALS: dict[int, tuple[float | None, float | None]] = {
    0: (None, None), 1: (0.0, None), 2: (-1.0, 1.0), 3: (0.0, 6.0),
}  # fmt: skip


def refuse_activation(operator: Operator, activation: int) -> None:
    """Refuse a fused activation where TFLite knows none.

    Raises:
        ModelError: there is one; it is named.
    """
    if activation:
        name = _NAMES.get(activation, str(activation))
        raise ModelError(f"{operator.name} with the activation {name} is not supported")


def output_range(context: Context, operator: Operator, activation: int) -> tuple[int, int]:
    """The least and the largest (biased) byte of a result, as ``CalculateActivationRange`` has it.

    Raises:
        ModelError: another activation than none, RELU, RELU_N1_TO_1, RELU6; it is named.
    """
    if activation not in _REALS:
        refuse_activation(operator, activation)
    out = operator.outputs[0]
    zero, scale = context.biased_zero(out), context.scale(out)
    low, high = _REALS[activation]
    least = 0 if low is None else max(0, zero + _round(low / scale))
    most = 255 if high is None else min(255, zero + _round(high / scale))
    return min(least, 255), max(most, 0)


def _round(value: float) -> int:
    """To the nearest, a tie away from zero, as ``std::round``."""
    return int(value + 0.5) if value >= 0 else -int(0.5 - value)
