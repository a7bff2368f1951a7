"""What stands around code under test: an ELF, a start-up, the run time that viper calls."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mynah.xtensa.assembler import Assembler
from mynah.xtensa.isa import Register

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE = 0x00100000
"""Where the segment is loaded: small integers of MicroPython can hold its addresses."""

NONE = 0x00000042
"""What stands for the object None."""

WRONG_COUNT = 113
"""The exit code that stands for the exception."""

KEPT = (0x11223344, 0x22334455, 0x33445566, 0x44556677, 0x55667788)
"""Values in a2 to a6 across a call, which the windowed ABI leaves to the caller."""

RECORD_WORDS = 1 + len(KEPT)
"""Words that a call leaves behind: its result, and what it found in a2 to a6 afterwards."""

# py/nativeglue.h, mp_fun_table_t
_N_ENTRIES, _FROM_OBJ, _TO_OBJ, _CHECK_ARGUMENTS = 50, 3, 4, 44
_WRITE, _EXIT = 13, 118
_EM_XTENSA = 94
_A = [Register(i) for i in range(16)]


def runtime() -> tuple[bytes, dict[str, int]]:
    """Code of the run-time functions, and where each is.

    An object is a small int (lowest bit set), or the address of a word that holds a buffer's.
    A wrong number of arguments ends the program with `WRONG_COUNT`.
    """
    asm = Assembler()
    asm.subroutine("from_obj")
    asm.emit("entry", _A[1], 32)
    asm.emit("bbsi", _A[2], 0, ".small")
    asm.emit("l32i", _A[2], _A[2], 0)
    asm.emit("retw")
    asm.label(".small")
    asm.emit("srai", _A[2], _A[2], 1)
    asm.emit("retw")
    asm.subroutine("to_obj")
    asm.emit("entry", _A[1], 32)
    asm.emit("slli", _A[2], _A[2], 1)
    asm.emit("addi", _A[2], _A[2], 1)
    asm.emit("retw")
    asm.subroutine("check")
    asm.emit("movi", _A[2], _EXIT)
    asm.emit("movi", _A[6], WRONG_COUNT)
    asm.emit("syscall")
    return asm.assemble()


def fun_table(runtime_at: int, labels: dict[str, int]) -> bytes:
    """MicroPython's table of run-time functions, as far as it is needed."""
    table = [NONE] * _N_ENTRIES
    for index, name in ((_FROM_OBJ, "from_obj"), (_TO_OBJ, "to_obj"), (_CHECK_ARGUMENTS, "check")):
        table[index] = runtime_at + labels[name]
    return struct.pack(f"<{_N_ENTRIES}I", *table)


def startup(
    stack_top: int, calls: Sequence[tuple[int, Sequence[int]]], records: int, size: int
) -> bytes:
    """Code that makes calls ``(address, arguments)``, writes the first ``size`` bytes, and ends."""
    asm = Assembler()
    # A window overflow looks below the stack pointer for the caller's, to spill a4 to a7 there.
    asm.literal(_A[9], stack_top)
    asm.literal(_A[1], stack_top - 64)
    asm.emit("addi", _A[8], _A[1], -12)
    asm.emit("s32i", _A[9], _A[8], 0)
    for i, (address, arguments) in enumerate(calls):
        for j, value in enumerate(KEPT):
            asm.literal(_A[2 + j], value)
        for j, value in enumerate(arguments):
            asm.literal(_A[10 + j], value)
        asm.literal(_A[8], address)
        asm.emit("callx8", _A[8])
        asm.literal(_A[9], records + 4 * RECORD_WORDS * i)
        asm.emit("s32i", _A[10], _A[9], 0)
        for j in range(len(KEPT)):
            asm.emit("s32i", _A[2 + j], _A[9], 4 + 4 * j)
    for register, value in ((2, _WRITE), (6, 1), (3, BASE), (4, size)):
        asm.literal(_A[register], value)
    asm.emit("syscall")
    asm.emit("movi", _A[2], _EXIT)
    asm.emit("movi", _A[6], 0)
    asm.emit("syscall")
    return asm.assemble()[0]


def elf(segment: bytes, entry: int) -> bytes:
    """A static executable with one segment at `BASE` that can be read, written and executed."""
    offset = 0x1000
    identity = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
    header = identity + struct.pack(
        "<HHIIIIIHHHHHH", 2, _EM_XTENSA, 1, entry, 52, 0, 0x300, 52, 32, 1, 0, 0, 0
    )
    program = struct.pack("<8I", 1, offset, BASE, BASE, len(segment), len(segment), 7, 0x1000)
    return (header + program).ljust(offset, b"\0") + segment
