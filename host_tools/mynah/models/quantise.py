"""The arithmetic of quantisation, done once at compile time.

Sources: TensorFlow Lite ``quantization_util`` (``QuantizeMultiplier``), ``kernels/internal/common``
(``MultiplyByQuantizedMultiplier``), the int8 look-up table of LOGISTIC; ``pymicro_wakeword``'s
quantisation of the features.
"""

from __future__ import annotations

import math

from mynah.errors import ModelError

FEATURE_SCALE = 0.0390625
"""What one step of the front end's 16-bit output stands for when models are trained."""

ACCUMULATOR_LIMIT = 1 << 28
"""The kernels split a product of an accumulator and a 31-bit multiplier into 32-bit pieces."""

_FEATURE_MAX = 1 << 10


def multiplier(real: float) -> tuple[int, int]:
    """A positive real as ``(mantissa, shift)``: ``real = mantissa / 2**31 * 2**-shift``.

    The mantissa has 31 bits, as ``QuantizeMultiplier`` makes it; ``shift`` to the right.
    """
    fraction, exponent = math.frexp(real)
    mantissa = math.floor(fraction * (1 << 31) + 0.5)
    if mantissa == 1 << 31:
        mantissa //= 2
        exponent += 1
    if exponent < -31:
        return 0, 0
    return mantissa, -exponent


def feature_formula(scale: float, zero_point: int) -> tuple[int, int, int]:
    """``(multiplier, shift, largest)`` so that integers alone quantise a feature.

    ``min(feature, largest) * multiplier + half >> shift``, clamped to 255, is the model's int8
    input plus 128: equal to ``round(feature * FEATURE_SCALE / scale + zero_point)`` for every
    feature. The product fits 31 bits.

    Raises:
        ModelError: no such formula exists for these parameters.
    """
    if zero_point != -128:
        raise ModelError(f"the input's zero point is {zero_point}; Mynah runs models with -128")
    wanted = [min(255, round(feature * FEATURE_SCALE / scale)) for feature in range(_FEATURE_MAX)]
    if wanted[-1] < 255:
        raise ModelError(f"the input's scale {scale:.6g} does not suit the front end's features")
    largest = wanted.index(255)
    for shift in range(22, 8, -1):
        factor = round(FEATURE_SCALE / scale * (1 << shift))
        half = 1 << (shift - 1)
        if factor * largest + half < 1 << 31 and all(
            (feature * factor + half) >> shift == wanted[feature] for feature in range(largest + 1)
        ):
            return factor, shift, largest
    raise ModelError(f"the input's scale {scale:.6g} cannot be applied exactly with 32-bit numbers")


def logistic_table(
    in_scale: float, in_zero_point: int, out_scale: float, out_zero_point: int
) -> bytes:
    """256 bytes: the biased int8 output of LOGISTIC for every biased int8 input."""
    table = bytearray()
    for biased in range(256):
        real = (biased - 128 - in_zero_point) * in_scale
        value = math.floor(1 / (1 + math.exp(-real)) / out_scale + 0.5) + out_zero_point
        table.append(min(255, max(0, value + 128)))
    return bytes(table)


def rescale_table(
    in_scale: float, in_zero_point: int, out_scale: float, out_zero_point: int
) -> bytes:
    """256 bytes: the same real value under other parameters (QUANTIZE); zero points are biased."""
    mantissa, shift = multiplier(in_scale / out_scale)
    table = bytearray()
    for biased in range(256):
        value = requantise(biased - in_zero_point, mantissa, shift) + out_zero_point
        table.append(min(255, max(0, value)))
    return bytes(table)


def requantise(accumulator: int, mantissa: int, shift: int) -> int:
    """``MultiplyByQuantizedMultiplier``: two roundings, the second away from zero on a tie."""
    left, right = max(-shift, 0), max(shift, 0)
    high = ((accumulator << left) * mantissa + (1 << 30)) >> 31
    if not right:
        return high
    return (high + (1 << (right - 1)) - (1 if high < 0 else 0)) >> right
