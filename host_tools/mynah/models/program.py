"""The intermediate form between a ``.tflite`` graph and a ``.wake`` file.

Values live in an *arena* of bytes; an int8 value is kept as ``value + 128``, so that every load is
unsigned. A `View` names rows of channels in one `Block` of the arena. Where a block starts is held
in a *slot* (a word at the start of the arena), because the window of a ring moves.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Op(enum.IntEnum):
    """The instructions of the run-time; ``firmware/speaker/wake/model.py`` has the same numbers."""

    MATVEC = 1
    DEPTHWISE = 2
    TABLE = 3
    APPEND = 4
    COPY = 5


class Rounding(enum.IntEnum):
    """What the second step of a requantisation does with a tie.

    TFLite has two ways. ``RoundingDivideByPOT`` rounds a tie away from zero: CONV_2D, and the last
    channels of DEPTHWISE_CONV_2D that do not fill a vector of eight. A rounding shift rounds it up:
    the other channels of DEPTHWISE_CONV_2D, and FULLY_CONNECTED. Which does which was found by
    comparing every layer of the shipped models with the interpreter in pymicro-wakeword 2.5.
    """

    UP = 0
    AWAY_FROM_ZERO = 1


@dataclass(slots=True)
class Block:
    """A piece of the arena; a ring has a second slot, for its position."""

    slot: int
    size: int
    fill: int = 0
    position_slot: int = -1


@dataclass(frozen=True, slots=True)
class View:
    """Rows of channels inside a block; ``offset`` and ``pitch`` (row to row) are in bytes."""

    block: Block
    offset: int
    pitch: int
    rows: int
    channels: int

    @property
    def contiguous(self) -> bool:
        """Whether the rows follow each other without a gap."""
        return self.rows == 1 or self.pitch == self.channels

    @property
    def size(self) -> int:
        """Bytes of payload."""
        return self.rows * self.channels


@dataclass(frozen=True, slots=True)
class Instruction:
    """One step: its operands (a `Block` stands for its place in the arena), then constants."""

    op: Op
    words: tuple[int | Block, ...]
    constants: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Program:
    """What the compiler makes of a graph, ready to be laid out in a file."""

    instructions: list[Instruction] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    n_slots: int = 0
    input: View | None = None
    output: View | None = None

    def add_block(self, size: int, *, fill: int = 0, ring: bool = False) -> Block:
        """Reserve a block with its slot (and, for a ring, the slot of its position)."""
        block = Block(self.n_slots, size, fill)
        self.n_slots += 1
        if ring:
            block.position_slot = self.n_slots
            self.n_slots += 1
        self.blocks.append(block)
        return block

    def add_rows(self, rows: int, channels: int) -> View:
        """Reserve a plain block and see it as rows of channels."""
        return View(self.add_block(rows * channels), 0, channels, rows, channels)
