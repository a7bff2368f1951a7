"""The I2C buses, and the devices on them."""

from __future__ import annotations

from typing import Protocol

from mynah.virtual.link import Answer, BoardOSError, Operation, Services

_ENODEV = 19


class I2cDevice(Protocol):
    """A chip on an I2C bus."""

    def write(self, data: bytes) -> None:
        """Take the bytes of one write transfer."""

    def read(self, n: int) -> bytes:
        """Give the ``n`` bytes of one read transfer."""


class I2cBuses:
    """Serves ``machine.I2C``; devices are attached by the bus's SDA pin and 7-bit address."""

    def __init__(self) -> None:
        self._devices: dict[tuple[int, int], I2cDevice] = {}

    def attach(self, sda: int, address: int, device: I2cDevice) -> None:
        """Put a device on the bus of that SDA pin."""
        self._devices[sda, address] = device

    def serve(self, services: Services) -> None:
        """Offer the buses to a CPU."""
        services.add("i2c_scan", self._scan)
        services.add_operation(Operation.I2C_READ, self._read)
        services.add_operation(Operation.I2C_WRITE, self._write)

    def _scan(self, sda: int) -> list[int]:
        return sorted(address for bus, address in self._devices if bus == sda)

    def _device(self, bus_and_address: int) -> I2cDevice:
        device = self._devices.get((bus_and_address >> 8, bus_and_address & 0x7F))
        if device is None:
            raise BoardOSError(_ENODEV)
        return device

    def _read(self, bus_and_address: int, n: int, _data: bytes) -> Answer:
        data = self._device(bus_and_address).read(n)
        return len(data), data

    def _write(self, bus_and_address: int, _b: int, data: bytes) -> Answer:
        self._device(bus_and_address).write(data)
        return len(data), b""
