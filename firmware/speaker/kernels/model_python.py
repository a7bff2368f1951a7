"""Model kernels in plain Python: what the native ones mean."""

# Each takes the model file, the arena and the place of its instruction in the file. The operands'
# order is that of host_tools/mynah/models/lowering.py; constants lie at offsets in the file.
# Values are unsigned bytes (int8 plus 128). The arena starts with 32-bit slots: where blocks are.

from struct import unpack_from

from speaker.util.hints import Any


def _requantise(v: int, multiplier: int, shift: int) -> int:
    """TFLite's MultiplyByQuantizedMultiplier.

    shift: to the right in its lowest byte, to the left in the next; bit 16 says that the second
    rounding takes a tie away from zero, not up.
    """
    v = (v << (shift >> 8 & 0xFF)) * multiplier + (1 << 30) >> 31
    right = shift & 0xFF
    if not right:
        return v
    if v < 0:
        v -= shift >> 16
    return v + (1 << right - 1) >> right


def _slot(arena: Any, index: int) -> int:
    (v,) = unpack_from("<I", arena, 4 * index)
    return int(v)


def matvec(blob: Any, arena: Any, at: int) -> None:
    """CONV_2D over rows and FULLY_CONNECTED: a dot product an output."""
    (slot, offset, step, out_slot, out_offset, out_pitch, n_rows, length, n_outputs, zero, least,
     weights, biases, multipliers, shifts) = unpack_from("<15i", blob, at + 8)  # fmt: skip
    x = _slot(arena, slot) + offset
    y = _slot(arena, out_slot) + out_offset
    for _ in range(n_rows):
        common = 0
        for i in range(x, x + length):
            common += arena[i]
        w = weights
        for o in range(n_outputs):
            v = unpack_from("<i", blob, biases + 4 * o)[0] - 128 * common
            for i in range(x, x + length):
                v += arena[i] * blob[w]
                w += 1
            multiplier = unpack_from("<i", blob, multipliers + 4 * o)[0]
            shift = unpack_from("<i", blob, shifts + 4 * o)[0]
            v = _requantise(v, multiplier, shift) + zero
            arena[y + o] = min(255, max(least, v))
        x += step
        y += out_pitch


def depthwise(blob: Any, arena: Any, at: int) -> None:
    """DEPTHWISE_CONV_2D over rows: a short dot product down each channel."""
    (slot, offset, pitch, step, out_slot, out_offset, out_pitch, n_rows, n_taps, n_channels, zero,
     least, weights, biases, multipliers, shifts) = unpack_from("<16i", blob, at + 8)  # fmt: skip
    x = _slot(arena, slot) + offset
    y = _slot(arena, out_slot) + out_offset
    for _ in range(n_rows):
        for c in range(n_channels):
            v = unpack_from("<i", blob, biases + 4 * c)[0]
            for t in range(n_taps):
                v += arena[x + t * pitch + c] * (blob[weights + t * n_channels + c] - 128)
            multiplier = unpack_from("<i", blob, multipliers + 4 * c)[0]
            shift = unpack_from("<i", blob, shifts + 4 * c)[0]
            v = _requantise(v, multiplier, shift) + zero
            arena[y + c] = min(255, max(least, v))
        x += step
        y += out_pitch


def table(blob: Any, arena: Any, at: int) -> None:
    """LOGISTIC and QUANTIZE: each byte through a table of 256."""
    slot, offset, out_slot, out_offset, count, entries = unpack_from("<6i", blob, at + 8)
    x = _slot(arena, slot) + offset
    y = _slot(arena, out_slot) + out_offset
    for i in range(count):
        arena[y + i] = blob[entries + arena[x + i]]


def append(blob: Any, arena: Any, at: int) -> None:
    """New rows into a ring, which holds each twice so that its window is contiguous."""
    slot, offset, size, ring_slot, ring, position_slot, ring_size, window_size = unpack_from(
        "<8i", blob, at + 8
    )
    x = _slot(arena, slot) + offset
    position = _slot(arena, position_slot)
    for i in range(size):
        v = arena[x + i]
        arena[ring + position + i] = v
        arena[ring + position + ring_size + i] = v
    position += size
    _set_slot(arena, ring_slot, ring + position + ring_size - window_size)
    _set_slot(arena, position_slot, position if position < ring_size else 0)


def copy(blob: Any, arena: Any, at: int) -> None:
    """Rows to another place."""
    slot, offset, pitch, out_slot, out_offset, out_pitch, n_rows, size = unpack_from(
        "<8i", blob, at + 8
    )
    x = _slot(arena, slot) + offset
    y = _slot(arena, out_slot) + out_offset
    for _ in range(n_rows):
        for i in range(size):
            arena[y + i] = arena[x + i]
        x += pitch
        y += out_pitch


def _set_slot(arena: Any, index: int, v: int) -> None:
    for i in range(4):
        arena[4 * index + i] = v >> 8 * i & 0xFF
