"""The USB devices of a Linux computer that may be boards, as sysfs tells them.

Source: Linux, ``Documentation/ABI/testing/sysfs-bus-usb`` and ``sysfs-devices-usb``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.doctor.host import read
from mynah.link.ports import BRIDGE, BRIDGES, ESPRESSIF, NATIVE, SERIAL_JTAG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mynah.doctor.host import Host

_DEVICES = "/sys/bus/usb/devices"
_SELF_POWERED = 0x40  # USB 2.0, 9.6.3, bmAttributes
_HUB_CLASS = "09"
_CDC = "cdc_acm"
# The kernel module that drives a bridge; the others speak USB's own class for modems.
_DRIVERS = {0x10C4: "cp210x", 0x0403: "ftdi_sio"}
_CH34X = (0x1A86, {0x7523, 0x5523})


@dataclass(frozen=True, slots=True)
class UsbDevice:
    """A USB device that may be a board."""

    name: str
    """Where it is plugged in: "1-2.3" is port 3 of a hub at port 2 of bus 1."""
    vendor: int
    product: int
    description: str
    serial_number: str
    kind: str
    """`NATIVE`, the chip's own USB, or `BRIDGE`."""
    ttys: tuple[str, ...]
    """Names of its serial ports below /dev."""
    drivers: tuple[str, ...]
    """Names of the drivers that have an interface of it; "usbfs" is some program."""
    bus_powered_hub: str = ""
    """The hub without a supply of its own that it hangs on, if any."""

    @property
    def ids(self) -> str:
        """``1a86:7523``."""
        return f"{self.vendor:04x}:{self.product:04x}"

    @property
    def driver(self) -> str:
        """The kernel module that should drive it."""
        vendor, products = _CH34X
        if self.vendor == vendor and self.product in products:
            return "ch341"
        return _DRIVERS.get(self.vendor, _CDC)

    def __str__(self) -> str:
        return f"{self.description} ({self.ids}) at USB {self.name}"


def boards(host: Host) -> list[UsbDevice]:
    """The devices that may be boards."""
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
    if vendor == ESPRESSIF:
        text = "USB Serial/JTAG" if product == SERIAL_JTAG else "USB of the running firmware"
        kind, text = NATIVE, f"ESP32 {text}"
    elif (vendor, product) in BRIDGES:
        kind, text = BRIDGE, f"{BRIDGES[vendor, product]} USB-to-UART bridge"
    else:
        return None
    interfaces = sorted(folder.glob(f"{folder.name}:*"))
    return UsbDevice(
        name=folder.name,
        vendor=vendor,
        product=product,
        description=text,
        serial_number=read(folder / "serial"),
        kind=kind,
        ttys=tuple(sorted({tty for each in interfaces for tty in _ttys(each)})),
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
