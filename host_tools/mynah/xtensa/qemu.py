"""Run an ``.mpy``'s machine code under ``qemu-xtensa`` (Debian's ``qemu-user``), and count it."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mynah.errors import MynahError
from mynah.xtensa import image, mpy
from mynah.xtensa.image import BASE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CPU = "de233_fpu"
"""A processor that has what the kernels use of the ESP32-S3's: windows, loops, MAC16, MUL32."""

MISSING = "qemu-xtensa is missing: install the package qemu-user"

_STACK_SIZE = 1 << 13
_STACK_FILL = 0xA5
_CANARY = b"\xc5"
_TRACE = re.compile(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")


def command() -> str | None:
    """The emulator's path, or None where it is not installed."""
    return shutil.which("qemu-xtensa")


@dataclass(frozen=True, slots=True)
class Buffer:
    """An argument that MicroPython would pass as a bytearray or array: the address of its bytes."""

    address: int


@dataclass(frozen=True, slots=True)
class Result:
    """Memory after the calls, what they returned (objects), how many bytes of stack they used.

    ``counts`` says how often each address was executed, where that was asked for.
    """

    memory: bytes
    returned: tuple[int, ...]
    stack_depth: int
    counts: Mapping[int, int]

    def get(self, address: int, size: int) -> bytes:
        """Bytes at an address."""
        return self.memory[address - BASE : address - BASE + size]

    def count(self, start: int, end: int) -> int:
        """Instructions executed in a range of addresses."""
        return sum(count for at, count in self.counts.items() if start <= at < end)


@dataclass(slots=True)
class Machine:
    """Memory to fill, functions to load, calls to make; then `run`."""

    memory: bytearray = field(default_factory=bytearray)
    functions: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Start and end of each, and where among its module's constants the run time's table is."""
    calls: list[tuple[str, tuple[int | Buffer, ...]]] = field(default_factory=list)
    inside: set[int] = field(default_factory=set)
    """Which of the calls are to a subroutine."""

    def put(self, data: bytes, align: int = 16) -> int:
        """Lay data down behind all else, with 16 or more bytes of canary on both sides."""
        self.memory += _CANARY * (16 + -(len(self.memory) + 16) % align)
        address = BASE + len(self.memory)
        self.memory += data
        self.memory += _CANARY * 16
        return address

    def load(self, module: bytes, names: Sequence[str]) -> None:
        """Load the viper functions of an ``.mpy`` file; ``names`` are theirs, in its order."""
        parsed = mpy.parse(module)
        for name, function in zip(names, parsed.viper_functions(), strict=True):
            at = self.put(function.code, 4)
            self.functions[name] = at, at + len(function.code), parsed.fun_table_index

    def call(self, name: str, *arguments: int | Buffer) -> None:
        """Call a loaded function next."""
        self.calls.append((name, arguments))

    def call_inside(self, name: str, offset: int, *registers: int) -> None:
        """Call a subroutine inside a loaded function, with values for its registers from a2 on."""
        self.calls.append((name, (offset, *registers)))
        self.inside.add(len(self.calls) - 1)

    def run(self, *, trace: bool = False) -> Result:
        """Make the calls in a new process; memory here stays as it is.

        Raises:
            MynahError: the emulator is missing, or the code crashed it, changed its caller's
                registers, or used up its stack.
        """
        segment, entry, stack, records = self._segment()
        output, counts = _execute(image.elf(segment, entry), trace=trace)
        words = [
            struct.unpack_from(f"<{image.RECORD_WORDS}I", output, records - BASE + i)
            for i in range(0, 4 * image.RECORD_WORDS * len(self.calls), 4 * image.RECORD_WORDS)
        ]
        if any(record[1:] != image.KEPT for record in words):
            raise MynahError("the code under test changed its caller's registers")
        left = output[stack - BASE : stack - BASE + _STACK_SIZE]
        depth = len(left.lstrip(bytes([_STACK_FILL])))
        if depth == _STACK_SIZE:
            raise MynahError("the code under test used up its stack")
        memory = output[: len(self.memory)]
        return Result(memory, tuple(record[0] for record in words), depth, counts)

    def _segment(self) -> tuple[bytes, int, int, int]:
        """All of memory; the addresses of the first instruction, the stack, the calls' records."""
        whole = Machine(bytearray(self.memory))
        stack = whole.put(bytes([_STACK_FILL]) * _STACK_SIZE)
        records = whole.put(bytes(4 * image.RECORD_WORDS * len(self.calls)))
        runtime, labels = image.runtime()
        table = whole.put(image.fun_table(whole.put(runtime), labels))
        calls: list[tuple[int, tuple[int, ...]]] = []
        for i, (name, arguments) in enumerate(self.calls):
            code, _, index = self.functions[name]
            if i in self.inside:
                offset, *registers = [value for value in arguments if isinstance(value, int)]
                calls.append((code + offset, tuple(registers)))
                continue
            objects = whole.put(struct.pack(f"<{index + 1}I", *[table] * (index + 1)))
            context = whole.put(struct.pack("<4I", 0, 0, 0, objects))
            function = whole.put(struct.pack("<2I", 0, context))
            values = [_object(whole, argument) for argument in arguments]
            place = whole.put(struct.pack(f"<{len(values)}I", *values))
            calls.append((code, (function, len(values), 0, place)))
        size = len(whole.memory)
        entry = whole.put(image.startup(stack + _STACK_SIZE, calls, records, size))
        return bytes(whole.memory), entry, stack, records


def _object(machine: Machine, argument: int | Buffer) -> int:
    """An argument as an object of MicroPython's."""
    if isinstance(argument, Buffer):
        return machine.put(struct.pack("<I", argument.address), 4)
    return (argument << 1 | 1) & 0xFFFFFFFF


def _execute(program: bytes, *, trace: bool) -> tuple[bytes, Counter[int]]:
    qemu = command()
    if qemu is None:
        raise MynahError(MISSING)
    # Blocks of one instruction: in longer ones qemu goes on with the m0 or m1 of before when a
    # multiplication has loaded it anew, for it keeps these registers twice (7.2, and later ones:
    # target/xtensa/translate.c reads them as cpu_MR, and translate_mac16 writes cpu_SR).
    options = ["-singlestep"]
    if trace:  # one line a block, as none is chained to the next
        options += ["-d", "exec,nochain", "-D", "/dev/stderr"]
    counts: Counter[int] = Counter()
    words = []
    with tempfile.TemporaryDirectory(prefix="mynah-xtensa-") as folder:
        path, out = Path(folder, "program"), Path(folder, "out")
        path.write_bytes(program)
        path.chmod(0o755)
        with (
            out.open("wb") as output,
            subprocess.Popen(
                [qemu, "-cpu", CPU, *options, str(path)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True,
            ) as process,
        ):  # fmt: skip
            assert process.stderr is not None
            for line in process.stderr:
                if match := _TRACE.match(line):
                    counts[int(match[1], 16)] += 1
                else:
                    words.append(line)
        if process.returncode:
            said = "".join(words)[-500:].strip()
            raise MynahError(f"the code under test failed ({process.returncode}): {said}")
        return out.read_bytes(), counts
