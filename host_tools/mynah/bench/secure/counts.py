"""Instructions of the secure channel's kernels on the ESP32-S3, run by an emulator.

Counted is the machine code of the ``.mpy`` files that a board loads. A step of X25519's ladder
executes the same instructions whatever the numbers are (a test holds that), so one stands for 255.
What the firmware's Python costs around the kernels is an estimate.
"""

from __future__ import annotations

import ast
import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mynah.bench.instructions import CALL
from mynah.flash.files import HARDWARE_ARCH, compiled
from mynah.paths import FIRMWARE_DIR
from mynah.xtensa.qemu import Buffer, Machine

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = ("xtensa", "viper")
MODULES = ("x25519", "chacha")

LADDER_STEPS = 255
TEXT_SIZE = 1372
"""What fills a packet of 1,400 bytes."""

_KERNELS = FIRMWARE_DIR / "speaker" / "kernels"
_WORK = 600  # bytes: more than any state
_TAG = 16
_CALLS_A_MESSAGE = 7  # native ones, of speaker/miot/aead.py


@dataclass(frozen=True, slots=True)
class Cost:
    """Instructions of X25519, of a handshake (two of them, two short messages), of a message."""

    x25519: Mapping[str, int]
    """By part: start, one step of the ladder, the division, packing."""
    exchange: int
    longest_slice: int
    """Between two turns of other tasks: some steps, or the division."""
    handshake: int
    handshake_calls: int
    message: Mapping[str, int]
    """Of `TEXT_SIZE` bytes, by kernel."""
    message_calls: int
    file_sizes: Mapping[str, int]

    @property
    def message_counted(self) -> int:
        """A message's instructions in the kernels."""
        return sum(self.message.values())

    def with_python(self, counted: int, calls: int) -> int:
        """The instructions with the estimate for Python."""
        return counted + CALL * calls


def measure(kind: str) -> Cost:
    """Count with one kind of code, "xtensa" (what a board runs) or "viper".

    Raises:
        MynahError: the emulator is missing.
    """
    x25519 = _x25519(kind)
    steps = _constants(f"x25519_{kind}")["STEPS"]
    division = x25519["division"] + x25519["pack"]
    exchange = x25519["start"] + LADDER_STEPS * x25519["step"] + division
    longest = max(x25519["start"] + steps * x25519["step"], division)
    message = _message(kind, TEXT_SIZE)
    short = sum(_message(kind, 0).values()) + sum(_message(kind, 4).values())
    calls = 2 * (math.ceil(LADDER_STEPS / steps) + 3) + 2 * _CALLS_A_MESSAGE
    sizes = {f"{m}_{kind}.mpy": len(_code(m, kind)) for m in MODULES}
    return Cost(
        x25519, exchange, longest, 2 * exchange + short, calls, message, _CALLS_A_MESSAGE, sizes
    )


def _x25519(kind: str) -> dict[str, int]:
    machine = _machine("x25519", kind)

    def put(data: bytes) -> Buffer:
        return Buffer(machine.put(data))

    work, scalar, point = put(bytes(_WORK)), put(bytes(range(32))), put(b"\x09" + bytes(31))
    programs = [put(each) for each in _programs()] if kind == "viper" else []
    found: dict[str, int] = {}
    for part, arguments in (("step", (254, 1)), ("division", (-1, 1))):
        machine.calls.clear()
        machine.call("start", work, scalar, point)
        if kind == "viper":
            machine.call("run", work, programs[part == "division"], *arguments)
        else:
            machine.call("steps", work, *arguments)
        machine.call("pack", work, put(bytes(32)))
        counts = _by_function(machine)
        found |= {"start": counts["start"], "pack": counts["pack"]}
        found[part] = counts["run" if kind == "viper" else "steps"]
    return {part: found[part] for part in ("start", "step", "division", "pack")}


def _message(kind: str, size: int) -> dict[str, int]:
    """Seal a text as speaker/miot/aead.py does."""
    machine = _machine("chacha", kind)

    def put(data: bytes) -> Buffer:
        return Buffer(machine.put(data))

    cipher, mac = put(bytes(_WORK)), put(bytes(_WORK))
    one_time, tag, lengths = put(bytes(32)), put(bytes(_TAG)), put(struct.pack("<QQ", 0, size))
    packet, at = put(bytes(12 + size + _TAG)), 12
    machine.call("crypt", cipher, one_time, 0, 32)
    machine.call("mac_start", mac, one_time)
    machine.call("crypt", cipher, packet, at, size)
    machine.call("mac_update", mac, packet, at, 0, 1)  # no additional data
    machine.call("mac_update", mac, packet, at, size, 1)
    machine.call("mac_update", mac, lengths, 0, _TAG, 1)
    machine.call("mac_finish", mac, tag)
    return _by_function(machine)


def _by_function(machine: Machine) -> dict[str, int]:
    result = machine.run(trace=True)
    return {name: result.count(at, end) for name, (at, end, _) in machine.functions.items()}


def _machine(module: str, kind: str) -> Machine:
    machine = Machine()
    tree = ast.parse((_KERNELS / f"{module}_{kind}.py").read_text("utf-8"))
    names = [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.decorator_list]
    machine.load(_code(module, kind), names)
    return machine


def _code(module: str, kind: str) -> bytes:
    return compiled(_KERNELS / f"{module}_{kind}.py", HARDWARE_ARCH)


def _programs() -> tuple[bytes, bytes]:
    """What x25519_viper's bytecode hands to its code: a step, the division."""
    names = _constants("x25519_viper")
    return names["_STEP"], names["_DIVIDE"]


def _constants(module: str) -> dict[str, Any]:
    """What a source of this project assigns, apart from its functions."""
    names: dict[str, Any] = {"const": int}
    tree = ast.parse((_KERNELS / f"{module}.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign):
            exec(compile(ast.Module([node], []), module, "exec"), names)  # noqa: S102
    return names
