"""The partition table: which part of the flash holds what.

The messages of a table that is off are those of ESP-IDF's boot loader (``flash_partitions.c``).

Source: ESP-IDF programming guide, "Partition Tables": up to 95 rows of 32 bytes at 0x8000 (magic
AA 50, type, subtype, offset, size, label, flags), then a row EB EB with the MD5 of the rows above,
then erased flash.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterable

TABLE_OFFSET = 0x8000
"""Where the table lies in the flash."""
TABLE_SIZE = 0xC00
"""Bytes of the table, padding included; its flash sector is 0x1000 bytes."""
SECTOR_SIZE = 0x1000
"""Bytes of the smallest part of the flash that can be erased."""

TYPE_APP = 0x00
TYPE_DATA = 0x01
SUBTYPE_FACTORY = 0x00
SUBTYPE_OTA_0 = 0x10
SUBTYPE_OTA_MAX = 0x1F
SUBTYPE_DATA_OTA = 0x00
SUBTYPE_DATA_PHY = 0x01
SUBTYPE_DATA_NVS = 0x02
SUBTYPE_DATA_FAT = 0x81

VFS_LABEL = "vfs"
"""MicroPython's filesystem, LittleFS v2."""

_ROW = "<2sBBII16sI"
_ROW_SIZE = 32
_MAGIC = b"\xaa\x50"
_MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14
_ERASED = b"\xff" * _ROW_SIZE
_APP_ALIGNMENT = 0x10000


@dataclass(frozen=True, slots=True)
class Partition:
    """One row of the table; offset and size in bytes of the whole flash."""

    label: str
    type: int
    subtype: int
    offset: int
    size: int
    flags: int = 0

    @property
    def end(self) -> int:
        """The first byte after the partition."""
        return self.offset + self.size


def parse(table: bytes, *, flash_size: int | None = None) -> tuple[Partition, ...]:
    """Read the table that ``table`` starts with, checked as the second-stage boot loader does.

    Raises:
        ImageError: no table, a wrong MD5, rows that overlap, are misaligned, or (where
            ``flash_size`` in bytes is given) reach beyond the flash.
    """
    partitions: list[Partition] = []
    for start in range(0, min(len(table), TABLE_SIZE), _ROW_SIZE):
        row = table[start : start + _ROW_SIZE]
        if row == _ERASED:
            break
        if row.startswith(_MD5_MAGIC):
            if row[16:] != hashlib.md5(table[:start]).digest():
                raise ImageError("partition table: Incorrect MD5 checksum")
        elif row.startswith(_MAGIC) and len(row) == _ROW_SIZE:
            partitions.append(_parse_row(row))
        else:
            magic = int.from_bytes(row[:2], "little")
            raise ImageError(
                f"partition table: partition {start // _ROW_SIZE} invalid magic number 0x{magic:x}"
            )
    else:
        raise ImageError("partition table has no terminating entry, not valid")
    if not partitions:
        raise ImageError("partition table: partition 0 invalid magic number 0xffff")
    _check(partitions, flash_size)
    return tuple(partitions)


def build(partitions: Iterable[Partition]) -> bytes:
    """The table's bytes, MD5 row included, padded to ``TABLE_SIZE``.

    Raises:
        ImageError: rows that overlap or are misaligned, or too many of them.
    """
    rows = list(partitions)
    _check(rows, None)
    table = b"".join(
        struct.pack(
            _ROW,
            _MAGIC,
            row.type,
            row.subtype,
            row.offset,
            row.size,
            row.label.encode("ascii")[:16],
            row.flags,
        )
        for row in rows
    )
    table += _MD5_MAGIC + hashlib.md5(table).digest()
    if len(table) > TABLE_SIZE - _ROW_SIZE:
        raise ImageError(f"{len(rows)} partitions do not fit into the table")
    return table.ljust(TABLE_SIZE, b"\xff")


def stock() -> tuple[Partition, ...]:
    """The table of stock MicroPython for boards of 4 MB and more: no filesystem row.

    From MicroPython's ``ports/esp32/partitions-4MiBplus.csv``. `with_filesystem` adds the
    filesystem as MicroPython does when it starts.
    """
    return (
        Partition("nvs", TYPE_DATA, SUBTYPE_DATA_NVS, 0x9000, 0x6000),
        Partition("phy_init", TYPE_DATA, SUBTYPE_DATA_PHY, 0xF000, 0x1000),
        Partition("factory", TYPE_APP, SUBTYPE_FACTORY, 0x10000, 0x1F0000),
    )


def with_filesystem(partitions: Iterable[Partition], flash_size: int) -> tuple[Partition, ...]:
    """``partitions`` and, if none is labelled ``vfs`` or ``ffat``, MicroPython's own ``vfs``.

    It takes all flash after the last partition (``ports/esp32/main.c``,
    ``mp_task``'s board start-up); a flash with nothing left there gets none.
    """
    rows = tuple(partitions)
    end = max((row.end for row in rows), default=0)
    if find(rows, VFS_LABEL) or find(rows, "ffat") or not 0 < end < flash_size:
        return rows
    return (*rows, Partition(VFS_LABEL, TYPE_DATA, SUBTYPE_DATA_FAT, end, flash_size - end))


def find(partitions: Iterable[Partition], label: str) -> Partition | None:
    """The partition with that label, or None."""
    return next((row for row in partitions if row.label == label), None)


def _parse_row(row: bytes) -> Partition:
    _, type_, subtype, offset, size, label, flags = struct.unpack(_ROW, row)
    text = label.split(b"\0", 1)[0].decode("ascii", "replace")
    return Partition(text, type_, subtype, offset, size, flags)


def _check(partitions: list[Partition], flash_size: int | None) -> None:
    end = TABLE_OFFSET + SECTOR_SIZE
    for row in sorted(partitions, key=lambda row: row.offset):
        alignment = _APP_ALIGNMENT if row.type == TYPE_APP else SECTOR_SIZE
        if row.offset % alignment:
            raise ImageError(f"partition {row.label} at 0x{row.offset:x} is misaligned")
        if row.offset < end:
            raise ImageError(f"partition {row.label} at 0x{row.offset:x} overlaps what is before")
        end = row.end
        if flash_size is not None and end > flash_size:
            raise ImageError(
                f"partition {row.label} ends at 0x{end:x}, beyond the flash of 0x{flash_size:x}"
            )
