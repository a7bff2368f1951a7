"""The USB devices of a Mac or of a Windows computer that may be boards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mynah.doctor.host import MACOS
from mynah.doctor.usb_device import UsbDevice
from mynah.link.ports import classify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mynah.doctor.host import Host

COMMANDS = {
    "darwin": ("ioreg", "-r", "-c", "IOUSBHostDevice", "-l", "-w", "0"),
    "win32": ("pnputil", "/enum-devices", "/connected"),
}
"""What tells the devices, by system."""

# ioreg: a device's line, and its properties below it.
_DEVICE = re.compile(r"\+-o ")
_PROPERTY = re.compile(
    r'"(idVendor|idProduct|USB Serial Number)" = "?([^"\n]+?)"?\s*$', re.MULTILINE
)
# Windows' instance IDs: USB\VID_1A86&PID_7523\5&2A3B...; the other interfaces have &MI_nn.
_INSTANCE = re.compile(r"USB\\VID_([0-9A-F]{4})&PID_([0-9A-F]{4})\\(\S+)", re.IGNORECASE)


def boards(host: Host) -> list[UsbDevice]:
    """The devices that may be boards, as far as the system's own program tells them."""
    told = host.run(COMMANDS[host.system]) if host.system in COMMANDS else None
    if told is None:
        return []
    plugged = set(_of_macos(told) if host.system == MACOS else _of_windows(told))
    ports = [port for port in host.comports() if port.vid is not None]
    found = []
    for vendor, product, serial in sorted(plugged):
        known = classify(vendor, product)
        if known is None:
            continue
        names = [
            str(port.device)
            for port in ports
            if (port.vid, port.pid) == (vendor, product)
            and (port.serial_number or "") in {serial, ""}
        ]
        found.append(
            UsbDevice("", vendor, product, known[1], serial, known[0], tuple(names), drivers=())
        )
    return found


def _of_macos(told: str) -> Iterator[tuple[int, int, str]]:
    for block in _DEVICE.split(told):
        values = dict(_PROPERTY.findall(block))
        if {"idVendor", "idProduct"} <= values.keys():
            serial = values.get("USB Serial Number", "").strip()
            yield int(values["idVendor"]), int(values["idProduct"]), serial


def _of_windows(told: str) -> Iterator[tuple[int, int, str]]:
    for vendor, product, instance in _INSTANCE.findall(told):
        serial = "" if "&" in instance else instance  # with "&" Windows made it up
        yield int(vendor, 16), int(product, 16), serial
