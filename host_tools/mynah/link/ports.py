"""The serial ports of this computer and of its virtual boards; which look like an ESP32-S3."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from serial.tools import list_ports

from mynah.errors import PortError
from mynah.link.holders import who_holds, who_talks_to
from mynah.link.running import RunningBoard, running_boards
from mynah.link.shares import find_share

if TYPE_CHECKING:
    from collections.abc import Iterable

NATIVE = "native"
BRIDGE = "bridge"
VIRTUAL = "virtual"

ESPRESSIF = 0x303A
"""USB vendor of the chip's own USB."""
SERIAL_JTAG = 0x1001
"""Its product while the chip itself answers (ESP32-S3 TRM, "USB Serial/JTAG Controller")."""
# USB-to-UART bridges on ESP32 boards: (vendor, product) as their makers' drivers list them.
BRIDGES = {
    (0x10C4, 0xEA60): "CP210x",
    (0x1A86, 0x7523): "CH340",
    (0x1A86, 0x55D3): "CH343",
    (0x1A86, 0x55D4): "CH9102",
    (0x0403, 0x6001): "FT232",
    (0x0403, 0x6010): "FT2232",
    (0x0403, 0x6015): "FT231X",
}


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A serial port and what seems to be on it."""

    url: str
    kind: str | None
    """"native" (the chip's own USB), "bridge" (a USB-to-UART chip), "virtual"; else None."""
    description: str
    serial_number: str | None
    held_by: tuple[str, ...] | None
    """Programs that have it open; None where that cannot be known."""
    shared_at: str | None = None
    """Where others may open it meanwhile, if who has it shares it."""


def find_ports(devices: Iterable[Any] | None = None) -> list[PortInfo]:
    """Every serial port, those that look like a board first, and every running virtual board.

    ``devices``: this computer's ports as pyserial lists them; None: they are looked for.
    """
    ports = [_describe(port) for port in (list_ports.comports() if devices is None else devices)]
    ports += [_describe_virtual(board) for board in running_boards()]
    return sorted(ports, key=lambda port: (port.kind is None, port.url))


def only_port(ports: Iterable[PortInfo]) -> str:
    """The port to use when none was named: the only one that looks like a board.

    Of a board with two sockets (or two boards, virtual ones counted) none is guessed.

    Raises:
        PortError: there is none, or more than one; the message says which.
    """
    likely = [port.url for port in ports if port.kind]
    if not likely:
        raise PortError(
            "no board found: plug one in with a cable that carries data, or name its port with "
            "--port (`mynah virtual` starts one without hardware)"
        )
    if len(likely) > 1:
        raise PortError(
            f"several ports look like a board: name one with --port ({', '.join(likely)})"
        )
    return likely[0]


def hint(ports: Iterable[PortInfo]) -> str | None:
    """Advice for boards with two sockets, when this looks like one."""
    kinds = {port.kind for port in ports}
    if {NATIVE, BRIDGE} <= kinds:
        return (
            "a board with two USB sockets shows up twice: flash it and read its log through the "
            "bridge, the socket that is marked UART or COM"
        )
    return None


def classify(vendor: int, product: int) -> tuple[str, str] | None:
    """Kind and description of a USB device with these numbers; None: no board that is known."""
    if vendor == ESPRESSIF:
        name = "USB Serial/JTAG" if product == SERIAL_JTAG else "USB of the running firmware"
        return NATIVE, f"ESP32 {name}"
    if (vendor, product) in BRIDGES:
        return BRIDGE, f"{BRIDGES[vendor, product]} USB-to-UART bridge"
    return None


def _describe(port: Any) -> PortInfo:
    plain = "" if port.description in {None, "n/a"} else port.description
    kind, description = classify(port.vid or 0, port.pid or 0) or (None, plain)
    held = tuple(who_holds(port.device)) if sys.platform == "linux" else None
    shared = _shared_at(port.device)
    return PortInfo(port.device, kind, description, port.serial_number, held, shared)


def _describe_virtual(board: RunningBoard) -> PortInfo:
    port = urlsplit(board.url).port
    held = tuple(who_talks_to(port)) if port and sys.platform == "linux" else None
    text = (
        f"virtual board {board.index}: {board.address} in a network, {board.ap_address} for its "
        "own set-up network"
    )
    return PortInfo(board.url, VIRTUAL, text, board.mac, held, _shared_at(board.url))


def _shared_at(port: str) -> str | None:
    share = find_share(port)
    return share.url if share else None
