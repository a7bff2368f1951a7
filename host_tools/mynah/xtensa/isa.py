"""How the ESP32-S3's instructions are encoded.

Source: Xtensa Instruction Set Architecture Reference Manual (Cadence), chapter 6 (instructions) and
appendix "Instruction formats". Names are the manual's, with ``_`` for ``.``; ``and_`` and ``or_``
where Python keeps the word to itself. The 16-bit forms are not here: they save space, not
instructions.

What the chip has: ESP-IDF, ``components/xtensa/esp32s3/include/xtensa/config/core-isa.h`` (loops,
MAC16, MUL32, DIV32, NSA, MINMAX); MAC16's registers are among those that a switch of tasks saves
(``tie.h`` there, ``XCHAL_NCP_SA_LIST``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.errors import MynahError

if TYPE_CHECKING:
    from typing_extensions import Self


class AssemblyError(MynahError):
    """A source that does not assemble: unknown label, operand out of range."""


class Register(int):
    """An address register, a0 to a15, or with ``bank`` "m" one of MAC16's m0 to m3."""

    bank: str

    def __new__(cls, number: int, bank: str = "a") -> Self:
        """Make register ``number`` of a bank."""
        register = super().__new__(cls, number)
        register.bank = bank
        return register

    def __repr__(self) -> str:
        return f"{self.bank}{int(self)}"


@dataclass(frozen=True, slots=True)
class Branch:
    """An instruction with a target: ``encode`` takes its distance from the program counter."""

    encode: Callable[[int], int]
    label: str
    absolute_words: bool = False
    """CALL8 and L32R count in words, from an aligned counter."""


Encoder = Callable[..., "int | Branch"]

BRANCH_CONSTANTS = (-1, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 32, 64, 128, 256)
UNSIGNED_BRANCH_CONSTANTS = (32768, 65536, *BRANCH_CONSTANTS[2:])
SPECIAL_REGISTERS = {"lbeg": 0, "lend": 1, "lcount": 2, "sar": 3, "acclo": 16, "acchi": 17,
                     "m0": 32, "m1": 33, "m2": 34, "m3": 35}  # fmt: skip


def _in_range(value: int, low: int, high: int, step: int = 1) -> int:
    if not low <= value <= high or value % step:
        raise AssemblyError(f"operand {value} is not in {low}..{high} in steps of {step}")
    return value


def _a(register: object) -> int:
    if not isinstance(register, Register) or register.bank != "a":
        raise AssemblyError(f"{register!r} is not an address register")
    return int(register)


def _m(register: object, low: int, high: int) -> int:
    if not isinstance(register, Register) or register.bank != "m":
        raise AssemblyError(f"{register!r} is not a MAC16 register")
    return _in_range(int(register), low, high)


def _word(op0: int, t: int, s: int, r: int, op1: int = 0, op2: int = 0) -> int:  # noqa: PLR0917
    return op2 << 20 | op1 << 16 | r << 12 | s << 8 | t << 4 | op0


def _three(op1: int, op2: int) -> Encoder:
    return lambda d, s, t: _word(0, _a(t), _a(s), _a(d), op1, op2)


def _two_t(op1: int, op2: int, s: int = 0) -> Encoder:
    return lambda d, t: _word(0, _a(t), s, _a(d), op1, op2)


def _memory(r: int, size: int) -> Encoder:
    def encode(t: Register, s: Register, offset: int) -> int:
        scaled = _in_range(offset, 0, 255 * size, size) // size
        return _word(2, _a(t), _a(s), r) | scaled << 16

    return encode


def _branch(r: int) -> Encoder:
    def encode(s: Register, t: Register, label: str) -> Branch:
        word = _word(7, _a(t), _a(s), r)
        return Branch(lambda d: word | (_in_range(d, -128, 127) & 0xFF) << 16, label)

    return encode


def _branch_bit(r: int) -> Encoder:
    def encode(s: Register, bit: int, label: str) -> Branch:
        _in_range(bit, 0, 31)
        word = _word(7, bit & 15, _a(s), r | bit >> 4)
        return Branch(lambda d: word | (_in_range(d, -128, 127) & 0xFF) << 16, label)

    return encode


def _branch_zero(m: int) -> Encoder:
    def encode(s: Register, label: str) -> Branch:
        word = 6 | 1 << 4 | m << 6 | _a(s) << 8
        return Branch(lambda d: word | (_in_range(d, -2048, 2047) & 0xFFF) << 12, label)

    return encode


def _branch_constant(n: int, m: int, constants: tuple[int, ...]) -> Encoder:
    def encode(s: Register, value: int, label: str) -> Branch:
        if value not in constants:
            raise AssemblyError(f"no branch compares with {value}")
        word = 6 | n << 4 | m << 6 | _a(s) << 8 | constants.index(value) << 12
        return Branch(lambda d: word | (_in_range(d, -128, 127) & 0xFF) << 16, label)

    return encode


def _loop(r: int) -> Encoder:
    def encode(s: Register, label: str) -> Branch:
        word = _word(6, 7, _a(s), r)
        return Branch(lambda d: word | _in_range(d, 0, 255) << 16, label)

    return encode


def _jump(label: str) -> Branch:
    return Branch(lambda d: 6 | (_in_range(d, -(1 << 17), (1 << 17) - 1) & 0x3FFFF) << 6, label)


def _call8(label: str) -> Branch:
    return Branch(lambda d: 0x25 | (d & 0x3FFFF) << 6, label, absolute_words=True)


def _l32r(t: Register, label: str) -> Branch:
    word = 1 | _a(t) << 4
    return Branch(lambda d: word | (_in_range(d, -65536, -1) & 0xFFFF) << 8, label, True)


def _slli(d: Register, s: Register, bits: int) -> int:
    left = 32 - _in_range(bits, 1, 31)
    return _word(0, left & 15, _a(s), _a(d), 1, left >> 4)


def _srai(d: Register, t: Register, bits: int) -> int:
    _in_range(bits, 0, 31)
    return _word(0, _a(t), bits & 15, _a(d), 1, 2 | bits >> 4)


def _srli(d: Register, t: Register, bits: int) -> int:
    return _word(0, _a(t), _in_range(bits, 0, 15), _a(d), 1, 4)


def _extui(d: Register, t: Register, shift: int, bits: int) -> int:
    _in_range(shift, 0, 31)
    return _word(0, _a(t), shift & 15, _a(d), 4 | shift >> 4, _in_range(bits, 1, 16) - 1)


def _ssai(bits: int) -> int:
    _in_range(bits, 0, 31)
    return _word(0, bits >> 4, bits & 15, 4, 0, 4)


def _movi(t: Register, value: int) -> int:
    _in_range(value, -2048, 2047)
    return _word(2, _a(t), value >> 8 & 15, 10) | (value & 0xFF) << 16


def _addi(t: Register, s: Register, value: int) -> int:
    return _word(2, _a(t), _a(s), 12) | (_in_range(value, -128, 127) & 0xFF) << 16


def _addmi(t: Register, s: Register, value: int) -> int:
    return _word(2, _a(t), _a(s), 13) | (_in_range(value, -32768, 32512, 256) >> 8 & 0xFF) << 16


def _sext(d: Register, s: Register, bit: int) -> int:
    return _word(0, _in_range(bit, 7, 22) - 7, _a(s), _a(d), 3, 2)


def _special(op2: int) -> Encoder:
    return lambda t, name: 3 << 16 | op2 << 20 | SPECIAL_REGISTERS[name] << 8 | _a(t) << 4


def _entry(s: Register, size: int) -> int:
    return 0x36 | _a(s) << 8 | _in_range(size, 16, 32760, 8) // 8 << 12


def _mac_aa(op1: int) -> Encoder:
    return lambda s, t: _word(4, _a(t), _a(s), 0, op1, 7)


def _mac_da_load(op1: int, op2: int = 4) -> Encoder:
    """MULA.DA.*.LDINC mw, as, mx, at: multiply mx by at; then as += 4 and mw is loaded from it.

    LDDEC (``op2`` 5) goes down.
    """

    def encode(w: Register, s: Register, x: Register, t: Register) -> int:
        return _word(4, _a(t), _a(s), _m(x, 0, 1) << 2 | _m(w, 0, 3), op1, op2)

    return encode


def _mac_da(op1: int) -> Encoder:
    return lambda x, t: _word(4, _a(t), 0, _m(x, 0, 1) << 2, op1, 6)


INSTRUCTIONS: dict[str, Encoder] = {
    "and_": _three(0, 1), "or_": _three(0, 2), "xor": _three(0, 3),
    "add": _three(0, 8), "addx2": _three(0, 9), "addx4": _three(0, 10), "addx8": _three(0, 11),
    "sub": _three(0, 12), "subx2": _three(0, 13), "subx4": _three(0, 14), "subx8": _three(0, 15),
    "neg": _two_t(0, 6), "abs": _two_t(0, 6, 1),
    "mov": lambda d, s: _word(0, _a(s), _a(s), _a(d), 0, 2),
    "nsau": lambda t, s: _word(0, _a(t), _a(s), 15, 0, 4),
    "ssr": lambda s: _word(0, 0, _a(s), 0, 0, 4), "ssl": lambda s: _word(0, 0, _a(s), 1, 0, 4),
    "ssai": _ssai, "slli": _slli, "srai": _srai, "srli": _srli, "extui": _extui, "sext": _sext,
    "src": _three(1, 8), "srl": _two_t(1, 9), "sra": _two_t(1, 11),
    "sll": lambda d, s: _word(0, 0, _a(s), _a(d), 1, 10),
    "mul16u": _three(1, 12), "mul16s": _three(1, 13), "mull": _three(2, 8),
    "muluh": _three(2, 10), "mulsh": _three(2, 11), "quou": _three(2, 12), "remu": _three(2, 14),
    "min": _three(3, 4), "max": _three(3, 5), "minu": _three(3, 6), "maxu": _three(3, 7),
    "moveqz": _three(3, 8), "movnez": _three(3, 9),
    "movltz": _three(3, 10), "movgez": _three(3, 11),
    "l8ui": _memory(0, 1), "l16ui": _memory(1, 2), "l16si": _memory(9, 2), "l32i": _memory(2, 4),
    "s8i": _memory(4, 1), "s16i": _memory(5, 2), "s32i": _memory(6, 4), "l32r": _l32r,
    "movi": _movi, "addi": _addi, "addmi": _addmi, "rsr": _special(0), "wsr": _special(1),
    "beq": _branch(1), "bne": _branch(9), "blt": _branch(2), "bge": _branch(10),
    "bltu": _branch(3), "bgeu": _branch(11), "bbci": _branch_bit(6), "bbsi": _branch_bit(14),
    "beqz": _branch_zero(0), "bnez": _branch_zero(1), "bltz": _branch_zero(2),
    "bgez": _branch_zero(3),
    "beqi": _branch_constant(2, 0, BRANCH_CONSTANTS),
    "bnei": _branch_constant(2, 1, BRANCH_CONSTANTS),
    "blti": _branch_constant(2, 2, BRANCH_CONSTANTS),
    "bgei": _branch_constant(2, 3, BRANCH_CONSTANTS),
    "bltui": _branch_constant(3, 2, UNSIGNED_BRANCH_CONSTANTS),
    "bgeui": _branch_constant(3, 3, UNSIGNED_BRANCH_CONSTANTS),
    "loop": _loop(8), "loopnez": _loop(9), "loopgtz": _loop(10),
    "j": _jump, "call8": _call8, "callx8": lambda s: 0xE0 | _a(s) << 8,
    "entry": _entry, "retw": lambda: 0x90, "syscall": lambda: 0x5000,
    "mul_aa_ll": _mac_aa(4), "mula_aa_ll": _mac_aa(8), "muls_aa_ll": _mac_aa(12),
    "mul_aa_hh": _mac_aa(7), "mula_aa_hh": _mac_aa(11), "muls_aa_hh": _mac_aa(15),
    "mul_aa_hl": _mac_aa(5), "mula_aa_hl": _mac_aa(9), "muls_aa_hl": _mac_aa(13),
    "mul_aa_lh": _mac_aa(6), "mula_aa_lh": _mac_aa(10), "muls_aa_lh": _mac_aa(14),
    "mula_da_ll_ldinc": _mac_da_load(8), "mula_da_hl_ldinc": _mac_da_load(9),
    "mula_da_lh_ldinc": _mac_da_load(10), "mula_da_hh_ldinc": _mac_da_load(11),
    "mula_da_ll_lddec": _mac_da_load(8, 5), "mula_da_hl_lddec": _mac_da_load(9, 5),
    "mula_da_lh_lddec": _mac_da_load(10, 5), "mula_da_hh_lddec": _mac_da_load(11, 5),
    "mula_da_ll": _mac_da(8), "mula_da_hl": _mac_da(9),
    "mula_da_lh": _mac_da(10), "mula_da_hh": _mac_da(11),
    "ldinc": lambda w, s: _word(4, 0, _a(s), _m(w, 0, 3), 0, 8),
    "lddec": lambda w, s: _word(4, 0, _a(s), _m(w, 0, 3), 0, 9),
}  # fmt: skip
"""Every instruction that the assembler knows, by name: operands to its 24-bit word."""
