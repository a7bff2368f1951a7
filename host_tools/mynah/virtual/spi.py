"""The SPI1 controller with the flash chip on it, as the ROM loader's register commands see it.

Registers: ESP32-S3 Technical Reference Manual, "SPI Controller", and esp-idf's
``soc/esp32s3/register/soc/spi_mem_reg.h``. Chip commands: the JEDEC ones that NOR chips share;
the chip answers as a GigaDevice GD25Q of its size.
"""

from __future__ import annotations

SPI1_BASE = 0x60002000
SPI1_END = SPI1_BASE + 0x100

_CMD, _USR, _ADDR, _USR2, _MISO_DLEN, _W0 = 0x00, 0x18, 0x04, 0x20, 0x28, 0x58
_CMD_USR = 1 << 18
_USR_MISO = 1 << 28

_READ_ID, _READ_SFDP = 0x9F, 0x5A
_READ_STATUS = {0x05: 0, 0x35: 1, 0x15: 2}
_WRITE_STATUS = {0x01: 0, 0x31: 1, 0x11: 2}
_WRITE_ENABLE = {0x06: False, 0x50: True}  # for good, or until the power fails
_GIGADEVICE, _QUAD_FAMILY = 0xC8, 0x40
# JESD216: signature, revision 1.6, one parameter header, then that header (none follows).
_SFDP = b"SFDP\x06\x01\x00\xff" + b"\x00\x06\x01\x00\xff\xff\xff\xff"
_QUAD_ENABLE = 0x02


class FlashStatus:
    """The three status registers of the flash chip, which a reset of the ESP32 does not touch."""

    def __init__(self) -> None:
        self.values = [0, _QUAD_ENABLE, 0]
        self._kept = list(self.values)

    def write(self, index: int, value: int, *, volatile: bool) -> None:
        """Set one."""
        self.values[index] = value
        if not volatile:
            self._kept[index] = value

    def lose_power(self) -> None:
        """Forget what was written as volatile."""
        self.values = list(self._kept)


class SpiController:
    """Runs the flash commands that are not the loader's own (identification, status)."""

    def __init__(self, flash_size: int, status: FlashStatus) -> None:
        """``flash_size`` in bytes, a power of two; ``status`` of the chip."""
        capacity = flash_size.bit_length() - 1
        self._id = bytes([_GIGADEVICE, _QUAD_FAMILY, capacity])
        self._status = status
        self._volatile = False
        self._registers: dict[int, int] = {}

    def read(self, address: int) -> int:
        """The register's value, 32 bits."""
        return self._registers.get(address - SPI1_BASE, 0)

    def write(self, address: int, value: int) -> None:
        """Set a register; the command register's USR bit runs a flash command at once."""
        offset = address - SPI1_BASE
        if offset == _CMD:
            if value & _CMD_USR:
                self._run()
            return
        self._registers[offset] = value

    def _run(self) -> None:
        command = self._registers.get(_USR2, 0) & 0xFF
        if command in _WRITE_ENABLE:
            self._volatile = _WRITE_ENABLE[command]
        if command in _WRITE_STATUS:
            value = self._registers.get(_W0, 0) & 0xFF
            self._status.write(_WRITE_STATUS[command], value, volatile=self._volatile)
        if self._registers.get(_USR, 0) & _USR_MISO:
            n_bits = (self._registers.get(_MISO_DLEN, 0) & 0x3FF) + 1
            reply = int.from_bytes(self._reply(command), "little")
            self._registers[_W0] = reply & (1 << n_bits) - 1

    def _reply(self, command: int) -> bytes:
        if command == _READ_ID:
            return self._id
        if command in _READ_STATUS:
            return bytes([self._status.values[_READ_STATUS[command]]])
        if command == _READ_SFDP:
            start = self._registers.get(_ADDR, 0) & 0xFFFFFF
            return _SFDP[start : start + 4].ljust(4, b"\xff")
        return b"\xff" * 4
