"""What the firmware calls of MicroPython's modules, and what is behind it on the virtual board."""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.virtual.truth.verdict import Verdict

if TYPE_CHECKING:
    from pathlib import Path

_PORT = "ports/esp32"
_OWN = "MicroPython's own code"


@dataclass(frozen=True, slots=True)
class Call:
    """A module, class or function, and how it is modelled; counts for all names below it."""

    name: str
    how: str
    source: str
    """What it follows: files of MicroPython 1.29, or `_OWN` where that itself runs."""
    verdict: Verdict = Verdict.SAME


CALLS: tuple[Call, ...] = (
    Call(
        "machine.I2S",
        "DMA rings of 256 frames that fill and empty by the clock, overruns and "
        "underruns, the driver's queue of two buffers, lost callbacks",
        f"{_PORT}/machine_i2s.c",
    ),
    Call(
        "machine.Pin",
        "level from latch, pull and outside; edges interrupt; the numbers that the "
        "chip lacks are refused",
        f"{_PORT}/machine_pin.c",
    ),
    Call(
        "machine.SPI",
        "bytes go to LEDs on the data pin (APA102); reads give zeros",
        f"{_PORT}/machine_hw_spi.c",
        Verdict.DIFFERS,
    ),
    Call(
        "machine.Timer",
        "four, and virtual ones; callbacks through a queue of 8 that drops",
        f"{_PORT}/machine_timer.c",
    ),
    Call(
        "machine.UART",
        "there is none: AttributeError, which the firmware expects",
        f"{_PORT}/machine_uart.c",
        Verdict.MISSING,
    ),
    Call("machine.reset", "by software, through the boot loaders", f"{_PORT}/modmachine.c"),
    Call(
        "machine.reset_cause",
        "power-on, watchdog, deep sleep, soft and hard resets",
        f"{_PORT}/modmachine.c",
    ),
    Call("machine.unique_id", "the base MAC address of the eFuses", f"{_PORT}/modmachine.c"),
    Call(
        "network.WLAN",
        "both interfaces, status and reasons, scans, endless or limited retries, "
        "an own network with its stations; joining takes the time that the test sets",
        f"{_PORT}/network_wlan.c",
    ),
    Call("network.country", "kept, without effect", "extmod/modnetwork.c", Verdict.DIFFERS),
    Call(
        "network.hostname", "kept; answered by the port's own mDNS responder", "extmod/modnetwork.c"
    ),
    Call("network.STAT_CONNECTING", "a number", f"{_PORT}/modnetwork_globals.h"),
    Call("network.STAT_IDLE", "a number", f"{_PORT}/modnetwork_globals.h"),
    Call(
        "neopixel.NeoPixel",
        "bytes go out by machine.bitstream to LEDs that can be looked at",
        "micropython-lib neopixel.py",
    ),
    Call(
        "socket",
        "this computer's sockets on the board's own loopback address; lwIP's numbers of "
        "errors, limits (16 sockets, 6 datagrams), multicast by interface, an empty datagram's end",
        f"{_PORT}/modsocket.c",
    ),
    Call("select", _OWN + ", kept from sleeping in one system call", "extmod/modselect.c"),
    Call("asyncio", _OWN, "extmod/asyncio"),
    Call(
        "time",
        "ticks from reset that wrap at 2**30, epoch 2000; real time, or the fast clock's",
        f"{_PORT}/modtime.c",
    ),
    Call(
        "_thread",
        "one callback when the radio has had its time; no thread",
        f"{_PORT}/mpthreadport.c",
        Verdict.DIFFERS,
    ),
    Call(
        "micropython.kbd_intr",
        "Ctrl-C raises at the next jump, as on the chip",
        "shared/runtime/interrupt_char.c",
    ),
    Call("micropython", _OWN, "py/modmicropython.c"),
    Call(
        "os.dupterm",
        "input only: what is printed does not go there",
        "extmod/os_dupterm.c",
        Verdict.DIFFERS,
    ),
    Call(
        "os.dupterm_notify", "takes the interrupt character", "extmod/os_dupterm.c", Verdict.DIFFERS
    ),
    Call(
        "os.uname",
        "esp32, and a machine that says that it is virtual",
        f"{_PORT}/modos.c",
        Verdict.DIFFERS,
    ),
    Call("os.urandom", "this computer's random numbers", f"{_PORT}/modos.c"),
    Call(
        "os",
        _OWN + ": LittleFS on the flash's partition, with NOR rules and power cuts",
        "extmod/vfs_lfs.c",
    ),
    Call(
        "sys.implementation",
        "the real one's, and a machine that says that it is virtual",
        "py/modsys.c",
        Verdict.DIFFERS,
    ),
    Call(
        "sys.print_exception",
        _OWN + ", without frames of what is C code on the chip",
        "py/modsys.c",
    ),
    Call("sys.stdin", "the UART; Ctrl-C is taken out of it", f"{_PORT}/mphalport.c"),
    Call(
        "sys.stdout", "the UART; a line's end becomes CR LF, bytes go raw", f"{_PORT}/mphalport.c"
    ),
    Call("gc.mem_alloc", _OWN + ": of 64-bit objects", "py/modgc.c", Verdict.DIFFERS),
    Call("gc.mem_free", _OWN + ": of 64-bit objects", "py/modgc.c", Verdict.DIFFERS),
    Call("gc", _OWN, "py/modgc.c"),
    Call("array", _OWN, "py/objarray.c"),
    Call("binascii", _OWN, "extmod/modbinascii.c"),
    Call("cryptolib", _OWN, "extmod/modcryptolib.c"),
    Call("errno.EIO", "the number of the chip's C library, as all of errno", "py/moderrno.c"),
    Call("hashlib", _OWN, "extmod/modhashlib.c"),
    Call("io", _OWN, "py/modio.c"),
    Call("json", _OWN, "extmod/modjson.c"),
    Call("math", _OWN + ", with the computer's double precision", "py/modmath.c", Verdict.DIFFERS),
    Call("random", _OWN + ", seeded by the computer", "extmod/modrandom.c"),
    Call("struct", _OWN, "py/modstruct.c"),
    Call("uctypes", _OWN + "; addresses are of 64 bits", "extmod/moductypes.c", Verdict.DIFFERS),
)
"""Longer names first where one is below another."""

_CLASSES = {
    "machine.I2S": ("deinit", "init", "irq", "readinto", "write"),
    "machine.Pin": ("init", "irq", "off", "on", "toggle", "value"),
    "machine.SPI": ("deinit", "init", "read", "readinto", "write"),
    "machine.Timer": ("deinit", "init", "value"),
    "network.WLAN": (
        "active", "config", "connect", "disconnect", "ifconfig", "ipconfig", "isconnected", "scan",
        "status",
    ),
    "neopixel.NeoPixel": ("fill", "write"),
    "socket.socket": (
        "accept", "bind", "close", "connect", "listen", "read", "readinto", "recv", "recvfrom",
        "send", "sendto", "setblocking", "setsockopt", "settimeout", "write",
    ),
}  # fmt: skip


def model_of(name: str) -> Call | None:
    """The row that says how a call is modelled; None: no row does."""
    rows = [row for row in CALLS if name == row.name or name.startswith(f"{row.name}.")]
    return max(rows, key=lambda row: len(row.name), default=None)


@functools.cache
def calls_of_firmware(folder: Path) -> dict[str, list[str]]:
    """What the firmware in ``folder`` uses of MicroPython's modules: name to the files that do.

    A module's names are exact. Of a class's methods those count whose name some file calls on
    anything, as nothing in the source says what a variable holds.
    """
    used: defaultdict[str, set[str]] = defaultdict(set)
    methods: defaultdict[str, set[str]] = defaultdict(set)
    for path in sorted(folder.rglob("*.py")):
        where = path.relative_to(folder).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules |= {name.asname or name.name: name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not _is_own(node):
                for alias in node.names:
                    used[f"{node.module}.{alias.name}"].add(where)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                methods[node.attr].add(where)
                if isinstance(node.value, ast.Name) and node.value.id in modules:
                    used[f"{modules[node.value.id]}.{node.attr}"].add(where)
    for class_, names in _CLASSES.items():
        if class_ in used:
            for name in names:
                if methods[name]:
                    used[f"{class_}.{name}"] |= methods[name]
    return {name: sorted(files) for name, files in sorted(used.items()) if not _own_name(name)}


def _is_own(node: ast.ImportFrom) -> bool:
    return bool(node.level) or _own_name(node.module or "")


def _own_name(name: str) -> bool:
    return name == "speaker" or name.startswith("speaker.")
