"""X25519 in plain Python: what the kernels mean, and the fallback. Its time tells of the scalar."""

from micropython import const

from speaker.util.hints import Any

WORK = const(6 * 32)
"""Bytes of the state: scalar, x1, x2, z2, x3, z3; 32 little-endian bytes each."""

STEPS = const(8)
"""How many of the 255 steps one call may do without keeping others waiting."""

_P = 2**255 - 19
_A24 = const(121665)


def start(work: Any, scalar: Any, point: Any) -> None:
    """Take a private key and a u-coordinate, 32 bytes each (RFC 7748, section 5)."""
    work[:32] = scalar[:32]
    work[0] &= 248
    work[31] = work[31] & 127 | 64
    x1 = int.from_bytes(bytes(point), "little") & (2**255 - 1)
    _put(work, (x1 % _P, 1, 0, x1 % _P, 1))


def steps(work: Any, bit: int, count: int) -> None:
    """Do the ladder's steps for the scalar's bits `bit`, `bit` - 1, ...: `count` of them.

    The first is 254. Step -1, which stands alone and takes as long as 30, divides x2 by z2.
    """
    x1, x2, z2, x3, z3 = [
        int.from_bytes(bytes(work[i : i + 32]), "little") for i in range(32, WORK, 32)
    ]
    if bit < 0:
        x2 = x2 * pow(z2, _P - 2, _P) % _P
        count = 0
    for t in range(bit, bit - count, -1):
        swap = work[t >> 3] >> (t & 7) & 1
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a, c * b, a * a % _P, b * b % _P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % _P, x1 * ((da - cb) ** 2 % _P) % _P
        x2, z2 = aa * bb % _P, e * (aa + _A24 * e) % _P
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
    _put(work, (x1, x2, z2, x3, z3))


def pack(work: Any, out: Any) -> None:
    """Write the resulting u-coordinate, 32 bytes, after all steps."""
    out[:32] = work[64:96]


def _put(work: Any, numbers: tuple) -> None:
    for i, number in enumerate(numbers):
        work[32 * i + 32 : 32 * i + 64] = number.to_bytes(32, "little")
