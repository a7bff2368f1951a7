"""A compiled wake-word model (``.wake`` file): load, check, run."""

import json
import os
from binascii import crc32
from struct import unpack_from

from micropython import const

from speaker.kernels import frontend as feature_kernels
from speaker.kernels import model as kernels
from speaker.util.files import open_file
from speaker.util.hints import Any

_HEADER = const(80)
_VERSION = const(1)


class Model:
    """``push`` rows of features; every ``stride``-th makes a new ``probability``, 0 to 255."""

    def __init__(self, path: str) -> None:
        """Load a file; OSError if there is none, ValueError if it is no whole ``.wake`` file."""
        self._blob = blob = _read(path)
        (manifest, manifest_size, arena_size, self._n_slots, self._slots, self._fills,
         self._n_fills, program, n_instructions, self._input, self.stride, self._channels,
         self._output, self._multiplier, self._shift, self._largest) = unpack_from(
            "<16I", blob, 16
        )  # fmt: skip
        about = json.loads(bytes(blob[manifest : manifest + manifest_size]))
        self.wake_word = about["wake_word"]
        self.cutoff = about["cutoff"]
        self.window = about["window"]
        self.kind = about.get("kind", "wake")
        self._program = _decode(blob, program, n_instructions, path)
        self._arena = bytearray(arena_size + kernels.SCRATCH)
        self.reset()

    @property
    def size(self) -> int:
        """Bytes in use: the file and its arena."""
        return len(self._blob) + len(self._arena)

    def reset(self) -> None:
        """Back to the state before the first row."""
        blob, arena = self._blob, self._arena
        for i in range(len(arena)):
            arena[i] = 0
        for i in range(4 * self._n_slots):
            arena[i] = blob[self._slots + i]
        for i in range(self._n_fills):
            at, size, value = unpack_from("<3I", blob, self._fills + 12 * i)
            for j in range(at, at + size):
                arena[j] = value
        self._row = 0
        self.probability = 0

    def push(self, features: Any) -> bool:
        """Take a row of features; return whether it made a new probability."""
        feature_kernels.quantise(
            features,
            self._multiplier,
            self._shift,
            self._largest,
            self._arena,
            self._input + self._row * self._channels,
        )
        self._row += 1
        if self._row < self.stride:
            return False
        self._row = 0
        self.run()
        self.probability = self._arena[self._output]
        return True

    def run(self) -> None:
        """One inference over the rows that lie in the arena."""
        blob, arena = self._blob, self._arena
        for kernel, at, count in self._program:
            if count:
                kernel(blob, arena, at, count)
            else:
                kernel(blob, arena, at)


def _read(path: str) -> bytearray:
    """The file's bytes, once magic, version, length and checksum are right."""
    size = os.stat(path)[6]
    blob = bytearray(size)
    with open_file(path, "rb") as file:
        n_read = file.readinto(blob)
    if n_read != size or size < _HEADER or blob[:4] != b"MYNW":
        raise ValueError(path + ": not a wake-word model")
    version, length, crc = unpack_from("<3I", blob, 4)
    if version != _VERSION:
        raise ValueError("{}: version {}, this firmware runs {}".format(path, version, _VERSION))
    if length != size or crc != crc32(memoryview(blob)[16:]):
        raise ValueError(path + ": corrupt model (length or checksum)")
    return blob


def _decode(blob: Any, at: int, count: int, path: str) -> list[tuple[Any, int, int]]:
    """The program as (kernel, place of its operands, 0), so that running it is one loop.

    Instructions that ``kernels.RUN`` runs in one call are (RUN, place of the first, their number).
    """
    program: list[tuple[Any, int, int]] = []
    for _ in range(count):
        code, n_words = unpack_from("<2i", blob, at)
        kernel = kernels.of(code)
        if kernel is None:
            raise ValueError("{}: instruction {} is unknown".format(path, code))
        if kernel is not kernels.RUN:
            program.append((kernel, at, 0))
        elif program and program[-1][0] is kernel:
            program[-1] = (kernel, program[-1][1], program[-1][2] + 1)
        else:
            program.append((kernel, at, 1))
        at += 4 * n_words
    return program
