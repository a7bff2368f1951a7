"""Tables are compared with esp-idf's own binary form, written down byte by byte."""

import hashlib
import struct

import pytest

from mynah.errors import ImageError
from mynah.flash import partitions
from mynah.flash.partitions import Partition

# nvs, data, nvs, 0x9000, 0x6000 as ESP-IDF's gen_esp32part.py packs it.
NVS_ROW = bytes.fromhex("aa500102 00900000 00600000 6e767300" + "00" * 16)
ERASED = b"\xff" * 32


def md5_row(rows):
    return b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(rows).digest()


def test_stock_table_in_binary():
    table = partitions.build(partitions.stock())
    assert len(table) == partitions.TABLE_SIZE
    assert table[:32] == NVS_ROW
    assert table[96:128] == md5_row(table[:96])
    assert table[128:] == b"\xff" * (partitions.TABLE_SIZE - 128)
    assert partitions.parse(table) == partitions.stock()


def test_a_table_without_md5_is_read():
    assert partitions.parse(NVS_ROW + ERASED) == (Partition("nvs", 1, 2, 0x9000, 0x6000),)


def row(label, type_, subtype, offset, size):
    return struct.pack("<2sBBII16sI", b"\xaa\x50", type_, subtype, offset, size, label, 0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"\xff" * 0xC00, "invalid magic number 0xffff"),
        (bytes(0xC00), "partition 0 invalid magic number 0x0"),
        (NVS_ROW + b"\x12\x34" + bytes(30), "partition 1 invalid magic number 0x3412"),
        (NVS_ROW[:20], "partition 0 invalid magic number"),
        (NVS_ROW, "no terminating entry"),
        (NVS_ROW + md5_row(b"other") + ERASED, "Incorrect MD5 checksum"),
        (NVS_ROW + row(b"x", 1, 2, 0x9000, 0x1000) + ERASED, "x at 0x9000 overlaps"),
        (row(b"x", 1, 2, 0x7000, 0x1000) + ERASED, "x at 0x7000 overlaps"),
        (row(b"x", 1, 2, 0x9100, 0x1000) + ERASED, "misaligned"),
        (row(b"x", 0, 0, 0x11000, 0x1000) + ERASED, "misaligned"),
        (row(b"x", 1, 2, 0x9000, 0x800000) + ERASED, "beyond the flash"),
    ],
)
def test_tables_that_are_off(table, message):
    with pytest.raises(ImageError, match=message):
        partitions.parse(table, flash_size=0x400000)


def test_too_many_partitions_are_refused():
    rows = [Partition(f"p{n}", 1, 2, 0x9000 + n * 0x1000, 0x1000) for n in range(95)]
    with pytest.raises(ImageError, match="do not fit"):
        partitions.build(rows)
    assert partitions.parse(partitions.build(rows[:94])) == tuple(rows[:94])


@pytest.mark.parametrize("megabytes", [4, 8, 16])
def test_micropython_takes_the_rest_of_the_flash(megabytes):
    everything = partitions.with_filesystem(partitions.stock(), megabytes << 20)
    vfs = partitions.find(everything, "vfs")
    assert (vfs.offset, vfs.end) == (0x200000, megabytes << 20)
    assert partitions.with_filesystem(everything, 32 << 20) == everything


def test_a_full_flash_gets_no_filesystem():
    assert partitions.with_filesystem(partitions.stock(), 0x200000) == partitions.stock()
