"""What the wake engine costs on the ESP32-S3: executed instructions for 30 ms of sound.

The machine code that a board would load is run by an emulator, with what the firmware's Python
would pass: samples into the front end, three rows of features, one inference. The state is that
of two seconds into a recording of the wake word. What Python itself costs is an estimate.
"""

from __future__ import annotations

import ast
import itertools
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mynah import models, xtensa
from mynah.audio_files import load
from mynah.errors import ModelError
from mynah.flash.files import HARDWARE_ARCH, compiled
from mynah.models import frontend_tables as tables
from mynah.models import wake_file
from mynah.models.program import Op
from mynah.paths import AUDIO_DIR, FIRMWARE_DIR
from mynah.xtensa.image import BASE
from mynah.xtensa.qemu import Buffer, Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mynah.audio_files import Samples
    from mynah.xtensa.qemu import Result

HOP, WINDOW, CHANNELS = 160, 480, 40
ROWS = 3
"""Rows of features, 10 ms each, in what is counted; a model of stride 3 runs once."""

CALL = 800
"""Instructions of a call from bytecode, the bytecodes around it included (measured: DESIGN.md)."""

# Calls that the firmware's Python makes, native ones included (speaker/wake, feed to fired).
_CALLS_A_ROW = {"native": 13, "viper": 18}
_CALLS_AN_INFERENCE = {"native": 7, "viper": 6}  # viper: and one an instruction

_WARM_UP_ROWS = 198
_KERNELS = FIRMWARE_DIR / "speaker" / "kernels"
_OPERATIONS = ("matvec", "depthwise", "table", "append", "copy_rows")


@dataclass(frozen=True, slots=True)
class Cost:
    """Instructions by kernel, and the estimate for Python."""

    kernels: dict[str, int]
    calls: int

    @property
    def counted(self) -> int:
        """Instructions that were counted."""
        return sum(self.kernels.values())

    @property
    def total(self) -> int:
        """Instructions with the estimate for Python."""
        return self.counted + CALL * self.calls


@dataclass(frozen=True, slots=True)
class Report:
    """A model's cost in both kinds of code, its multiply-accumulates, and the files' sizes."""

    model: str
    macs: dict[str, int]
    native: Cost
    viper: Cost
    file_sizes: dict[str, int]
    model_bytes: int


@dataclass(slots=True)
class _Engine:
    """The front end and a model in a machine's memory."""

    machine: Machine
    model: bytes
    parts: dict[str, tuple[int, int]] = field(default_factory=dict)
    at: dict[str, int] = field(default_factory=dict)
    header: wake_file.Header = field(init=False)
    first: int = field(init=False)

    def __post_init__(self) -> None:
        self.header, _ = wake_file.read(self.model)
        self.first, widths, weights = tables.filterbank()
        content = {
            "history": bytes(2 * WINDOW), "window": _words(tables.window()),
            "order": tables.order(), "twiddles": _words(tables.twiddles()), "work": bytes(1024),
            "split": _words(tables.split_twiddles()), "energies": bytes(1024),
            "first": b"", "widths": widths, "weights": _words(weights),
            "signal": bytes(4 * CHANNELS), "estimates": bytes(4 * CHANNELS),
            "gains": _words(tables.gains()), "logarithms": _words(tables.logarithms()),
            "features": bytes(2 * CHANNELS),
        }  # fmt: skip
        self.at = {name: self.machine.put(data) for name, data in content.items()}
        order = [self.at[name] for name in content]
        order[list(content).index("first")] = self.first
        self.at["arrays"] = self.machine.put(struct.pack(f"<{len(order)}I", *order))
        self.at["blob"] = self.machine.put(self.model)
        self.at["arena"] = self.machine.put(self._arena())

    def load(self, name: str) -> None:
        """Load a module's functions, and note where each of them, or of its parts, is."""
        source = _KERNELS / f"{name}.py"
        functions = [
            node.name
            for node in ast.parse(source.read_text("utf-8")).body
            if isinstance(node, ast.FunctionDef) and node.decorator_list
        ]
        if name == "model_viper":  # the front end has a copy too
            functions[functions.index("copy")] = "copy_rows"
        self.machine.load(compiled(source, HARDWARE_ARCH), functions)
        parts: dict[str, dict[str, int]] = {}
        if name.endswith("_xtensa"):
            parts = {kernel.name: kernel.subroutines for kernel in xtensa.assemble(source)}
        for function in functions:
            start, end, _ = self.machine.functions[function]
            inner = sorted((start + at, part) for part, at in parts.get(function, {}).items())
            places = [(start, function), *((at, p) for at, p in inner if p != "kernel"), (end, "")]
            for (begin, part), (stop, _) in itertools.pairwise(places):
                self.parts[part] = begin, stop

    def buffer(self, name: str) -> Buffer:
        """An array as an argument."""
        return Buffer(self.at[name])

    def hear(self, rows: int, sound: int) -> None:
        """Feed hops from an address on, as wake.frontend and wake.model do; with native code."""
        call = self.machine.call
        for row in range(rows):
            call("copy", self.buffer("history"), WINDOW - HOP, Buffer(sound), HOP * row, HOP)
            call("frame", self.buffer("arrays"))
            self._quantise(row)
            if row % ROWS == ROWS - 1:
                call("run", self.buffer("blob"), self.buffer("arena"), self.header.program_at,
                     self.header.n_instructions)  # fmt: skip

    def hear_in_viper(self, rows: int, sound: int, shifts: list[int]) -> None:
        """The same in stages; ``shifts`` are what spectrum returns. Without any, only spectra."""
        b, call = self.buffer, self.machine.call
        for row in range(rows):
            call("copy", b("history"), WINDOW - HOP, Buffer(sound), HOP * row, HOP)
            call("spectrum", *map(b, ("history", "window", "order", "twiddles", "work")))
            if shifts:
                call("energy", b("work"), b("split"), b("energies"))
                call("filterbank", b("energies"), self.first, b("widths"), b("weights"),
                     shifts[row], b("signal"))  # fmt: skip
                call("compress", *map(b, ("signal", "estimates", "gains", "logarithms",
                                          "features")))  # fmt: skip
            call("copy", b("history"), 0, b("history"), HOP, WINDOW - HOP)
            if shifts:
                self._quantise(row)
        if shifts:
            for op, _, at in instructions(self.model):
                call(_OPERATIONS[op - 1], b("blob"), b("arena"), at)

    def _quantise(self, row: int) -> None:
        h = self.header
        self.machine.call(
            "quantise", self.buffer("features"), h.feature_multiplier, h.feature_shift,
            h.feature_largest, self.buffer("arena"), h.input_at + row % ROWS * h.input_channels,
        )  # fmt: skip

    def _arena(self) -> bytes:
        arena = bytearray(self.header.arena_size)
        slots = self.model[self.header.slots_at :][: 4 * self.header.n_slots]
        arena[: len(slots)] = slots
        for i in range(self.header.n_fills):
            at, size, value = struct.unpack_from("<3I", self.model, self.header.fills_at + 12 * i)
            arena[at : at + size] = bytes([value]) * size
        return bytes(arena) + bytes(xtensa.constants(_KERNELS / "model_xtensa.py")["SCRATCH"])


def instructions(model: bytes) -> Iterator[tuple[Op, tuple[int, ...], int]]:
    """A ``.wake`` file's instructions: code, operands, place."""
    header, _ = wake_file.read(model)
    at = header.program_at
    for _ in range(header.n_instructions):
        code, n_words = struct.unpack_from("<2i", model, at)
        yield Op(code), struct.unpack_from(f"<{n_words - 2}i", model, at + 8), at
        at += 4 * n_words


def multiply_accumulates(model: bytes) -> dict[str, int]:
    """Multiply-accumulates of an inference, by kernel."""
    found = {"matvec": 0, "depthwise": 0}
    for op, operands, _ in instructions(model):
        if op is Op.MATVEC:
            found["matvec"] += operands[6] * operands[7] * operands[8]
        elif op is Op.DEPTHWISE:
            found["depthwise"] += operands[7] * operands[8] * operands[9]
    return found


def measure(name: str) -> Report:
    """Count a model's instructions.

    Raises:
        ModelError: there is no such model, or it is not one of stride 3 that runs natively.
        MynahError: the emulator is missing.
    """
    model = models.compiled(name)
    header, _ = wake_file.read(model)
    steps = list(instructions(model))
    if header.input_rows != ROWS or any(op > len(_OPERATIONS) for op, _, _ in steps):
        raise ModelError(f"{name} is not a model of stride {ROWS} that runs in native code alone")
    sound = _sound(name)
    memory = _warmed_up(model, sound)
    calls = {kind: ROWS * _CALLS_A_ROW[kind] + _CALLS_AN_INFERENCE[kind] for kind in _CALLS_A_ROW}
    modules = [f"{part}_{kind}" for part in ("frontend", "model") for kind in ("xtensa", "viper")]
    return Report(
        name,
        multiply_accumulates(model),
        Cost(_native(model, sound, memory), calls["native"]),
        Cost(_viper(model, sound, memory), calls["viper"] + len(steps)),
        {f"{m}.mpy": len(compiled(_KERNELS / f"{m}.py", HARDWARE_ARCH)) for m in modules},
        len(model) + header.arena_size,
    )


def _sound(name: str) -> Samples:
    recording = AUDIO_DIR / f"{name}_1.flac"
    samples = load(recording if recording.exists() else AUDIO_DIR / "okay_nabu_1.flac")
    return np.resize(samples, HOP * (_WARM_UP_ROWS + ROWS))


def _prepare(model: bytes, kind: str) -> _Engine:
    machine = Machine()
    engine = _Engine(machine, model)
    engine.load(f"frontend_{kind}")
    engine.load(f"model_{kind}")
    return engine


def _warmed_up(model: bytes, sound: Samples) -> bytes:
    """Arrays, model and arena (memory up to the code) after all but what is counted."""
    engine = _prepare(model, "xtensa")
    size = min(start for start, _, _ in engine.machine.functions.values()) - BASE
    at = engine.machine.put(sound[: HOP * _WARM_UP_ROWS].astype("<i2").tobytes())
    engine.hear(_WARM_UP_ROWS, at)
    return engine.machine.run().memory[:size]


def _ready(model: bytes, sound: Samples, memory: bytes, kind: str) -> tuple[_Engine, int]:
    engine = _prepare(model, kind)
    size = min(start for start, _, _ in engine.machine.functions.values()) - BASE
    engine.machine.memory[:size] = memory[:size]
    at = engine.machine.put(sound[HOP * _WARM_UP_ROWS :].astype("<i2").tobytes())
    return engine, at


def _native(model: bytes, sound: Samples, memory: bytes) -> dict[str, int]:
    engine, at = _ready(model, sound, memory, "xtensa")
    engine.hear(ROWS, at)
    return _by_part(engine, engine.machine.run(trace=True))


def _viper(model: bytes, sound: Samples, memory: bytes) -> dict[str, int]:
    engine, at = _ready(model, sound, memory, "viper")
    engine.hear_in_viper(ROWS, at, [])
    shifts = [value >> 1 for value in engine.machine.run().returned[1::3]]
    engine.machine.calls.clear()
    engine.hear_in_viper(ROWS, at, shifts)
    return _by_part(engine, engine.machine.run(trace=True))


def _by_part(engine: _Engine, result: Result) -> dict[str, int]:
    return {part: n for part, (a, b) in engine.parts.items() if (n := result.count(a, b))}


def _words(values: np.ndarray) -> bytes:
    return (np.asarray(values) & 0xFFFF).astype("<u2").tobytes()
