"""What the fixture ``flash`` is: the content of the board's flash."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mynah.errors import VerificationError
from mynah.flash import esptool, filesystem, partitions, writer
from mynah.flash.plan import Region
from mynah.hil.parts import MissingPartError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mynah.flash.partitions import Partition
    from mynah.hil.device import Device

_CHIP = ("--chip", "esp32s3")
_SECTOR = 4096


class BoardFlash:
    """Reads and writes the flash: of a virtual board at once, of a real one with esptool.

    The next test finds a virtual board's flash as it was.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._virtual = device.board.virtual

    def read(self, offset: int, size: int) -> bytes:
        """``size`` bytes from ``offset``; a real board restarts.

        Raises:
            MynahError: esptool cannot read it.
        """
        if self._virtual is not None:
            return self._virtual.flash.read(offset, size)
        with self._device.released() as port, tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "flash.bin")
            esptool.run(port, ["read-flash", hex(offset), hex(size), str(path)], options=_CHIP)
            return path.read_bytes()

    def write(self, content: Mapping[int, bytes]) -> None:
        """Write by offset (multiples of 4096), then start the board; it is not waited for.

        Raises:
            MissingPartError: the board is real and ``--flash`` was not given.
            MynahError: esptool cannot write it.
        """
        self._check_allowed()
        if self._virtual is None:
            with self._device.released() as port:
                regions = [Region("test's", *each) for each in sorted(content.items())]
                writer.flash(port, regions)
            return
        self._virtual.power_off()
        flash = self._virtual.flash
        flash.restore_power()
        for offset, data in content.items():
            flash.erase(offset, -(-len(data) // _SECTOR) * _SECTOR)
            flash.program(offset, data)
        self._virtual.power_on()

    def erase(self) -> None:
        """Set the whole flash to ones: nothing starts any more.

        Raises:
            MissingPartError: the board is real and ``--flash`` was not given.
            MynahError: esptool cannot erase it.
        """
        self._check_allowed()
        if self._virtual is None:
            with self._device.released() as port:
                esptool.run(port, ["erase-flash"], options=_CHIP)
            return
        self._virtual.power_off()
        self._virtual.flash.restore_power()
        self._virtual.flash.erase(0, self._virtual.flash.size)
        self._virtual.power_on()

    def partition(self, name: str = partitions.VFS_LABEL) -> Partition:
        """Where a partition lies; the filesystem's own is "vfs".

        Raises:
            VerificationError: there is no such partition; the filesystem's own is only known where
                the board's type is.
        """
        table = partitions.parse(self.read(partitions.TABLE_OFFSET, partitions.SECTOR_SIZE))
        kind = self._device.board.kind
        if kind is not None:
            table = partitions.with_filesystem(table, kind.flash_size)
        found = partitions.find(table, name)
        if found is None:
            unknown = ": say what the board is, --board NAME or its type" if kind is None else ""
            raise VerificationError(f"the board's flash has no partition {name!r}{unknown}")
        return found

    def files(self) -> dict[str, bytes]:
        """Every file of the board's filesystem by its absolute path, as the flash holds them.

        Raises:
            VerificationError: the filesystem is damaged.
        """
        from littlefs import LittleFSError

        vfs = self.partition()
        try:
            return filesystem.read(self.read(vfs.offset, vfs.size), vfs.size)
        except LittleFSError as error:
            raise VerificationError(f"the board's filesystem is damaged: {error}") from error

    def _check_allowed(self) -> None:
        if not self._device.board.may_flash:
            raise MissingPartError(
                f"board {self._device.board.name} is real: allow tests to overwrite it with --flash"
            )
