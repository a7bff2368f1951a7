"""Instructions and labels in, machine code out."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from mynah.xtensa.isa import INSTRUCTIONS, AssemblyError, Branch, Encoder, Register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_SIZE = 3


@dataclass(slots=True)
class Assembler:
    """One piece of code, which starts at a multiple of four bytes.

    Every name of `mynah.xtensa.isa` is an instruction in `names`, which appends itself to the code.
    Labels are words; those that start with a dot belong to the subroutine they stand in.
    """

    subroutines: list[str] = field(default_factory=list)

    _items: list[tuple[int, int | Branch, str]] = field(default_factory=list)
    _labels: dict[str, int] = field(default_factory=dict)
    _literals: dict[int, str] = field(default_factory=dict)
    _size: int = 0
    _scope: str = ""
    _n_loops: int = 0

    def label(self, name: str) -> None:
        """Name this place."""
        name = self._full(name)
        if name in self._labels:
            raise AssemblyError(f"the label {name} is there twice")
        self._labels[name] = self._size

    def subroutine(self, name: str) -> None:
        """Start code that ``call8(name)`` can call: aligned, with its own dotted labels."""
        self._size += -self._size % 4
        self._scope = name
        self._labels[name] = self._size
        self.subroutines.append(name)

    @contextmanager
    def repeat(self, count: Register) -> Iterator[None]:
        """Run the body of a ``with`` count times, without a branch: the processor's own loop.

        No branch may lead to the body's end: it would leave the loop.
        """
        self._n_loops += 1
        end = f"{self._scope}.loop{self._n_loops}"
        self.emit("loopnez", count, end)
        yield
        self._labels[end] = self._size

    def convolve(
        self,
        k: int,
        size: int,
        pointer: Register,
        factors: Sequence[Register],
        held: tuple[int, Register],
    ) -> tuple[int, Register]:
        """Add to MAC16's sum the products of two numbers' 16-bit limbs whose indices make ``k``.

        One number is in memory, the other in registers, two limbs in a word. Words are loaded by
        the products themselves, up or down from the one that is there; so columns that follow each
        other need no loads of their own.

        Args:
            k: the column.
            size: limbs of a number.
            pointer: where in memory the word is that was loaded last.
            factors: the registers.
            held: index of that word, and whether it is in m0 or in m1.

        Returns:
            What ``held`` is afterwards.
        """
        word, m = held
        indices = list(range(max(0, k - size + 1), min(k, size - 1) + 1))
        if indices[0] >> 1 != word:
            indices.reverse()
        for i, following in zip(indices, [*indices[1:], indices[-1]], strict=True):
            product = f"mula_da_{'lh'[i & 1]}{'lh'[k - i & 1]}"
            factor = factors[k - i >> 1]
            if following >> 1 == i >> 1:
                self.emit(product, m, factor)
            else:
                other = Register(1 - m, "m")
                load = "ldinc" if following > i else "lddec"
                self.emit(f"{product}_{load}", other, pointer, m, factor)
                m = other
        return indices[-1] >> 1, m

    def literal(self, register: Register, value: int) -> None:
        """Load any 32-bit value: by ``movi`` if it fits, else from the pool before the code."""
        value = (value & 0xFFFFFFFF ^ 1 << 31) - (1 << 31)
        if -2048 <= value <= 2047:
            self.emit("movi", register, value)
        else:
            name = self._literals.setdefault(value, f"literal {value}")
            self.emit("l32r", register, name)

    def emit(self, instruction: str, *operands: object) -> None:
        """Append one instruction."""
        encoder: Encoder = INSTRUCTIONS[instruction]
        try:
            word = encoder(*operands)
        except (AssemblyError, TypeError) as error:
            raise AssemblyError(f"{instruction}{operands}: {error}") from None
        if isinstance(word, Branch):
            word = Branch(word.encode, self._full(word.label), word.absolute_words)
        self._items.append((self._size, word, f"{instruction}{operands}"))
        self._size += _SIZE

    def names(self) -> dict[str, Callable[..., object]]:
        """What a source can call: instructions, and the methods above."""
        instructions = {name: partial(self.emit, name) for name in INSTRUCTIONS}
        own: dict[str, Callable[..., object]] = {
            "label": self.label, "subroutine": self.subroutine, "repeat": self.repeat,
            "literal": self.literal, "convolve": self.convolve,
        }  # fmt: skip
        return {**instructions, **own}

    def assemble(self) -> tuple[bytes, dict[str, int]]:
        """The code and where its labels are; the first instruction is at byte 0."""
        pool = self._pool()
        code = bytearray(pool) + bytes(self._size + -self._size % 4)
        places = {name: len(pool) + at for name, at in self._labels.items()}
        places |= {name: 4 + 4 * i for i, name in enumerate(self._literals.values())}
        for offset, item, text in self._items:
            at = len(pool) + offset
            word = item if isinstance(item, int) else self._resolve(item, at, places, text)
            code[at : at + _SIZE] = word.to_bytes(_SIZE, "little")
        return bytes(code), places

    def _pool(self) -> bytes:
        """A jump over the literals, and these; nothing where there are none."""
        if not self._literals:
            return b""
        words = struct.pack(f"<{len(self._literals)}i", *self._literals)
        jump = INSTRUCTIONS["j"]("over")
        assert isinstance(jump, Branch)
        return jump.encode(len(words)).to_bytes(4, "little") + words

    def _resolve(self, branch: Branch, at: int, places: dict[str, int], text: str) -> int:
        if branch.label not in places:
            raise AssemblyError(f"{text}: there is no label {branch.label}")
        to = places[branch.label]
        if branch.absolute_words:
            base = (at + _SIZE & ~3) if branch.label.startswith("literal ") else (at & ~3) + 4
            distance = (to - base) // 4
        else:
            distance = to - at - 4
        try:
            return branch.encode(distance)
        except AssemblyError as error:
            raise AssemblyError(f"{text}: {error}") from None

    def _full(self, name: str) -> str:
        return self._scope + name if name.startswith(".") else name
