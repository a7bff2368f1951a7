"""A USB device that may be a board, told by its vendor's and its product's numbers."""

from __future__ import annotations

from dataclasses import dataclass

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
    """`NATIVE`, the chip's own USB, or `BRIDGE`: `mynah.link.ports`."""
    ports: tuple[str, ...]
    """Names of its serial ports: "/dev/ttyUSB0", "COM3"."""
    drivers: tuple[str, ...]
    """The drivers that have an interface of it (Linux); "usbfs" is some program."""
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
        return f"{self.description} ({self.ids})" + (f" at USB {self.name}" if self.name else "")
