"""The ``.wake`` file: one flat file that the board loads without copying or parsing much.

All numbers are little-endian; every section starts at a multiple of four bytes.

======  ====  =====================================================================
offset  size  meaning
======  ====  =====================================================================
0       4     magic ``MYNW``
4       4     version, 1
8       4     length of the file
12      4     CRC-32 (as zlib) of everything from byte 16 on
16      4     manifest: offset, then (20) length; UTF-8 JSON
24      4     arena: bytes, then (28) number of slots at its start
32      4     slots: offset of their initial words
36      4     fills: offset, then (40) number; each ``(arena offset, length, byte)``
44      4     program: offset, then (48) number of instructions
52      4     input: offset in the arena, (56) rows an inference, (60) channels
64      4     output: offset in the arena
68      4     features: multiplier, (72) shift, (76) largest feature
80            sections
======  ====  =====================================================================

An instruction is its code, its length in words (these two included) and its operands, in which
constants (weights, biases, multipliers, shifts, tables) are offsets in the file.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from mynah.errors import ModelError
from mynah.models.manifest import Manifest
from mynah.models.program import Block, Program, View

MAGIC = b"MYNW"
VERSION = 1
_HEADER = struct.Struct("<4s19I")


@dataclass(frozen=True, slots=True)
class Header:
    """The numbers at the start of a ``.wake`` file, in their order there."""

    version: int
    length: int
    crc: int
    manifest_at: int
    manifest_length: int
    arena_size: int
    n_slots: int
    slots_at: int
    fills_at: int
    n_fills: int
    program_at: int
    n_instructions: int
    input_at: int
    input_rows: int
    input_channels: int
    output_at: int
    feature_multiplier: int
    feature_shift: int
    feature_largest: int


def build(program: Program, manifest: Manifest, formula: tuple[int, int, int]) -> bytes:
    """Lay a program out; ``formula`` is that of `mynah.models.quantise.feature_formula`."""
    places, arena_size = _place_blocks(program)
    file = bytearray(_HEADER.size)

    def section(data: bytes) -> int:
        file.extend(bytes(-len(file) % 4))
        at = len(file)
        file.extend(data)
        return at

    text = json.dumps(manifest.to_json(), ensure_ascii=False, separators=(",", ":")).encode()
    manifest_at = section(text)
    slots = [0] * program.n_slots
    for block, place in zip(program.blocks, places, strict=True):
        slots[block.slot] = place
    slots_at = section(struct.pack(f"<{len(slots)}I", *slots))
    fills = [
        fill
        for block, place in zip(program.blocks, places, strict=True)
        for fill in _fills(block, place)
    ]
    fills_at = section(b"".join(struct.pack("<3I", *fill) for fill in fills))
    words: list[int] = []
    for instruction in program.instructions:
        constants = [section(data) for data in instruction.constants]
        operands = (*(_resolve(word, slots) for word in instruction.words), *constants)
        words += [instruction.op, 2 + len(operands), *operands]
    program_at = section(struct.pack(f"<{len(words)}i", *words))
    assert program.input is not None
    assert program.output is not None
    body = (
        manifest_at, len(text), arena_size, len(slots), slots_at, fills_at, len(fills),
        program_at, len(program.instructions),
        _at(program.input, slots), *program.input.shape[1:],
        _at(program.output, slots), *formula,
    )  # fmt: skip
    file.extend(bytes(-len(file) % 4))
    _HEADER.pack_into(file, 0, MAGIC, VERSION, len(file), 0, *body)
    struct.pack_into("<I", file, 12, zlib.crc32(file[16:]))
    return bytes(file)


def read(data: bytes) -> tuple[Header, Manifest]:
    """Check a ``.wake`` file and return what describes it.

    Raises:
        ModelError: wrong magic or version, cut short, or a bit is not as it was written.
    """
    if len(data) < _HEADER.size or data[:4] != MAGIC:
        raise ModelError("this is not a .wake model (it lacks the mark MYNW)")
    header = Header(*_HEADER.unpack_from(data)[1:])
    if header.version != VERSION:
        raise ModelError(f"the .wake file is version {header.version}; this Mynah reads {VERSION}")
    if header.length != len(data):
        raise ModelError(f"the .wake file has {len(data)} bytes and should have {header.length}")
    if header.crc != zlib.crc32(data[16:]):
        raise ModelError("the .wake file is corrupt: its checksum is wrong")
    text = data[header.manifest_at : header.manifest_at + header.manifest_length]
    return header, Manifest.from_json(json.loads(text))


def with_cutoff(data: bytes, cutoff: int) -> bytes:
    """The same ``.wake`` file with another cutoff (0..255) in its manifest."""
    return with_manifest(data, cutoff=cutoff)


def with_manifest(data: bytes, **changes: Any) -> bytes:
    """The same ``.wake`` file with other fields of `mynah.models.Manifest`."""
    _, manifest = read(data)
    text = json.dumps(
        replace(manifest, **changes).to_json(), ensure_ascii=False, separators=(",", ":")
    ).encode()
    file = bytearray(data)
    file.extend(bytes(-len(file) % 4))
    at = len(file)
    file.extend(text + bytes(-len(text) % 4))
    struct.pack_into("<I", file, 8, len(file))
    struct.pack_into("<2I", file, 16, at, len(text))
    struct.pack_into("<I", file, 12, zlib.crc32(file[16:]))
    return bytes(file)


def _place_blocks(program: Program) -> tuple[list[int], int]:
    """Where each block starts in the arena (behind the slots), and the arena's size."""
    at = 4 * program.n_slots
    places = []
    for block in program.blocks:
        places.append(at)
        at += -(-block.size // 4) * 4
    return places, at


def _fills(block: Block, place: int) -> list[tuple[int, int, int]]:
    """What the block holds at the start, as runs of equal bytes; zeros are there anyway."""
    if not block.initial:
        return [(place, block.size, block.fill)] if block.fill else []
    fills = []
    at = place
    for value, run in groupby(block.initial):
        length = len(list(run))
        if value:
            fills.append((at, length, value))
        at += length
    return fills


def _resolve(word: int | Block, slots: list[int]) -> int:
    return slots[word.slot] if isinstance(word, Block) else word


def _at(view: View, slots: list[int]) -> int:
    return slots[view.block.slot] + view.offset
