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
        assert chip.path is None
        assert os.fstat(chip.fileno()).st_nlink == 0
        chip.program(0, b"kept")
        assert chip.read(0, 4) == os.pread(chip.fileno(), 4, 0) == b"kept"


def test_content_is_put_in_whole_and_only_its_sectors_change(tmp_path):
    path = tmp_path / "flash.bin"
    with NorFlash(path, SIZE, [(0x1004, b"first")]) as chip:
        assert chip.read(0x1000, 10) == b"\xff" * 4 + b"first" + b"\xff"
        chip.program(0x1100, b"same sector")
        chip.program(0x3000, b"another")
    with NorFlash(path, SIZE, [(0x1000, b"second")]) as chip:
        assert chip.read(0x1000, 12) == b"second" + b"\xff" * 6
        assert chip.read(0x1100, 11) == b"\xff" * 11
        assert chip.read(0x3000, 7) == b"another"
    assert [file.name for file in tmp_path.iterdir()] == ["flash.bin"]


def test_a_content_that_cannot_be_written_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "flash.bin"
    with NorFlash(path, SIZE, [(0, b"old")]):
        pass
    with pytest.raises(ValueError, match="not in"):
        NorFlash(path, SIZE, [(SIZE - 1, b"new")])
    assert path.read_bytes()[:3] == b"old"


def test_a_draft_that_a_killed_process_left_is_no_harm(tmp_path):
    path = tmp_path / "flash.bin"
    (tmp_path / ".flash.bin.new").write_bytes(b"half")
    with NorFlash(path, SIZE, [(0, b"whole")]) as chip:
        assert chip.read(0, 6) == b"whole\xff"
    assert [file.name for file in tmp_path.iterdir()] == ["flash.bin"]


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


def test_whoever_only_reads_it_does_not_keep_it_from_the_next_board(tmp_path):
    path = tmp_path / "flash.bin"
    with NorFlash(path, SIZE) as chip:
        reader = os.dup(chip.fileno())  # as a MicroPython process has it
    try:
        with NorFlash(path, SIZE) as chip:
            chip.program(0, b"next")
            assert os.pread(reader, 4, 0) == b"next"
    finally:
        os.close(reader)


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
