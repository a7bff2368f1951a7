"""The frames of a feed: sound for a board's ring, over its serial console.

The protocol is told in ``firmware/speaker/app/feed.py``. Bytes in, bytes out.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mynah.audio_files import Samples

COMMAND = b"mynah feed\n"
FRAME_SAMPLES = 56
WINDOW = 2
"""Frames that may be on their way unacknowledged."""
N_SEQUENCES = 4

_START = 0x7E
_CTRL_C = 3
_ACKS = b"\x10\x12\x14\x16"
_NAK = 0x15
_CONTROLS = {*_ACKS, _NAK}


def frame(sequence: int, samples: Samples) -> bytes:
    """One frame; its number counts from 0, and no samples end the feed."""
    body = samples.astype("<i2").tobytes() + bytes([sequence % N_SEQUENCES])
    body += struct.pack("<I", zlib.crc32(body))
    head, stuffed = stuff(body)
    return bytes([_START, len(body), head]) + stuffed


def frames(samples: Samples) -> Iterator[bytes]:
    """All frames of a recording, and the one that ends the feed."""
    n_frames = -(-len(samples) // FRAME_SAMPLES)
    for number in range(n_frames + 1):
        first = number * FRAME_SAMPLES
        yield frame(number, samples[first : first + FRAME_SAMPLES])


def stuff(body: bytes) -> tuple[int, bytes]:
    """The bytes without a 3 in them, and the place of the first that was one (0: none)."""
    out = bytearray(body)
    head, at = 0, -1  # where the next one's place is to be written: the head, then each 3
    for place, byte in enumerate(body):
        if byte == _CTRL_C:
            if at < 0:
                head = _written(place + 1)
            else:
                out[at] = _written(place - at)
            at = place
    if at >= 0:
        out[at] = 0
    return head, bytes(out)


def _written(distance: int) -> int:
    return distance + 1 if distance >= _CTRL_C else distance


def split_answers(data: bytes) -> tuple[list[int | None], bytes]:
    """What the board sent, as answers and log text.

    An answer is the sequence number (0..3) of an acknowledged frame, or None for a NAK.
    """
    answers = [None if c == _NAK else _ACKS.index(c) for c in data if c in _CONTROLS]
    return answers, bytes(c for c in data if c not in _CONTROLS)
