"""Unmodified esptool flashes the virtual board over RFC 2217, with its stub and without."""

import os
import re
import subprocess
import sys
import threading

import pytest

from mynah.flash import partitions
from mynah.virtual.board import VirtualBoard
from mynah.virtual.chip import State
from mynah.virtual.factory import flash_content

STUB = pytest.mark.parametrize("stub", [[], ["--no-stub"]], ids=["stub", "rom"])
# Half of it compresses, half does not, as with firmware.
DATA = (b"mynah speaks " * 1000 + bytes(range(256)) * 8) + bytes(3000)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(DATA)
    return path


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    """Arguments of write-flash that make a board boot."""
    folder = tmp_path_factory.mktemp("firmware")
    arguments = []
    for offset, data in flash_content("v1.29.0"):
        path = folder / f"{offset:x}.bin"
        path.write_bytes(data)
        arguments += [hex(offset), str(path)]
    return arguments


@STUB
def test_flash_a_blank_board_and_run_it(echo_board, esptool, firmware, wait_for, stub):
    board = echo_board(bootable=False)
    text = esptool(board, *stub, "write-flash", *firmware)
    assert text.count("Hash of data verified.") == 3
    wait_for(lambda: board.cpu.running)
    assert partitions.parse(board.flash.read(0x8000, 0xC00)) == partitions.stock()


@STUB
def test_identification(echo_board, esptool, stub):
    board = echo_board()
    text = esptool(board, *stub, "--baud", 460800, "flash-id")
    assert "Chip type:          ESP32-S3 (QFN56) (revision v0.2)" in text
    assert "Embedded PSRAM 8MB (AP_3v3)" in text
    assert "Crystal frequency:  40MHz" in text
    assert "Detected flash size: 16MB" in text
    assert "quad (4 data lines)" in text
    assert re.search(r"MAC: +" + board.mac, text)
    command = "chip-id" if stub else "read-mac"
    assert board.mac in esptool(board, *stub, "--chip", "esp32s3", command)


@STUB
@pytest.mark.parametrize("compression", ["--compress", "--no-compress"])
def test_write_and_verify(echo_board, esptool, image, stub, compression):
    board = echo_board()
    board.flash.program(0x300000, bytes(0x8000))
    esptool(board, *stub, "--baud", 921600, "write-flash", compression, "0x300000", image)
    assert board.flash.read(0x300000, len(DATA)) == DATA
    after = -(-len(DATA) // 0x1000) * 0x1000
    assert board.flash.read(0x300000 + after, 4) == bytes(4)


@STUB
def test_verify_and_read_back(echo_board, esptool, image, tmp_path, stub):
    board = echo_board()
    board.flash.program(0x300000, DATA)
    esptool(board, *stub, "verify-flash", "0x300000", image)
    size = 0x1800 if stub else len(DATA)
    esptool(board, *stub, "read-flash", "0x300000", size, tmp_path / "read.bin")
    assert (tmp_path / "read.bin").read_bytes() == DATA[:size]
    board.flash.program(0x300100, b"\0")
    esptool(board, *stub, "verify-flash", "0x300000", image, fails=True)


@STUB
def test_erase_region(echo_board, esptool, stub):
    board = echo_board()
    board.flash.program(0x300000, bytes(0x3000))
    esptool(board, *stub, "erase-region", "0x301000", "0x1000")
    assert board.flash.read(0x300FFF, 0x1002) == b"\0" + b"\xff" * 0x1000 + b"\0"


def test_erase_flash(echo_board, esptool):
    board = echo_board()
    esptool(board, "erase-flash")
    assert board.flash.read(0, 0x20000) == b"\xff" * 0x20000
    assert not board.cpu.running


def test_run(echo_board, esptool, wait_for):
    board = echo_board()
    esptool(board, "--no-stub", "--after", "no-reset", "run")
    wait_for(lambda: board.cpu.running)
    esptool(board, "run")
    wait_for(lambda: board.cpu.running)
    assert len(board.cpu.boots) == 3


def test_before_and_after(echo_board, esptool, wait_for):
    board = echo_board()
    esptool(board, "--after", "no-reset-stub", "read-mac")
    text = esptool(board, "--before", "no-reset", "--after", "no-reset", "read-mac")
    assert "Stub flasher is already running" in text
    assert board.state is State.ROM_LOADER
    esptool(board, "--before", "no-reset", "--after", "watchdog-reset", "read-mac")
    wait_for(lambda: board.cpu.running)
    esptool(board, "--no-stub", "--after", "soft-reset", "read-mac")
    wait_for(lambda: len(board.cpu.boots) == 3)


def test_security_info(echo_board, esptool):
    board = echo_board()
    text = esptool(board, "--no-stub", "get-security-info")
    assert "Chip ID: 9" in text
    assert "Secure Boot: Disabled" in text


def test_unplugged_in_mid_flash(echo_board, esptool, tmp_path, wait_for):
    """esptool tries for some seconds to find the board again, and then starts over."""
    board = echo_board()
    data = os.urandom(1 << 20)
    path = tmp_path / "big.bin"
    path.write_bytes(data)
    begun = board.flash.operations
    unplugged_with = []

    def pull_and_put_back():
        wait_for(lambda: board.flash.operations > begun + 20)
        board.unplug()
        unplugged_with.append(board.flash.read(0x300000, len(data)))
        board.replug()

    hand = threading.Thread(target=pull_and_put_back)
    hand.start()
    text = esptool(board, "write-flash", "0x300000", str(path))
    hand.join()
    assert "Lost connection" in text
    (kept,) = unplugged_with
    assert kept[:0x1000] == data[:0x1000]
    assert kept[-0x1000:] == b"\xff" * 0x1000
    assert board.flash.read(0x300000, len(data)) == data


def test_with_pyserials_own_port(echo_board):
    """The rest of the file uses a quicker RFC 2217 client; this is what a user types."""
    board = echo_board()
    command = [sys.executable, "-m", "esptool", "--port", board.url, "--no-stub"]
    done = subprocess.run(
        [*command, "--chip", "esp32s3", "read-mac"], capture_output=True, text=True, check=True
    )
    assert board.mac in done.stdout


def test_stock_micropython_runs_with_its_own_layout(esptool, stock_image, tmp_path, wait_for):
    """The real CPU, found and started from an image of the shape that micropython.org ships."""
    path = tmp_path / "ESP32_GENERIC_S3-SPIRAM_OCT-v1.27.0.bin"
    path.write_bytes(stock_image)
    program = (
        "import esp32; app = esp32.Partition(esp32.Partition.RUNNING).info()[4];"
        "vfs = esp32.Partition.find(1, label='vfs')[0].info(); print(app, vfs[2:5])"
    )
    with VirtualBoard() as board:
        esptool(board, "write-flash", "0", path)
        wait_for(lambda: board.state is State.RUNNING)
        command = [sys.executable, "-m", "mpremote", "connect", board.url, "exec", program]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "factory (2097152, 14680064, 'vfs')"
