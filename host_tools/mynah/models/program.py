"""The intermediate form between a ``.tflite`` graph and a ``.wake`` file.

Values live in an *arena* of bytes; an int8 value is kept as ``value + 128``, so that every load is
unsigned. A `View` is a tensor's place in one `Block` of the arena. Where a block starts is held in
a *slot* (a word at the start of the arena), because the window of a ring moves.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field, replace

from mynah.errors import ModelError

_MAX_TURNS = 256


class Op(enum.IntEnum):
    """The instructions of the run-time; ``firmware/speaker/wake/model.py`` has the same numbers."""

    MATVEC = 1
    DEPTHWISE = 2
    TABLE = 3
    APPEND = 4
    COPY = 5
    ADD = 6
    MUL = 7
    MEAN = 8
    LARGEST = 9


class Rounding(enum.IntEnum):
    """What the second step of a requantisation does with a tie.

    TFLite has two ways. A rounding shift rounds a tie up: CONV_2D, FULLY_CONNECTED, and the
    channels of DEPTHWISE_CONV_2D and of a MEAN over rows and columns that fill a vector (of 8 and
    of 16). ``RoundingDivideByPOT`` rounds it away from zero: ADD, MUL, QUANTIZE, other MEANs, and
    the channels beyond the last whole vector. Which does which was found by comparing operators,
    one by one, with the interpreter in pymicro-wakeword 2.5.
    """

    UP = 0
    AWAY_FROM_ZERO = 1


@dataclass(slots=True)
class Block:
    """A piece of the arena; a ring has a second slot, for its position.

    It starts as ``initial`` or, where that is empty, as ``fill`` in every byte.
    """

    slot: int
    size: int
    fill: int = 0
    position_slot: int = -1
    initial: bytes = b""


@dataclass(frozen=True, slots=True)
class View:
    """A tensor inside a block; ``offset`` and ``strides`` (one an axis) are in bytes."""

    block: Block
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def of(cls, block: Block, shape: tuple[int, ...], offset: int = 0) -> View:
        """A contiguous tensor."""
        strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
        return cls(block, offset, shape, tuple(strides))

    @property
    def size(self) -> int:
        """Bytes of payload."""
        return math.prod(self.shape)

    @property
    def contiguous(self) -> bool:
        """Whether the values follow each other without a gap."""
        return self.same_place(View.of(self.block, self.shape, self.offset))

    def same_place(self, other: View) -> bool:
        """Whether both name the same bytes in the same shape."""
        moves = [
            size == 1 or one == two
            for size, one, two in zip(self.shape, self.strides, other.strides, strict=True)
        ]
        same = self.block is other.block and self.offset == other.offset
        return same and self.shape == other.shape and all(moves)

    def cut(self, axis: int, start: int, stop: int, step: int = 1) -> View:
        """Every ``step``-th slice from ``start`` to before ``stop`` along an axis."""
        shape, strides = list(self.shape), list(self.strides)
        shape[axis] = len(range(start, stop, step))
        strides[axis] *= step
        offset = self.offset + start * self.strides[axis]
        return View(self.block, offset, tuple(shape), tuple(strides))

    def take(self, axis: int, index: int) -> View:
        """One slice along an axis, which is left out."""
        view = self.cut(axis, index, index + 1)
        shape = view.shape[:axis] + view.shape[axis + 1 :]
        return replace(view, shape=shape, strides=view.strides[:axis] + view.strides[axis + 1 :])

    def broadcast(self, shape: tuple[int, ...]) -> View:
        """The same bytes again and again along axes of size one, as NumPy does it."""
        missing = len(shape) - len(self.shape)
        sizes = (1,) * missing + self.shape
        strides = (0,) * missing + self.strides
        moves = [0 if size == 1 else stride for size, stride in zip(sizes, strides, strict=True)]
        return View(self.block, self.offset, shape, tuple(moves))


Loops = list[tuple[int, tuple[int, ...]]]
"""Nested loops, outermost first: how often, and the stride in each view."""


def loops(*views: View) -> Loops:
    """The fewest nested loops over views of one shape: ``(count, the stride in each view)``.

    Axes of size one vanish; neighbours that lie one behind the other in every view are merged.
    """
    nest: Loops = []
    for axis, count in enumerate(views[0].shape):
        strides = tuple(view.strides[axis] for view in views)
        if count == 1:
            continue
        merges = nest and nest[-1][1] == tuple(count * stride for stride in strides)
        n_outer = nest.pop()[0] if merges else 1
        nest.append((n_outer * count, strides))
    return nest


def turns(nest: Loops, *views: View) -> list[tuple[int, ...]]:
    """Where each view is in every turn of nested loops: one instruction each.

    Raises:
        ModelError: there are too many.
    """
    places = [tuple(view.offset for view in views)]
    for count, strides in nest:
        places = [
            tuple(at + i * stride for at, stride in zip(place, strides, strict=True))
            for place in places
            for i in range(count)
        ]
    if len(places) > _MAX_TURNS:
        raise ModelError("the model's values lie scattered in a way that Mynah does not run")
    return places


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

    def add_tensor(self, shape: tuple[int, ...], *, fill: int = 0) -> View:
        """Reserve a block for a tensor."""
        return View.of(self.add_block(math.prod(shape), fill=fill), shape)
