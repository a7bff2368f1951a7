"""Flashing with real esptool: what is written, and what is refused before anything is erased."""

import dataclasses
import json
import queue

import pytest
from noisy_line import NoisyLine
from speaking_port import Server

from mynah import boards
from mynah.cli import cli
from mynah.errors import BoardTimeoutError, ImageError, MynahError, PortError, UsageError
from mynah.flash import bauds, chip, esptool, filesystem, firmware, health, partitions, writer
from mynah.flash.app_info import AppInfo
from mynah.flash.image import Segment, build_image
from mynah.flash.job import flash_board
from mynah.flash.plan import plan
from mynah.link import open_port
from mynah.virtual.board import State, VirtualBoard

VIRTUAL = boards.load("virtual")
NOWHERE = "/dev/no-such-port"
OCTAL = b"Generic ESP32S3 module with Octal-SPIRAM with ESP32S3\0"


class NoCpu:
    """Stands where MicroPython would run: the flash is what these tests look at."""

    def __init__(self, **parts):
        self.boots = queue.Queue()

    def start(self, boot, cause):
        self.boots.put(boot)

    def stop(self):
        pass

    def receive(self, data):
        pass

    def close(self):
        pass


@pytest.fixture
def cpu():
    return NoCpu()


@pytest.fixture
def board(cpu):
    with VirtualBoard(cpu_factory=lambda **_: cpu) as board:
        yield board


def written(board, cpu):
    """The files in the filesystem that the board found when it started after flashing."""
    vfs = cpu.boots.get(timeout=5).vfs
    return filesystem.read(board.flash.read(vfs.offset, vfs.size), vfs.size)


def stock_image(*, version="v1.29.0", name=OCTAL, chip_id=9, project="micropython"):
    """An image file with the layout of micropython.org's for the ESP32-S3."""
    text = (name + b"\0" * 64)[:64]
    info = AppInfo(name=project, version=version).build()
    boot = build_image([Segment(0x3FCE2810, bytes(64))], 0x403C8700, chip_id=chip_id)
    app = build_image([Segment(0x3C000020, info + text)], 0x40374000, chip_id=chip_id)
    table = partitions.build(partitions.stock())
    return boot.ljust(0x8000, b"\xff") + table.ljust(0x8000, b"\xff") + app


def test_flash_writes_everything_and_starts_the_board(board, cpu, capsys):
    arguments = ["--board", "virtual", "--port", board.url, "--no-wait", "--json"]
    cli.main(["flash", *arguments], standalone_mode=False)
    report = json.loads(capsys.readouterr().out)
    assert report["chip"].startswith("ESP32-S3")
    assert report["mac"] == board.mac
    assert report["verified_by"].startswith("MD5 of every region")
    assert written(board, cpu) == plan(VIRTUAL).files
    assert report["n_files"] == len(plan(VIRTUAL).files)


def test_unplugged_in_mid_flash_then_flashed_again(board, cpu):
    def pull(share):
        if share > 0.2:
            board.unplug()

    with pytest.raises(PortError, match=r"vanished at \d+%: .* run the same command again"):
        flash_board(VIRTUAL, board.url, progress=pull)
    board.replug()
    flash_board(VIRTUAL, board.url)
    assert written(board, cpu) == plan(VIRTUAL).files


def test_what_the_flash_holds_is_left_as_it_is(cpu):
    content = plan(VIRTUAL).parts(16 << 20)
    with VirtualBoard(cpu_factory=lambda **_: cpu, content=content) as board:
        left_as_it_is(board, cpu)


def left_as_it_is(board, cpu):
    board.flash.program(0x200000 + 5 * 0x10000 + 99, bytes(1))  # one byte of the filesystem
    before = board.flash.operations
    report = flash_board(VIRTUAL, board.url)
    assert report.written_bytes == writer.PIECE_SIZE
    assert [part.name for part in report.parts if part.skipped < part.size] == ["filesystem"]
    assert board.flash.operations - before < 100
    assert written(board, cpu) == plan(VIRTUAL).files


def test_an_image_for_the_other_psram_is_refused_by_what_the_chip_says(tmp_path):
    path = tmp_path / "image.bin"
    path.write_bytes(stock_image(name=OCTAL))
    with VirtualBoard(cpu_factory=NoCpu, psram_size=2 << 20) as board:
        before = board.flash.operations
        reason = r"built for octal PSRAM, but the board has quad PSRAM: take ESP32_GENERIC_S3, or"
        with pytest.raises(ImageError, match=reason):
            flash_board(boards.load("bread-compact"), board.url, image=path)
        assert board.flash.operations == before


def test_a_port_that_somebody_else_has_open_is_called_busy(board):
    port = open_port(board.url)
    try:
        with pytest.raises(PortError, match="busy"):
            flash_board(VIRTUAL, board.url)
    finally:
        port.close()


def test_no_board_on_the_port():
    with VirtualBoard(cpu_factory=NoCpu) as board:
        url = board.url
    with pytest.raises(PortError, match="nothing answers at rfc2217"):
        flash_board(VIRTUAL, url)
    with pytest.raises(PortError, match="there is no port /dev/no-such-port"):
        flash_board(VIRTUAL, NOWHERE)


def test_a_board_without_power_does_not_answer(board):
    board.power_off()
    assert board.state is State.OFF
    with pytest.raises(BoardTimeoutError, match="hold BOOT"):
        esptool.run(board.url, ["flash-id"], options=["--connect-attempts", "1"])


GOOD = stock_image()


def big_application():
    """A stock image whose application does not fit into its partition."""
    info = AppInfo(name="micropython", version="v1.29.0").build()
    segments = [Segment(0x3C000020, info), Segment(0x42000020, bytes(0x1F0000))]
    return GOOD[:0x10000] + build_image(segments, 0x40374000)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (GOOD[:-40], r"the application: image is cut off"),
        (GOOD[:0x9000], r"the application: not a firmware image"),
        (GOOD[:0x4000], r"cut off after 16384 bytes"),
        (GOOD[:-60] + b"\x55" + GOOD[-59:], r"Checksum failed|corrupt"),
        (stock_image(chip_id=0), r"for the ESP32, not for the ESP32-S3"),
        (stock_image(chip_id=5), r"for the ESP32-C3, not for the ESP32-S3"),
        (GOOD[0x10000:], r"without a boot loader; take the \.bin"),
        (stock_image(project="blinky"), r"it is not MicroPython"),
        (stock_image(version="v1.26.1"), r"MicroPython v1\.26\.1; the firmware needs 1\.27"),
        (big_application(), r"the application is too big: \d+ bytes for a partition of 2031616"),
        (b"<!DOCTYPE html>" * 100, r"not a firmware image"),
        (b"", r"not a firmware image"),
    ],
)
def test_a_bad_image_is_refused_before_the_port_is_touched(tmp_path, image, reason):
    path = tmp_path / "image.bin"
    path.write_bytes(image)
    with pytest.raises(ImageError, match=r"image\.bin.*" + reason):
        flash_board(VIRTUAL, NOWHERE, image=path)


def test_a_stock_image_gets_its_filesystem_after_the_last_partition(tmp_path):
    path = tmp_path / "image.bin"
    path.write_bytes(GOOD)
    parts = plan(VIRTUAL, image=path).parts(8 << 20)
    assert [offset for offset, _ in parts] == [0, 0x8000, 0x10000, 0x200000]
    assert filesystem.read(parts[-1][1], 6 << 20) == plan(VIRTUAL).files


def test_a_dump_that_holds_a_filesystem_is_no_image_to_flash(tmp_path):
    path = tmp_path / "dump.bin"
    path.write_bytes(GOOD.ljust(0x200000, b"\xff") + b"a filesystem")
    with pytest.raises(ImageError, match=r"dump\.bin reaches into the filesystem at 0x200000"):
        plan(VIRTUAL, image=path).parts(8 << 20)


def test_an_image_with_a_vfs_row_of_its_own_gets_it_there():
    rows = (*partitions.stock(), partitions.Partition("vfs", 1, 0x81, 0x300000, 0x100000))
    image = bytearray(GOOD)
    table = partitions.build(rows)
    image[0x8000 : 0x8000 + len(table)] = table
    found = firmware.load(bytes(image), "image.bin").filesystem(16 << 20)
    assert (found.offset, found.size) == (0x300000, 0x100000)


FLASH_ID = """Chip type:          {chip}
Features:           Wi-Fi, BT 5 (LE), Dual Core + LP Core, 240MHz{psram}
MAC:                30:ed:a0:56:00:00
Detected flash size: {flash}
"""


@pytest.mark.parametrize(
    ("psram", "kind"),
    [
        (", Embedded PSRAM 2MB (AP_3v3)", "quad"),
        (", Embedded PSRAM 8MB (AP_3v3)", "octal"),
        (", Embedded PSRAM 16MB (AP_1v8)", "octal"),
        ("", None),
    ],
)
def test_quad_and_octal_psram_are_told_by_the_size_in_the_package(psram, kind):
    text = FLASH_ID.format(chip="ESP32-S3 (QFN56) (revision v0.2)", psram=psram, flash="16MB")
    found = chip.parse(text)
    assert found.psram == (boards.Psram(found.psram.size_mb, kind) if kind else None)
    assert (found.chip, found.flash_mb) == ("ESP32-S3", 16)


def found(psram="", flash="16MB", name="ESP32-S3 (QFN56) (revision v0.2)"):
    return chip.parse(FLASH_ID.format(chip=name, psram=psram, flash=flash))


def test_another_chip_is_refused():
    with pytest.raises(UsageError, match=r"this is ESP32-C3 .* virtual has an ESP32-S3"):
        chip.check(found(name="ESP32-C3 (QFN32) (revision v0.4)"), VIRTUAL)


@pytest.mark.parametrize(
    ("psram", "flash", "image", "notes"),
    [
        (", Embedded PSRAM 8MB (AP_3v3)", "16MB", "ESP32_GENERIC_S3-SPIRAM_OCT", 0),
        (", Embedded PSRAM 8MB (AP_3v3)", "8MB", "ESP32_GENERIC_S3-SPIRAM_OCT", 1),
        (", Embedded PSRAM 2MB (AP_3v3)", "8MB", "ESP32_GENERIC_S3", 2),
        ("", "16MB", "ESP32_GENERIC_S3-SPIRAM_OCT", 0),  # outside the chip: as the file says
    ],
)
def test_the_chip_decides_which_image_is_fetched(psram, flash, image, notes):
    kit = boards.load("bread-compact")
    there = found(psram, flash)
    assert chip.image_for(there, kit) == image
    assert len(chip.check(there, kit)) == notes
    assert chip.image_for(there, VIRTUAL) == "virtual"
    special = dataclasses.replace(kit, image="UM_FEATHERS3")
    assert chip.image_for(there, special) == "UM_FEATHERS3"


def test_octal_psram_on_pins_that_the_board_uses_is_refused():
    kit = boards.load("bread-compact")
    wired = dataclasses.replace(kit, psram=None, buttons={"mute": 36})
    octal = found(", Embedded PSRAM 8MB (AP_3v3)")
    with pytest.raises(
        UsageError, match=r"8 MB octal PSRAM, and bread-compact cannot be: .*GPIO36"
    ):
        chip.check(octal, wired)


def test_an_image_that_is_too_big_for_the_flash_is_refused():
    big = firmware.load(GOOD.ljust(0x7FFFFF, b"\xff") + b"more", "image.bin")
    with pytest.raises(ImageError, match="too big: 8192 KB, but the board has 4 MB of flash"):
        big.check(4 << 20, None, "")


def test_the_fastest_rate_that_holds_is_found_and_remembered(board, monkeypatch, tmp_path):
    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path))
    with NoisyLine(board.url, max_baud=921_600) as line:
        said = []
        report = flash_board(VIRTUAL, line.url, talk=said.append)
        assert report.baud == 921_600
        assert [text for text in said if "does not hold" in text] == [
            "2000000 baud does not hold; trying 1500000",
            "1500000 baud does not hold; trying 921600",
        ]
        assert bauds.candidates(line.url) == (921_600, 460_800, 230_400, 115_200)
        line.max_baud = 460_800  # another cable
        said.clear()
        with pytest.raises(MynahError):  # a rate that is named is no proposal
            flash_board(VIRTUAL, line.url, baud=921_600, talk=said.append)
        assert said == []
    assert bauds.candidates(board.url) == bauds.RATES


def test_a_rate_that_fails_in_the_midst_of_the_data_is_given_up(board, cpu, monkeypatch, tmp_path):
    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path))
    with NoisyLine(board.url, max_baud=921_600, good_bytes=100_000) as line:
        report = flash_board(VIRTUAL, line.url)
    assert report.baud == 1_500_000
    assert report.skipped_bytes > 50_000  # what came before
    assert written(board, cpu) == plan(VIRTUAL).files


def started(files=()):
    """A board that was flashed with our firmware, some files changed."""
    what = plan(VIRTUAL)
    what.files.update(files)
    return VirtualBoard(content=what.parts(16 << 20))


def test_the_board_is_waited_for_until_it_is_well(monkeypatch):
    with started() as board:
        said = []
        health.wait_until_well(board.url, on_log=said.append)
        assert any(line.text.startswith("Mynah ") for line in said)
        assert (said[-1].source, said[-1].text) == ("app", "ready")
        # as on a chip's own USB, whose RTS resets nothing
        monkeypatch.setattr("mynah.link.sharing.reset_board", lambda _: None)
        monkeypatch.setattr("mynah.flash.health._SILENCE_S", 1.0)
        assert health.wait_until_well(board.url) > 1.0


def test_a_board_whose_start_takes_long_is_heard_through_one_connection(monkeypatch):
    """Who opens the port a second time meanwhile misses what comes in between."""
    monkeypatch.setattr("mynah.flash.health._SILENCE_S", 2.0)
    server = Server([b"ESP-ROM:esp32s3-20210327\r\n", *[b""] * 25, b"I 2600 app: ready\r\n"])
    try:
        assert health.wait_until_well(server.url) > 2.0
    finally:
        server.close()


def test_what_was_ready_before_the_reset_neither_counts_nor_ends_the_waiting():
    server = Server(
        [b"I 9000 app: ready\r\n", b"ESP-ROM:esp32s3-20210327\r\n", b"I 5 app: ready\r\n"]
    )
    said = []
    try:
        health.wait_until_well(server.url, on_log=said.append)
    finally:
        server.close()
    assert [record.ticks_ms for record in said] == [9000, None, 5]


def test_a_firmware_that_fails_is_told_with_what_to_do():
    advice = r"ImportError: .*`mynah deploy --port rfc2217"
    with (
        started({"/main.py": b"import not_there\n"}) as board,
        pytest.raises(BoardTimeoutError, match=advice),
    ):
        health.wait_until_well(board.url)
