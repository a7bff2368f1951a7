"""ChaCha20 and Poly1305 (RFC 8439) in plain Python: what the kernels mean, and the fallback."""

from micropython import const

from speaker.util.hints import Any

CIPHER = const(64)
"""Bytes of a cipher's state: the constant, key, block counter and nonce of RFC 8439, 2.3."""

MAC = const(80)
"""Bytes of a MAC's state."""

_WORD = 0xFFFFFFFF
_P = 2**130 - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
# Columns, then diagonals.
_QUARTERS = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)


def crypt(state: Any, data: Any, at: int, n: int) -> None:
    """Encrypt or decrypt `n` bytes of `data` from `at` on; the counter goes on by whole blocks."""
    for start in range(at, at + n, 64):
        stream = _block(state)
        for i in range(min(64, at + n - start)):
            data[start + i] ^= stream[i]


def mac_start(state: Any, key: Any) -> None:
    """Take a one-time key of 32 bytes."""
    r = int.from_bytes(bytes(key[:16]), "little") & _CLAMP
    _put(state, 0, r)
    _put(state, 24, 0)
    state[48:64] = key[16:32]


def mac_update(state: Any, data: Any, at: int, n: int, pad: int) -> None:
    """Take `n` bytes of `data` from `at` on.

    What is left over from blocks of 16 ends the message; or, with `pad`, zeros fill its block.
    """
    r, h = _get(state, 0), _get(state, 24)
    for start in range(at, at + n, 16):
        size = min(16, at + n - start)
        block = int.from_bytes(bytes(data[start : start + size]), "little")
        h = (h + block + (1 << 8 * (16 if pad else size))) * r % _P
    _put(state, 24, h)


def mac_finish(state: Any, tag: Any) -> None:
    """Write the tag, 16 bytes."""
    s = int.from_bytes(bytes(state[48:64]), "little")
    tag[:16] = (_get(state, 24) + s & 2**128 - 1).to_bytes(16, "little")


def _block(state: Any) -> bytes:
    words = [int.from_bytes(bytes(state[i : i + 4]), "little") for i in range(0, 64, 4)]
    x = list(words)
    for _ in range(10):
        for a, b, c, d in _QUARTERS:
            x[a] = x[a] + x[b] & _WORD
            x[d] = _rotated(x[d] ^ x[a], 16)
            x[c] = x[c] + x[d] & _WORD
            x[b] = _rotated(x[b] ^ x[c], 12)
            x[a] = x[a] + x[b] & _WORD
            x[d] = _rotated(x[d] ^ x[a], 8)
            x[c] = x[c] + x[d] & _WORD
            x[b] = _rotated(x[b] ^ x[c], 7)
    state[48:52] = (words[12] + 1 & _WORD).to_bytes(4, "little")
    return b"".join([(x[i] + words[i] & _WORD).to_bytes(4, "little") for i in range(16)])


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> 32 - bits) & _WORD


def _get(state: Any, at: int) -> int:
    return int.from_bytes(bytes(state[at : at + 24]), "little")


def _put(state: Any, at: int, number: int) -> None:
    state[at : at + 24] = number.to_bytes(24, "little")
