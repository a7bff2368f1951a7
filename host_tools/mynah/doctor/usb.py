"""The USB devices that may be boards; of a Linux computer as sysfs tells them.

Source: Linux, ``Documentation/ABI/testing/sysfs-bus-usb`` and ``sysfs-devices-usb``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mynah.doctor import usb_elsewhere
from mynah.doctor.host import LINUX, read
from mynah.doctor.usb_device import UsbDevice
from mynah.link.ports import classify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mynah.doctor.host import Host

_DEVICES = "/sys/bus/usb/devices"
_SELF_POWERED = 0x40  # USB 2.0, 9.6.3, bmAttributes
_HUB_CLASS = "09"


def boards(host: Host) -> list[UsbDevice]:
    """The devices that may be boards."""
    if host.system != LINUX:
        return usb_elsewhere.boards(host)
    folders = sorted(host.path(_DEVICES).glob("*"))
    found = (_device(folder) for folder in folders if (folder / "idVendor").exists())
    return [device for device in found if device is not None]


def others(host: Host) -> list[str]:
    """What else is plugged in, hubs left out."""
    return [
        f"{read(folder / 'product') or 'no name'} ({vendor}:{read(folder / 'idProduct')})"
        for folder in sorted(host.path(_DEVICES).glob("*"))
        if (vendor := read(folder / "idVendor"))
        and read(folder / "bDeviceClass") != _HUB_CLASS
        and _device(folder) is None
    ]


def over_currents(host: Host) -> dict[str, int]:
    """How often each USB port switched off because too much current was drawn, where it did."""
    counts = {}
    for file in sorted(host.path("/sys/bus/usb/devices").glob("*/*-port*/over_current_count")):
        count = read(file)
        if count.isdigit() and int(count):
            counts[file.parent.name] = int(count)
    return counts


def _device(folder: Path) -> UsbDevice | None:
    try:
        vendor, product = (int(read(folder / name), 16) for name in ("idVendor", "idProduct"))
    except ValueError:
        return None
    known = classify(vendor, product)
    if known is None:
        return None
    interfaces = sorted(folder.glob(f"{folder.name}:*"))
    return UsbDevice(
        name=folder.name,
        vendor=vendor,
        product=product,
        description=known[1],
        serial_number=read(folder / "serial"),
        kind=known[0],
        ports=tuple(sorted({f"/dev/{tty}" for each in interfaces for tty in _ttys(each)})),
        drivers=tuple(
            sorted({(each / "driver").resolve().name for each in interfaces if _is_driven(each)})
        ),
        bus_powered_hub=_bus_powered_hub(folder),
    )


def _is_driven(interface: Path) -> bool:
    return (interface / "driver").exists()


def _ttys(interface: Path) -> Iterator[str]:
    """``ttyUSB0`` lies in the interface's folder, ``ttyACM0`` in ``tty`` there."""
    for pattern in ("ttyUSB*", "tty/tty*"):
        yield from (path.name for path in interface.glob(pattern))


def _bus_powered_hub(folder: Path) -> str:
    bus, _, ports = folder.name.partition("-")
    above = ports.rpartition(".")[0]
    if not above:
        return ""  # at a socket of the computer
    name = f"{bus}-{above}"
    attributes = read(folder.parent / name / "bmAttributes")
    try:
        is_powered = bool(int(attributes, 16) & _SELF_POWERED)
    except ValueError:
        return ""
    return (
        "" if is_powered else f"{read(folder.parent / name / 'product') or 'a hub'} at USB {name}"
    )
