"""What a ``.wake`` file holds: its work, its memory, its instructions."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.models import wake_file
from mynah.models.program import Op

if TYPE_CHECKING:
    from mynah.models.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Inspection:
    """``macs`` are multiply-accumulates an inference; sizes are in bytes.

    ``stride`` counts rows of features, 10 ms each, from one inference to the next.
    """

    manifest: Manifest
    file_bytes: int
    arena_bytes: int
    stride: int
    macs: int
    instructions: dict[str, int]


def inspect(data: bytes) -> Inspection:
    """Look into a ``.wake`` file.

    Raises:
        ModelError: it is none, or is damaged.
    """
    header, manifest = wake_file.read(data)
    counts: Counter[str] = Counter()
    macs, at = 0, header.program_at
    for _ in range(header.n_instructions):
        code, n_words = struct.unpack_from("<2i", data, at)
        words = struct.unpack_from(f"<{n_words}i", data, at)
        counts[Op(code).name] += 1
        # Rows, length and outputs of a dot product; rows, taps and channels.
        if code == Op.MATVEC:
            macs += words[8] * words[9] * words[10]
        elif code == Op.DEPTHWISE:
            macs += words[9] * words[10] * words[11]
        at += 4 * n_words
    return Inspection(manifest, len(data), header.arena_size, header.input_rows, macs, dict(counts))
