"""From reset to application: what the flash must hold, and what the lines and the supply do."""

import struct
import zlib

import pytest

from mynah.flash import partitions
from mynah.flash.app_info import AppInfo
from mynah.flash.image import Segment, build_image, virtual_images
from mynah.flash.partitions import Partition
from mynah.virtual.boot import BootError, boot_from
from mynah.virtual.chip import State
from mynah.virtual.factory import flash_content
from mynah.virtual.nor import NorFlash, PowerCut
from mynah.virtual.types import ResetCause

MIB = 1 << 20


@pytest.fixture
def flash():
    with NorFlash(size=16 * MIB) as chip:
        for offset, data in flash_content("v1.29.0"):
            chip.program(offset, data)
        yield chip


def overwrite(flash, offset, data):
    start = offset - offset % 0x1000
    content = bytearray(flash.read(start, 0x1000))
    content[offset - start : offset - start + len(data)] = data
    flash.erase(start, 0x1000)
    flash.program(start, bytes(content))


def complaint(flash):
    with pytest.raises(BootError) as caught:
        boot_from(flash)
    return caught.value.log.decode()


def test_a_stock_image_is_recognised_and_gets_the_rest_of_the_flash(stock_image):
    with NorFlash(size=16 * MIB) as flash:
        flash.program(0, stock_image)
        boot = boot_from(flash)
    assert (boot.app.name, boot.app.version) == ("micropython", "v1.27.0")
    assert boot.app.idf_version == "v5.5.1"
    assert boot.running == Partition("factory", 0, 0, 0x10000, 0x1F0000)
    assert (boot.vfs.offset, boot.vfs.size) == (2 * MIB, 14 * MIB)
    assert boot.log.splitlines()[-1] == b"entry 0x403c891c"
    assert b"load:0x3fce2820,len:0x10cc" in boot.log


def test_blank(flash):
    flash.erase(0, 0x1000)
    assert complaint(flash) == "invalid header: 0xffffffff\r\n" * 8


@pytest.mark.parametrize(
    ("offset", "data", "text"),
    [
        (0x0C, b"\x00", "Invalid chip id. Expected 9 read 0. Bootloader for wrong chip?"),
        (0x01, b"\x63", "Invalid image block, can't boot."),
        (0x20, b"\x01", "Checksum failure. Calculated 0x"),
        (0x8000, b"\xff" * 128, "E (100) flash_parts: partition 0 invalid magic number 0xffff"),
        (0x8004, b"\x01", "E (100) boot: Failed to verify partition table"),
        (0x10000, b"\xff" * 4, "image at 0x10000 has invalid magic byte (nothing flashed here?)"),
        (0x10030, b"\x01", "E (100) esp_image: Checksum failed. Calculated 0x"),
        (0x10150, b"\x01", "E (100) esp_image: Image hash failed - image is corrupt"),
        (0x1000C, b"\x00", "E (100) esp_image: mismatch chip ID, expected 9, found 0"),
        (0x10000, b"\xff" * 4, "E (100) boot: Factory app partition is not bootable"),
        (0x10000, b"\xff" * 4, "E (100) boot: No bootable app partitions in the partition table"),
    ],
)
def test_what_is_broken_is_named(flash, offset, data, text):
    if offset == 0x10150:
        offset = 0x10000 + len(virtual_images("v1.29.0")[1]) - 1
    overwrite(flash, offset, data)
    assert text in complaint(flash)


def test_a_table_for_more_flash_than_the_header_promises_is_refused(flash):
    boot = build_image([Segment(0x3FCE2820, bytes(16))], 0x403C891C, flash_size=MIB)
    overwrite(flash, 0, boot)
    assert "beyond the flash of 0x100000" in complaint(flash)


def test_a_boot_loader_with_a_wrong_hash_is_tried_anyway(flash):
    boot, _ = virtual_images("v1.29.0")
    overwrite(flash, len(boot) - 1, bytes([boot[-1] ^ 0xFF]))
    assert b"Attempting to boot anyway..." in boot_from(flash).log


OTA_TABLE = (
    Partition("otadata", 1, 0, 0xD000, 0x2000),
    Partition("ota_0", 0, 0x10, 0x10000, 0x10000),
    Partition("ota_1", 0, 0x11, 0x20000, 0x10000),
)


def ota_entry(sequence, state=0xFFFFFFFF, crc=None):
    """As ESP-IDF's otatool.py writes it."""
    number = struct.pack("<I", sequence)
    if crc is None:
        crc = zlib.crc32(number, 0xFFFFFFFF)
    return number + b"\xff" * 20 + struct.pack("<II", state, crc)


@pytest.mark.parametrize(
    ("entries", "slot"),
    [
        ((None, None), "ota_0"),
        ((ota_entry(1), None), "ota_0"),
        ((ota_entry(1), ota_entry(2)), "ota_1"),
        ((ota_entry(3), ota_entry(2)), "ota_0"),
        ((ota_entry(1), ota_entry(2, state=4)), "ota_0"),
        ((ota_entry(1), ota_entry(2, crc=7)), "ota_0"),
        ((None, ota_entry(2)), "ota_1"),
    ],
)
def test_otadata_selects(flash, entries, slot):
    overwrite(flash, 0x8000, partitions.build(OTA_TABLE))
    overwrite(flash, 0x20000, virtual_images("v1.29.0")[1])
    for sector, entry in enumerate(entries):
        if entry is not None:
            overwrite(flash, 0xD000 + sector * 0x1000, entry)
    assert boot_from(flash).running.label == slot


def test_a_broken_slot_falls_back(flash):
    overwrite(flash, 0x8000, partitions.build(OTA_TABLE))
    overwrite(flash, 0xD000, ota_entry(2))
    boot = boot_from(flash)
    assert boot.running.label == "ota_0"
    assert b"OTA app partition slot 1 is not bootable" in boot.log


def test_a_blank_board_loops_at_the_watchdogs_pace(echo_board, console):
    board = echo_board(bootable=False)
    port = console(board)
    port.expect(b"rst:0x7 (TG0WDT_SYS_RST),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\n")
    assert port.expect(b"ESP-ROM:esp32s3-20210327\r\n") == b"invalid header: 0xffffffff\r\n" * 8
    for offset, data in flash_content("v1.29.0"):
        overwrite(board.flash, offset, data)
    port.expect(b">>> ")
    assert board.cpu.boots[-1][1] is ResetCause.WDT


def test_what_is_not_micropython_is_not_run(echo_board, console):
    board = echo_board()
    app = build_image([Segment(0x3C000020, AppInfo("blink", "1").build())], 0x40374000)
    overwrite(board.flash, 0x10000, app)
    port = console(board)
    board.reset()
    port.expect(b"runs MicroPython only, not 'blink'")
    assert not board.cpu.running


def test_reset_button_and_software_resets(echo_board, console):
    board = echo_board()
    port = console(board)
    board.reset()
    port.expect(b"rst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\nSPIWP:0xee\r\nmode:DIO")
    port.expect(b">>> ")
    board.cpu.request_reset(ResetCause.HARD)
    port.expect(b"rst:0xc (RTC_SW_CPU_RST),boot:0x8")
    port.expect(b">>> ")
    board.cpu.request_reset(ResetCause.DEEPSLEEP)
    port.expect(b"rst:0x5 (DSLEEP)")
    port.expect(b">>> ")
    assert [cause.name for _, cause in board.cpu.boots[1:]] == ["PWRON", "HARD", "DEEPSLEEP"]


def test_bootloader_on_request_then_back(echo_board, console):
    board = echo_board()
    port = console(board)
    board.cpu.request_reset("bootloader")
    port.expect(b"boot:0x0 (DOWNLOAD(USB/UART0))\r\nwaiting for download\r\n")
    assert board.state is State.ROM_LOADER
    board.reset()
    port.expect(b">>> ")


def test_boot_button(echo_board, console):
    board = echo_board()
    port = console(board)
    board.world.buttons.hold(0)
    board.reset()
    port.expect(b"waiting for download\r\n")
    board.world.buttons.release(0)
    board.reset()
    port.expect(b">>> ")


def test_opening_and_closing_the_port_resets_nothing(echo_board, console):
    board = echo_board()
    for _ in range(2):
        port = console(board)
        port.port.write(b"hello")
        port.expect(b"hello")
        port.port.rts = False  # mpremote's order
        port.port.dtr = False
        port.close()
    console(board).close()
    assert len(board.cpu.boots) == 1


def test_lines_reset_and_choose(echo_board, console, wait_for):
    board = echo_board()
    port = console(board)
    port.lines(dtr=False, rts=True)
    wait_for(lambda: board.state is State.HELD_IN_RESET and not board.cpu.running)
    port.lines(dtr=True, rts=True)
    assert board.state is State.HELD_IN_RESET
    port.port.rts = False
    port.expect(b"waiting for download\r\n")
    port.port.dtr = False
    assert board.state is State.ROM_LOADER
    port.port.rts = True
    port.port.rts = False
    port.expect(b">>> ")


def test_both_lines_after_a_reset_let_go_of_the_chip_in_the_end(echo_board, console):
    board = echo_board()
    port = console(board)
    port.port.dtr = False
    port.port.dtr = True
    port.expect(b">>> ")
    assert len(board.cpu.boots) == 2


def test_a_client_that_dies_in_mid_reset_does_not_hold_the_board(echo_board, console, wait_for):
    board = echo_board()
    port = console(board)
    port.lines(dtr=False, rts=True)
    wait_for(lambda: not board.cpu.running)
    port.close()
    wait_for(lambda: board.cpu.running)


def test_power(echo_board, console):
    board = echo_board()
    port = console(board)
    board.power_off()
    assert not board.cpu.running
    with pytest.raises(PowerCut):
        board.flash.program(0x300000, b"x")
    port.port.write(b"anyone?")
    board.reset()
    board.power_on()
    assert port.expect(b"ESP-ROM:") == b""
    port.expect(b">>> ")


def test_power_cut_in_a_write(echo_board, console, wait_for):
    board = echo_board()
    board.flash.cut_power_at(2)
    board.cpu.flash.erase(0x300000, 0x1000)
    with pytest.raises(PowerCut):
        board.cpu.flash.program(0x300000, bytes(100))
    assert board.state is State.OFF
    wait_for(lambda: not board.cpu.running)
    board.power_on()
    wait_for(lambda: board.cpu.running)
    assert board.flash.read(0x300000, 100) == bytes(50) + b"\xff" * 50
