"""``esp32.Partition`` and ``esp32.NVS``: what they write is in the flash, in ESP-IDF's format."""

import base64
import zlib

import pytest

from mynah.flash.partitions import Partition
from mynah.virtual.nor import NorFlash
from mynah.virtual.nvs import Nvs, NvsError

# Made by Espressif's esp-idf-nvs-partition-gen 0.3.0 ("generate ... 0x3000") from a CSV with
# namespace "storage", answer (i32) -42 and blob (hex2bin) _BLOB.
_BLOB = bytes.fromhex("00112233445566778899aabbccddeeff" * 2 + "0123")
_GENERATED = zlib.decompress(
    base64.b64decode(
        """
    eNrtzjEOwXAUx/H3j0GMEi5QsxgcQCIGo8UB2qQsQrSSLkYJV+AGarHiAAZmicEVjAZDnw4qokl3yfezvXyTl1+kqh
    KLNG1W3e/Cp2YSY7Sw7uT9yciz+64kzLubktHTdbO1h37gep8sl6Q3czItNWrOYOTIF0tUr+WHJUWr3ur2gsUyPJxv
    d/29TSV7n2kbHa/mx/T/eKMoAAAAAAAAAAAAAAAAAAAAAAB/4QVMi2Qf
    """
    )
)
_NVS = Partition("nvs", 1, 2, 0x9000, 0x6000)


def test_partitions(shared_micropython):
    rows = shared_micropython.value(
        "[p.info() for p in P.find(P.TYPE_DATA) + P.find(P.TYPE_APP)]",
        "from esp32 import Partition\nP = Partition",
    )
    assert rows == [
        (1, 2, 0x9000, 0x6000, "nvs", False),
        (1, 1, 0xF000, 0x1000, "phy_init", False),
        (1, 0x81, 0x200000, 0xE00000, "vfs", False),
        (0, 0, 0x10000, 0x1F0000, "factory", False),
    ]
    assert shared_micropython.value("Partition(Partition.RUNNING).info()[4]") == "factory"
    with pytest.raises(AssertionError, match="ENOENT"):
        shared_micropython.run("Partition('nothing')")
    with pytest.raises(AssertionError, match="ESP_ERR_NOT_FOUND"):
        shared_micropython.run("Partition('factory').set_boot()")


def test_blocks_are_in_the_flash_with_the_rules_of_nor(shared_micropython):
    shared_micropython.run(
        "from esp32 import Partition\np = Partition('phy_init')\n"
        "assert (p.ioctl(4, 0), p.ioctl(5, 0)) == (1, 4096)\n"
        "p.writeblocks(0, b'a' * 4096); p.writeblocks(0, b'\\x0f', 10)\n"
        "b = bytearray(4); p.readblocks(0, b, 8); assert b == b'aa\\x01a', b\n"
        "q = Partition.find(label='phy_init', block_size=512)[0]\n"
        "q.writeblocks(1, b'z' * 512); c = bytearray(512); q.readblocks(0, c); assert c[0] == 97"
    )
    assert shared_micropython.board.flash.read(0xF000 + 511, 2) == b"az"
    shared_micropython.run("p.ioctl(6, 0)")
    assert shared_micropython.board.flash.read(0xF000, 4096) == b"\xff" * 4096


def test_nvs(micropython):
    micropython.run(
        "from esp32 import NVS\nn = NVS('mynah')\n"
        "n.set_i32('a', -7); n.set_blob('b', b'blob'); n.commit()"
    )
    micropython.restart()
    micropython.run(
        "from esp32 import NVS\nn = NVS('mynah'); b = bytearray(9)\n"
        "assert n.get_i32('a') == -7 and n.get_blob('b', b) == 4 and b[:4] == b'blob'\n"
        "n.erase_key('a')\n"
        "for call, name in ((lambda: n.get_i32('a'), 'ESP_ERR_NVS_NOT_FOUND'),\n"
        "    (lambda: n.get_i32('b'), 'ESP_ERR_NVS_NOT_FOUND'),\n"
        "    (lambda: n.get_blob('b', bytearray(1)), 'ESP_ERR_NVS_INVALID_LENGTH'),\n"
        "    (lambda: n.set_i32('k' * 16, 1), 'ESP_ERR_NVS_KEY_TOO_LONG')):\n"
        "  try: call()\n  except OSError as e: assert e.args[1] == name, e\n"
        "  else: raise Exception('no error')"
    )


def test_nvs_reads_what_espressifs_tool_wrote():
    with NorFlash(size=0x100000) as flash:
        flash.program(_NVS.offset, _GENERATED)
        nvs = Nvs(flash, _NVS)
        storage = nvs.namespace("storage")
        assert nvs.get_i32(storage, "answer") == -42
        assert nvs.get_blob(storage, "blob") == _BLOB


def test_nvs_makes_room_and_loses_nothing():
    with NorFlash(size=0x100000) as flash:
        nvs = Nvs(flash, _NVS)
        numbers = nvs.namespace("numbers")
        blob = bytes(range(256)) * 20
        nvs.set_blob(numbers, "kept", blob)
        for i in range(700):
            nvs.set_i32(numbers, f"key{i % 5}", i)
        assert [nvs.get_i32(numbers, f"key{i}") for i in range(5)] == list(range(695, 700))
        assert Nvs(flash, _NVS).get_blob(numbers, "kept") == blob
        with pytest.raises(NvsError, match="NOT_ENOUGH_SPACE"):
            nvs.set_blob(numbers, "big", bytes(30_000))
        assert nvs.get_blob(numbers, "kept") == blob
