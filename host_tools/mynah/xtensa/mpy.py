"""``.mpy`` files taken apart and put together (MicroPython, py/persistentcode.c; version 6).

Layout: header, numbers of names and constants, the names, the constants, then the module's function
with its children. Only what this project's modules contain is understood: bytecode and viper
functions, without relocations.
"""

from __future__ import annotations

from dataclasses import dataclass

from mynah.errors import MynahError

VERSION, SUB_VERSION, XTENSAWIN = 6, 3, 10
"""py/persistentcode.h: MPY_VERSION, MPY_SUB_VERSION, MP_NATIVE_ARCH_XTENSAWIN."""

BYTECODE, NATIVE, VIPER, ASM = range(4)
"""Kinds of function."""

FUN_TABLE = 0
"""MP_PERSISTENT_OBJ_FUN_TABLE: the constant that stands for the table of run-time functions."""

_OBJ_STR, _OBJ_BYTES, _OBJ_COMPLEX, _OBJ_TUPLE = 5, 6, 9, 10
_RELOCATIONS = 0x10 | 0x20 | 0x40  # py/runtime0.h: MP_SCOPE_FLAG_VIPERRELOC, ..RODATA, ..BSS


class MpyError(MynahError):
    """Not an ``.mpy`` file as this project makes them."""


@dataclass(slots=True)
class Function:
    """A function of a module: its kind, its code, what follows it, its children."""

    kind: int
    code: bytes
    flags: bytes
    children: list[Function]

    def encode(self) -> bytes:
        """The function as in the file."""
        head = len(self.code) << 3 | bool(self.children) << 2 | self.kind
        parts = [_uint(head), self.code, self.flags]
        if self.children:
            parts += [_uint(len(self.children)), *(child.encode() for child in self.children)]
        return b"".join(parts)


@dataclass(slots=True)
class Mpy:
    """A module: header, names and constants as they are, and the tree of functions."""

    header: bytes
    names: tuple[str, ...]
    constant_kinds: tuple[int, ...]
    tables: bytes
    module: Function

    @property
    def arch(self) -> int:
        """MP_NATIVE_ARCH_*; 0 for a module without native code."""
        return self.header[2] >> 2

    @property
    def sub_version(self) -> int:
        """The native ABI's version."""
        return self.header[2] & 3

    @property
    def fun_table_index(self) -> int:
        """Where among the constants the run-time's table of functions is."""
        return self.constant_kinds.index(FUN_TABLE)

    def viper_functions(self) -> list[Function]:
        """The module's viper functions, in the order of the source."""
        return [child for child in self.module.children if child.kind == VIPER]

    def encode(self) -> bytes:
        """The file."""
        return self.header + self.tables + self.module.encode()


def parse(data: bytes) -> Mpy:
    """Take a file apart; `MpyError` if it is none, or holds what this module doesn't know."""
    if len(data) < 4 or data[0] != ord("M") or data[1] != VERSION:
        raise MpyError("this is not an .mpy file of version 6")
    reader = _Reader(data, 4)
    n_names, n_constants = reader.uint(), reader.uint()
    names = tuple(reader.name() for _ in range(n_names))
    kinds = tuple(reader.constant() for _ in range(n_constants))
    tables = data[4 : reader.at]
    module = reader.function()
    if reader.at != len(data):
        raise MpyError("the .mpy file goes on behind its module")
    return Mpy(data[:4], names, kinds, tables, module)


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    def take(self, size: int) -> bytes:
        self.at += size
        if self.at > len(self.data):
            raise MpyError("the .mpy file is cut short")
        return self.data[self.at - size : self.at]

    def uint(self) -> int:
        value = 0
        while True:
            byte = self.take(1)[0]
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                return value

    def name(self) -> str:
        length = self.uint()
        if length & 1:
            return f"#{length >> 1}"  # one of the names that every firmware holds
        return self.take((length >> 1) + 1)[:-1].decode()

    def constant(self) -> int:
        kind = self.take(1)[0]
        if _OBJ_STR <= kind <= _OBJ_COMPLEX:
            size = self.uint()
            self.take(size + (kind in {_OBJ_STR, _OBJ_BYTES}))
        elif kind == _OBJ_TUPLE:
            for _ in range(self.uint()):
                self.constant()
        return kind

    def function(self) -> Function:
        head = self.uint()
        kind, code = head & 3, self.take(head >> 3)
        start = self.at
        if kind == VIPER:
            if self.uint() & _RELOCATIONS:
                raise MpyError("a function in the .mpy file has relocations")
        elif kind != BYTECODE:
            raise MpyError(f"the .mpy file has a function of kind {kind}")
        flags = self.data[start : self.at]
        children = [self.function() for _ in range(self.uint())] if head & 4 else []
        return Function(kind, code, flags, children)


def _uint(value: int) -> bytes:
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))
