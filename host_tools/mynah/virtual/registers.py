"""The ESP32-S3's registers that esptool reads and writes, at their real addresses.

Source: ESP32-S3 Technical Reference Manual, chapters "eFuse Controller", "Chip Boot Control",
"Low-Power Management"; eFuse fields also from ESP-IDF's ``esp_efuse_table.csv``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mynah.virtual.spi import SPI1_BASE, SPI1_END, FlashStatus, SpiController

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.virtual.types import Identity

_EFUSE = 0x60007000
_VDD_SPI_FORCED_3V3 = 0b111 << 4
_CHIP_REVISION_MINOR = 2
_BLOCK_VERSION = (1, 3)
_PSRAM_CAPACITY = {0: 0, 8: 1, 2: 2, 16: 3, 4: 4}
_PSRAM_VENDOR_AP_3V3 = 1

_GPIO_STRAP = 0x60004038
_STRAP_SPI_BOOT = 1 << 3
_RTC_OPTION1 = 0x6000812C
_FORCE_DOWNLOAD_BOOT = 1
_RTC_WDT_CONFIG0 = 0x60008098
_RTC_WDT_WRITE_PROTECT = 0x600080B0
_RTC_WDT_KEY = 0x50D83AA1
_RTC_WDT_ENABLE = 1 << 31
_CHIP_MAGIC, _CHIP_MAGIC_VALUE = 0x40001000, 0x9


class Registers:
    """Registers by address; those that nobody wrote read as 0."""

    def __init__(self, identity: Identity, on_watchdog: Callable[[], None]) -> None:
        """``on_watchdog`` is called when the RTC watchdog is started: it always fires."""
        self._identity = identity
        self._on_watchdog = on_watchdog
        self._fixed = {_CHIP_MAGIC: _CHIP_MAGIC_VALUE, **_efuses(identity)}
        self._values: dict[int, int] = {}
        self._flash_status = FlashStatus()
        self._spi = SpiController(identity.flash_size, self._flash_status)

    def lose_power(self) -> None:
        """The flash chip's volatile registers are lost, too."""
        self._flash_status.lose_power()

    def reset(self) -> None:
        """Forget everything that was written, as EN low does."""
        self._values.clear()
        self._spi = SpiController(self._identity.flash_size, self._flash_status)

    def set_strap(self, *, download: bool) -> None:
        """Latch GPIO0 as it was when the chip left reset."""
        self._values[_GPIO_STRAP] = 0 if download else _STRAP_SPI_BOOT

    @property
    def force_download(self) -> bool:
        """Whether the next start that is not by EN goes to the loader."""
        return bool(self._values.get(_RTC_OPTION1, 0) & _FORCE_DOWNLOAD_BOOT)

    @force_download.setter
    def force_download(self, value: bool) -> None:
        self._values[_RTC_OPTION1] = _FORCE_DOWNLOAD_BOOT if value else 0

    def read(self, address: int) -> int:
        """The 32 bits at ``address``."""
        if SPI1_BASE <= address < SPI1_END:
            return self._spi.read(address)
        return self._fixed.get(address, self._values.get(address, 0))

    def write(self, address: int, value: int, mask: int = 0xFFFFFFFF) -> None:
        """Replace the bits of ``mask``."""
        value = self.read(address) & ~mask | value & mask
        if SPI1_BASE <= address < SPI1_END:
            self._spi.write(address, value)
            return
        if address == _RTC_WDT_CONFIG0 and self._watchdog_unlocked() and value & _RTC_WDT_ENABLE:
            self._on_watchdog()
        self._values[address] = value

    def _watchdog_unlocked(self) -> bool:
        return self._values.get(_RTC_WDT_WRITE_PROTECT) == _RTC_WDT_KEY


def _efuses(identity: Identity) -> dict[int, int]:
    mac = identity.mac_bytes
    major, minor = _BLOCK_VERSION
    capacity = _PSRAM_CAPACITY[identity.psram_size // 0x100000]
    vendor = _PSRAM_VENDOR_AP_3V3 if capacity else 0
    return {
        _EFUSE + 0x34: _VDD_SPI_FORCED_3V3,
        _EFUSE + 0x44: int.from_bytes(mac[2:], "big"),
        _EFUSE + 0x48: int.from_bytes(mac[:2], "big"),
        _EFUSE + 0x50: _CHIP_REVISION_MINOR << 18 | minor << 24,
        _EFUSE + 0x54: (capacity & 3) << 3 | vendor << 7,
        _EFUSE + 0x58: capacity >> 2 << 19,
        _EFUSE + 0x6C: major,
    }
