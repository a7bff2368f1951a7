"""What stands before a kernel, so that MicroPython can call it as a viper function.

MicroPython enters a viper function as ``f(self, n_args, n_kw, args)`` in a2 to a5. As mpy-cross
does for viper (py/emitnative.c), the table of run-time functions is found through ``self``, the
number of arguments is checked, each is converted by ``native_from_obj``, and the result by
``native_to_obj``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mynah.xtensa.isa import AssemblyError, Register

if TYPE_CHECKING:
    from mynah.xtensa.assembler import Assembler

NATIVE_TYPES = {"object": 0, "bool": 1, "int": 2, "uint": 3, "ptr": 4, "ptr8": 5, "ptr16": 6,
                "ptr32": 7}  # fmt: skip
"""py/runtime0.h: MP_NATIVE_TYPE_*."""

MAX_ARGUMENTS = 6
"""What a windowed call carries in registers."""

# Words: py/objfun.h mp_obj_fun_bc_t.context; py/bc.h mp_module_context_t.constants.obj_table;
# py/nativeglue.h mp_fun_kind_t.
_CONTEXT, _OBJ_TABLE = 4 * 1, 4 * 3
_NONE, _FROM_OBJ, _TO_OBJ, _CHECK_ARGUMENTS = 4 * 0, 4 * 3, 4 * 4, 4 * 44

_FRAME = 32 + 32  # windowed ABI: 32 bytes for the callees' spills; ours: the arguments
_A = [Register(i) for i in range(16)]


def emit_entry(
    asm: Assembler, parameters: tuple[str, ...], result: str | None, fun_table: int
) -> None:
    """Emit the entry of a function with these parameters; it calls the label ``kernel``."""
    if len(parameters) > MAX_ARGUMENTS:
        raise AssemblyError(f"a kernel takes at most {MAX_ARGUMENTS} arguments")
    table, arguments = _A[7], _A[5]
    emit = asm.emit
    emit("entry", _A[1], _FRAME)
    emit("l32i", table, _A[2], _CONTEXT)
    emit("l32i", table, table, _OBJ_TABLE)
    emit("l32i", table, table, 4 * fun_table)
    _check_count(asm, len(parameters))
    for i, kind in enumerate(parameters):
        _convert(asm, i, kind, arguments, table)
    for i in range(len(parameters)):
        emit("l32i", _A[10 + i], _A[1], 4 * i)
    emit("call8", "kernel")
    if result is None:
        emit("l32i", _A[2], table, _NONE)
    else:
        emit("movi", _A[11], NATIVE_TYPES[result])
        _call(asm, table, _TO_OBJ)
        emit("mov", _A[2], _A[10])
    emit("retw")


def _check_count(asm: Assembler, count: int) -> None:
    asm.emit("bnez", _A[4], "bad count")
    asm.emit("movi", _A[12], count)
    asm.emit("beq", _A[3], _A[12], "good count")
    asm.label("bad count")
    asm.emit("mov", _A[10], _A[3])
    asm.emit("mov", _A[11], _A[4])
    asm.literal(_A[12], count << 17 | count << 1)  # MP_OBJ_FUN_MAKE_SIG(count, count, false)
    _call(asm, _A[7], _CHECK_ARGUMENTS)
    asm.label("good count")


def _convert(asm: Assembler, i: int, kind: str, arguments: Register, table: Register) -> None:
    """Argument i into its place in the frame; a small int is unboxed without a call."""
    small = f"small {i}"
    asm.emit("l32i", _A[10], arguments, 4 * i)
    if kind in {"int", "uint"}:
        asm.emit("srai", _A[9], _A[10], 1)
        asm.emit("bbsi", _A[10], 0, small)
    asm.emit("movi", _A[11], NATIVE_TYPES[kind])
    _call(asm, table, _FROM_OBJ)
    asm.emit("mov", _A[9], _A[10])
    asm.label(small)
    asm.emit("s32i", _A[9], _A[1], 4 * i)


def _call(asm: Assembler, table: Register, function: int) -> None:
    asm.emit("l32i", _A[8], table, function)
    asm.emit("callx8", _A[8])
