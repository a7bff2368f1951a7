"""The flash as the running program sees it: partitions and raw access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mynah.virtual.link import DONE, Answer, BoardOSError, Operation, Services
from mynah.virtual.nor import NorFlash, PowerCut

if TYPE_CHECKING:
    from mynah.flash.partitions import Partition
    from mynah.virtual.types import BootInfo

_EIO = 5


class FlashController:
    """Serves ``esp32.Partition``. Reads do not come here: the child reads the chip's file."""

    def __init__(self, flash: NorFlash, services: Services) -> None:
        self._flash = flash
        self.boot: BootInfo | None = None
        """The layout that the CPU runs from."""
        services.add("flash_file", lambda: str(flash.path))
        services.add("partitions", self._find)
        services.add("partition_app", self._app)
        services.add_operation(Operation.FLASH_PROGRAM, self._program)
        services.add_operation(Operation.FLASH_ERASE, self._erase)

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
