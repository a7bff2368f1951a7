"""The flash: its size, and how fast it is read and written through the port."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from mynah import boards
from mynah.flash import chip as chips
from mynah.flash import esptool, writer
from mynah.flash.job import flash_board

if TYPE_CHECKING:
    from pathlib import Path

    from mynah.flash.chip import ChipInfo
    from mynah.hil.device import Device
    from mynah.qualify.score import Score

N_READ = 256 * 1024
OPTIONS = ("--chip", "esp32s3", "--baud", str(writer.DEFAULT_BAUD))


@pytest.mark.scores("flash.size_mb", "memory.psram_mb")
def test_chip(device: Device, chip: ChipInfo, score: Score) -> None:
    """Chip, flash and PSRAM are what the board file says."""
    score.about(chip=chip.description, mac=chip.mac)
    score("flash.size_mb", chip.flash_mb)
    if chip.psram is not None:
        score("memory.psram_mb", chip.psram.size_mb, note=chip.psram.kind)
    else:
        score.not_measured("memory.psram_mb", "none in the chip's package; outside it none is seen")
    if device.board.kind is None:
        pytest.skip("nobody said which board it is (--board NAME)")
    differs = chips.check(chip, device.board.kind)
    assert not differs, "; ".join(differs)


@pytest.mark.scores("flash.read_kb_s")
def test_read(device: Device, score: Score, tmp_path: Path) -> None:
    """The flash is read through the port."""
    file = tmp_path / "flash.bin"
    with device.released() as port:
        started = time.monotonic()
        esptool.run(port, ["read-flash", "0", hex(N_READ), str(file)], options=OPTIONS)
        seconds = time.monotonic() - started
    assert file.stat().st_size == N_READ
    score("flash.read_kb_s", N_READ / 1024 / seconds, note=f"{N_READ // 1024} KB, esptool's start")


@pytest.mark.scores("flash.write_s", "flash.write_kb_s")
def test_write(firmware: Device, score: Score) -> None:
    """MicroPython and the firmware are written, verified and start."""
    board = firmware.board
    if not board.may_flash:
        pytest.skip("flashing erases the board's settings: allow it with --flash")
    kind = boards.load("virtual") if board.virtual is not None else board.kind
    if kind is None:
        pytest.skip("nobody said which board it is (--board NAME)")
    with firmware.released() as port:
        report = flash_board(kind, port, erase=True)  # all of it: nothing is there to be skipped
    score.about(micropython=report.micropython)
    score("flash.write_s", report.seconds, note=f"at {report.baud} baud; {report.verified_by}")
    score("flash.write_kb_s", report.written_bytes / 1024 / report.seconds)
    firmware.reset()
