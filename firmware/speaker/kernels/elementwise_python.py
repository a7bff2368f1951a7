"""Kernels of the less common model operators in plain Python: what the native ones mean."""

# As in model_python. Where an input is broadcast, its pitch or step is zero.

from struct import unpack_from

from speaker.kernels.model_python import _requantise, _slot
from speaker.util.hints import Any


def add(blob: Any, arena: Any, at: int) -> None:
    """ADD: a table gives what each term stands for; the sum is rescaled."""
    (slot, offset, pitch, step, other_slot, other_offset, other_pitch, other_step,
     out_slot, out_offset, out_pitch, n_rows, n_channels, zero, least, most, multiplier, shift,
     terms, other_terms) = unpack_from("<20i", blob, at + 8)  # fmt: skip
    x = _slot(arena, slot) + offset
    z = _slot(arena, other_slot) + other_offset
    y = _slot(arena, out_slot) + out_offset
    for _ in range(n_rows):
        for i in range(n_channels):
            (v,) = unpack_from("<i", blob, terms + 4 * arena[x + i * step])
            v += unpack_from("<i", blob, other_terms + 4 * arena[z + i * other_step])[0]
            v = _requantise(v, multiplier, shift) + zero
            arena[y + i] = min(most, max(least, v))
        x += pitch
        z += other_pitch
        y += out_pitch


def mul(blob: Any, arena: Any, at: int) -> None:
    """MUL: the product, rescaled."""
    (slot, offset, pitch, step, other_slot, other_offset, other_pitch, other_step,
     out_slot, out_offset, out_pitch, n_rows, n_channels, zero, least, most, multiplier, shift,
     zero_in, other_zero) = unpack_from("<20i", blob, at + 8)  # fmt: skip
    x = _slot(arena, slot) + offset
    z = _slot(arena, other_slot) + other_offset
    y = _slot(arena, out_slot) + out_offset
    for _ in range(n_rows):
        for i in range(n_channels):
            v = (arena[x + i * step] - zero_in) * (arena[z + i * other_step] - other_zero)
            v = _requantise(v, multiplier, shift) + zero
            arena[y + i] = min(most, max(least, v))
        x += pitch
        z += other_pitch
        y += out_pitch


def mean(blob: Any, arena: Any, at: int) -> None:
    """MEAN and AVERAGE_POOL_2D: a sum less its zero, rescaled; a multiplier of 0 divides it."""
    (slot, offset, pitch, step, outer, inner, out_slot, out_offset, out_pitch, out_step,
     n_rows, n_channels, n_outer, n_inner, zero_sum, zero, least, most, multiplier, shift
     ) = unpack_from("<20i", blob, at + 8)  # fmt: skip
    x = _slot(arena, slot) + offset
    y = _slot(arena, out_slot) + out_offset
    count = n_outer * n_inner
    for _ in range(n_rows):
        for c in range(n_channels):
            v = -zero_sum
            for o in range(n_outer):
                for i in range(n_inner):
                    v += arena[x + c * step + o * outer + i * inner]
            if multiplier:
                v = _requantise(v, multiplier, shift)
            elif v < 0:
                v = -((count // 2 - v) // count)
            else:
                v = (v + count // 2) // count
            arena[y + c * out_step] = min(most, max(least, v + zero))
        x += pitch
        y += out_pitch


def largest(blob: Any, arena: Any, at: int) -> None:
    """MAX_POOL_2D; the operands are those of ``mean``."""
    (slot, offset, pitch, step, outer, inner, out_slot, out_offset, out_pitch, out_step,
     n_rows, n_channels, n_outer, n_inner, _, _, least, most) = unpack_from(
        "<18i", blob, at + 8
    )  # fmt: skip
    x = _slot(arena, slot) + offset
    y = _slot(arena, out_slot) + out_offset
    for _ in range(n_rows):
        for c in range(n_channels):
            v = least
            for o in range(n_outer):
                for i in range(n_inner):
                    v = max(v, arena[x + c * step + o * outer + i * inner])
            arena[y + c * out_step] = min(most, v)
        x += pitch
        y += out_pitch
