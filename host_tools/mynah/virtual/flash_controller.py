"""The flash as the running program sees it: partitions and raw access."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

from mynah.flash.partitions import (
    SECTOR_SIZE,
    SUBTYPE_DATA_OTA,
    SUBTYPE_OTA_0,
    SUBTYPE_OTA_MAX,
    TYPE_APP,
    TYPE_DATA,
    find,
)
from mynah.virtual.link import (
    DONE,
    Answer,
    BoardException,
    BoardOSError,
    Operation,
    Services,
)
from mynah.virtual.nor import NorFlash, PowerCut
from mynah.virtual.nvs import Nvs, NvsError

if TYPE_CHECKING:
    from mynah.flash.partitions import Partition
    from mynah.virtual.types import BootInfo

_ENOENT = 2
_EIO = 5
_ERASED = 0xFFFFFFFF
_ESP_ERR_NOT_FOUND = (-0x105, "ESP_ERR_NOT_FOUND")


class FlashController:
    """Serves ``esp32.Partition`` and ``esp32.NVS``.

    Reads of partitions do not come here: the child reads the chip's file.
    """

    def __init__(self, flash: NorFlash, services: Services) -> None:
        self._flash = flash
        self.boot: BootInfo | None = None
        """The layout that the CPU runs from."""
        services.add("flash_file", flash.fileno)
        services.add("partitions", self._find)
        services.add("partition_app", self._app)
        services.add("partition_set_boot", self._set_boot)
        services.add("partition_next_update", self._next_update)
        services.add("nvs", self._nvs)
        services.add_operation(Operation.FLASH_PROGRAM, self._program)
        services.add_operation(Operation.FLASH_ERASE, self._erase)

    def fileno(self) -> int:
        """The descriptor of the flash's file."""
        return self._flash.fileno()

    def _find(self, type_: int | None, subtype: int | None, label: str | None) -> list[list[Any]]:
        assert self.boot is not None
        return [
            _row(partition)
            for partition in self.boot.partitions
            if (type_ is None or partition.type == type_)
            and (subtype is None or partition.subtype == subtype)
            and (label is None or partition.label == label)
        ]

    def _app(self, _which: int) -> list[Any]:
        """The partition that boots (0) or runs (1)."""
        assert self.boot is not None
        return _row(self.boot.running)

    def _slots(self) -> list[Partition]:
        """The OTA slots in order."""
        assert self.boot is not None
        apps = [row for row in self.boot.partitions if row.type == TYPE_APP]
        slots = [row for row in apps if SUBTYPE_OTA_0 <= row.subtype <= SUBTYPE_OTA_MAX]
        return sorted(slots, key=lambda row: row.subtype)

    def _next_update(self, label: str) -> list[Any]:
        """``esp_ota_get_next_update_partition``: the slot after the given one."""
        slots = self._slots()
        if not slots:
            raise BoardOSError(_ENOENT)
        labels = [slot.label for slot in slots]
        current = labels.index(label) if label in labels else -1
        return _row(slots[(current + 1) % len(slots)])

    def _set_boot(self, label: str) -> None:
        """``esp_ota_set_boot_partition``: the other sector of otadata selects the slot."""
        assert self.boot is not None
        labels = [slot.label for slot in self._slots()]
        is_otadata = (TYPE_DATA, SUBTYPE_DATA_OTA)
        otadata = [row for row in self.boot.partitions if (row.type, row.subtype) == is_otadata]
        if not otadata or label not in labels:
            raise BoardException("OSError", *_ESP_ERR_NOT_FOUND)
        sectors = [otadata[0].offset + i * SECTOR_SIZE for i in range(2)]
        old = [int.from_bytes(self._flash.read(sector, 4), "little") for sector in sectors]
        numbers = [number if number != _ERASED else 0 for number in old]
        sequence = max(numbers) + 1
        while (sequence - 1) % len(labels) != labels.index(label):
            sequence += 1
        sector = sectors[numbers.index(min(numbers))]
        number = struct.pack("<I", sequence)
        crc = zlib.crc32(number, _ERASED)
        entry = number + b"\xff" * 20 + struct.pack("<II", _ERASED, crc)
        self._flash.erase(sector, SECTOR_SIZE)
        self._flash.program(sector, entry)

    def _nvs(self, action: str, namespace: str | int, *arguments: Any) -> Any:
        """``esp32.NVS``; blobs come and go as hexadecimal text."""
        assert self.boot is not None
        try:
            nvs = Nvs(self._flash, find(self.boot.partitions, "nvs"))
            if action == "open":
                return nvs.namespace(str(namespace))
            if action == "set_blob":
                arguments = (arguments[0], bytes.fromhex(arguments[1]))
            result = getattr(nvs, action)(int(namespace), *arguments)
        except NvsError as error:
            raise BoardException("OSError", *error.args) from None
        except PowerCut:
            raise BoardOSError(_EIO) from None
        return result.hex() if isinstance(result, bytes) else result

    def _program(self, address: int, _b: int, data: bytes) -> Answer:
        try:
            self._flash.program(address, data)
        except (PowerCut, ValueError):
            raise BoardOSError(_EIO) from None
        return DONE

    def _erase(self, address: int, size: int, _data: bytes) -> Answer:
        try:
            self._flash.erase(address, size)
        except (PowerCut, ValueError):
            raise BoardOSError(_EIO) from None
        return DONE


def _row(partition: Partition) -> list[Any]:
    return [partition.type, partition.subtype, partition.offset, partition.size, partition.label, 0]
