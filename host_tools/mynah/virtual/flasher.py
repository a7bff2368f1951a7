"""What the ROM loader and the stub do to the flash: write, inflate, read out, erase, digest."""

from __future__ import annotations

import hashlib
import struct
import zlib
from enum import Enum
from typing import TYPE_CHECKING

from mynah.virtual.nor import SECTOR_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mynah.virtual.nor import NorFlash


class Fault(Enum):
    """Why a command is refused: the ROM's error code and the stub's.

    Source: esptool's documentation, "Serial Protocol", and ``esp-flasher-stub``'s error list.
    """

    INVALID_MESSAGE = (0x05, 0xC0)
    BAD_CHECKSUM = (0x07, 0xC1)
    BAD_BLOCK_SIZE = (0x05, 0xC2)
    UNKNOWN_COMMAND = (0x05, 0xC3)
    FLASH_FAILED = (0x08, 0xC4)
    NOT_IN_FLASH_MODE = (0x06, 0xC6)
    INFLATE_FAILED = (0x0B, 0xC7)
    NOT_ENOUGH_DATA = (0x0B, 0xC8)
    TOO_MUCH_DATA = (0x0B, 0xC9)


class RefusedError(Exception):
    """A command that is answered with an error."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.name)
        self.fault = fault


class Writer:
    """One write between BEGIN and END: ``size`` bytes from ``offset``, erased sector by sector."""

    def __init__(
        self, flash: NorFlash, offset: int, size: int, *, compressed: bool, erase_first: bool
    ) -> None:
        """``erase_first``: the whole region at once (the ROM), not just before it is written."""
        if offset + size > flash.size:
            raise RefusedError(Fault.FLASH_FAILED)
        self.compressed = compressed
        self._flash = flash
        self._next = offset
        self._end = offset + size
        self._erased_to = offset - offset % SECTOR_SIZE
        self._inflate = zlib.decompressobj() if compressed else None
        if erase_first:
            self._erase_to(self._end)

    def write(self, data: bytes) -> None:
        """Take the next block; of one that is not compressed, padding after the end is ignored."""
        if self._inflate is None:
            if self._next >= self._end and data:
                raise RefusedError(Fault.TOO_MUCH_DATA)
            self._program(data[: self._end - self._next])
            return
        try:
            plain = self._inflate.decompress(data)
        except zlib.error as error:
            raise RefusedError(Fault.INFLATE_FAILED) from error
        if self._next + len(plain) > self._end:
            raise RefusedError(Fault.TOO_MUCH_DATA)
        self._program(plain)

    def check_finished(self) -> None:
        """Refuse the end of a compressed write that came too early."""
        if self.compressed and self._next < self._end:
            raise RefusedError(Fault.NOT_ENOUGH_DATA)

    def _program(self, data: bytes) -> None:
        self._erase_to(self._next + len(data))
        self._flash.program(self._next, data)
        self._next += len(data)

    def _erase_to(self, end: int) -> None:
        end = round_up_to_sector(end)
        if end > self._erased_to:
            self._flash.erase(self._erased_to, end - self._erased_to)
            self._erased_to = end


class Reader:
    """READ_FLASH of the stub: blocks as packets, acknowledged by byte count, then an MD5."""

    def __init__(self, flash: NorFlash, parameters: bytes) -> None:
        """``parameters``: offset, size, bytes a block, blocks that may be unacknowledged."""
        offset, size, block, window = struct.unpack("<IIII", parameters)
        if offset + size > flash.size:
            raise RefusedError(Fault.FLASH_FAILED)
        if not 0 < block <= SECTOR_SIZE or not window:
            raise RefusedError(Fault.BAD_BLOCK_SIZE)
        self._data = flash.read(offset, size)
        self._block = block
        self._window = window * block
        self._sent = 0
        self.done = False

    def packets(self, acknowledged: int) -> Iterator[bytes]:
        """What may be sent now that ``acknowledged`` bytes have arrived; the MD5 comes last."""
        while self._sent < len(self._data) and self._sent < acknowledged + self._window:
            packet = self._data[self._sent : self._sent + self._block]
            self._sent += len(packet)
            yield packet
        if acknowledged >= len(self._data) and not self.done:
            self.done = True
            yield hashlib.md5(self._data).digest()


def erase(flash: NorFlash, offset: int, size: int) -> None:
    """Erase the whole sectors from ``offset`` that hold ``size`` bytes."""
    if offset % SECTOR_SIZE or size % SECTOR_SIZE or offset + size > flash.size:
        raise RefusedError(Fault.FLASH_FAILED)
    flash.erase(offset, size)


def md5(flash: NorFlash, offset: int, size: int) -> bytes:
    """The MD5 of that part of the flash, 16 bytes."""
    if offset + size > flash.size:
        raise RefusedError(Fault.FLASH_FAILED)
    return hashlib.md5(flash.read(offset, size)).digest()


def round_up_to_sector(address: int) -> int:
    """The next sector's start, or ``address`` if it is one."""
    return -(-address // SECTOR_SIZE) * SECTOR_SIZE
