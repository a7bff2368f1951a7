import os

import pytest

from mynah.errors import PortError, UsageError
from mynah.virtual.nor import NorFlash, PowerCut

SIZE = 64 * 1024


@pytest.fixture
def flash():
    with NorFlash(size=SIZE) as chip:
        yield chip


def test_a_new_chip_is_blank(flash):
    assert flash.read(0, SIZE) == b"\xff" * SIZE


def test_programming_only_clears_bits(flash):
    flash.program(0x101, b"\x0f\xf0")
    flash.program(0x101, b"\xf1\xff")
    assert flash.read(0x100, 4) == b"\xff\x01\xf0\xff"


def test_erasing_sets_whole_sectors(flash):
    flash.program(0, bytes(SIZE))
    flash.erase(0x1000, 0x2000)
    assert flash.read(0, SIZE) == bytes(0x1000) + b"\xff" * 0x2000 + bytes(SIZE - 0x3000)


@pytest.mark.parametrize(("address", "n"), [(0x800, 0x1000), (0, 0x800), (SIZE, 0x1000)])
def test_erasing_anything_else_is_refused(flash, address, n):
    with pytest.raises(ValueError, match="0x"):
        flash.erase(address, n)


@pytest.mark.parametrize(("address", "n"), [(-1, 1), (SIZE, 1), (SIZE - 1, 2), (0, -1)])
def test_what_is_not_in_the_chip_is_refused(flash, address, n):
    with pytest.raises(ValueError, match="not in"):
        flash.read(address, n)


def test_content_outlives_the_chip_and_the_file_can_be_read_meanwhile(tmp_path):
    path = tmp_path / "flash.bin"
    with NorFlash(path, SIZE) as chip:
        chip.program(5, b"mynah")
        assert path.read_bytes()[5:10] == b"mynah"
    with NorFlash(path, SIZE) as chip:
        assert chip.read(5, 5) == b"mynah"


@pytest.mark.skipif(os.name != "posix", reason="an open file keeps its name on this system")
def test_a_temporary_file_has_no_name_so_that_even_a_killed_process_leaves_none():
    with NorFlash(size=SIZE) as chip:
        assert not chip.path.exists()
        chip.program(0, b"kept")
        assert chip.read(0, 4) == b"kept"
    assert not chip.path.exists()


def test_a_file_of_another_size_is_refused(tmp_path):
    path = tmp_path / "flash.bin"
    path.write_bytes(b"\xff" * 4096)
    with pytest.raises(UsageError, match="4096 bytes"):
        NorFlash(path, SIZE)


def test_a_chip_has_one_board(tmp_path):
    path = tmp_path / "flash.bin"
    pytest.importorskip("fcntl")
    with NorFlash(path, SIZE), pytest.raises(PortError, match="another virtual board"):
        NorFlash(path, SIZE)


def test_power_fails_at_the_asked_operation_and_leaves_it_half_done(flash):
    told = []
    flash.on_power_cut = lambda: told.append("board")
    flash.cut_power_at(2, lambda: told.append("caller"))
    flash.program(0, b"\0\0")
    with pytest.raises(PowerCut):
        flash.program(0x10, bytes(8))
    assert told == ["board", "caller"]
    assert flash.read(0x10, 8) == bytes(4) + b"\xff" * 4
    with pytest.raises(PowerCut):
        flash.erase(0, 0x1000)
    flash.restore_power()
    flash.erase(0, 0x1000)
    assert flash.operations == 3
    assert flash.read(0, 0x1000) == b"\xff" * 0x1000


def test_a_power_cut_that_is_taken_back_does_not_come(flash):
    flash.cut_power_at(1)
    flash.cut_power_at(0)
    flash.program(0, b"\0")
