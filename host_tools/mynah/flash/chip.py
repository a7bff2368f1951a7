"""Ask the chip on a port what it is: type, flash size, PSRAM. Nothing is believed, all is read."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mynah.boards import Board, Psram, check_pins
from mynah.errors import BoardError, UsageError
from mynah.flash import esptool

_CHIPS = {"esp32s3": "ESP32-S3"}  # the board file's word, esptool's word

# ESP32-S3 Series Datasheet, table "ESP32-S3 Series Comparison": in-package PSRAM of 2 MB is on
# four lines, of 8 MB and 16 MB on eight.
_KIND_BY_SIZE_MB = {2: "quad", 4: "quad", 8: "octal", 16: "octal"}

_GENERIC = {"quad": "ESP32_GENERIC_S3", "octal": "ESP32_GENERIC_S3-SPIRAM_OCT"}

_DESCRIPTION = re.compile(r"Chip type:\s+((ESP\S+).*)")
_PSRAM = re.compile(r"Embedded PSRAM (\d+)MB")
_FLASH = re.compile(r"Detected flash size:\s+(\d+)MB")
_MAC = re.compile(r"MAC:\s+([0-9a-f:]{17})\b")


@dataclass(frozen=True, slots=True)
class ChipInfo:
    """What esptool read from a chip."""

    chip: str
    """esptool's name, as "ESP32-S3"."""
    description: str
    flash_mb: int
    psram: Psram | None
    """The PSRAM in the chip's package; None also for one outside it, which cannot be seen."""
    mac: str


def identify(url: str, *, baud: int = 115200) -> ChipInfo:
    """Read what is on a port; the board is reset into its ROM loader and started again.

    Raises:
        PortError: the port is missing or busy.
        BoardTimeoutError: no Espressif chip answers, or not at that baud rate.
        BoardError: it does not say how large its flash is.
    """
    # The ROM loader can do this by itself: no stub flasher needs to be sent.
    options = ["--chip", "auto", "--no-stub", "--baud", str(baud)]
    lines = esptool.run(url, ["flash-id"], options=options)
    return parse("\n".join(lines))


def parse(output: str) -> ChipInfo:
    """The facts in what ``esptool flash-id`` prints.

    Raises:
        BoardError: chip or flash size are not in it.
    """
    chip, flash, mac = (pattern.search(output) for pattern in (_DESCRIPTION, _FLASH, _MAC))
    if chip is None or flash is None:
        raise BoardError(
            "the board's flash does not answer: check its power, then try a shorter cable"
        )
    psram = _PSRAM.search(output)
    size_mb = int(psram[1]) if psram else 0
    return ChipInfo(
        chip=chip[2],
        description=chip[1].strip(),
        flash_mb=int(flash[1]),
        psram=Psram(size_mb, _KIND_BY_SIZE_MB.get(size_mb, "quad")) if psram else None,
        mac=mac[1] if mac else "",
    )


def check(chip: ChipInfo, board: Board) -> list[str]:
    """Refuse a chip that the board's files cannot run on; say where it is not as the file says.

    What is read from the chip counts, so that a module with more or less memory is no obstacle. A
    chip that reports no PSRAM passes: PSRAM outside the package cannot be seen.

    Returns:
        What differs, a line each.

    Raises:
        UsageError: another chip, or PSRAM on pins that the board uses otherwise.
    """
    expected = _CHIPS[board.chip]
    if chip.chip != expected:
        raise UsageError(
            f"this is {chip.description}, but {board.name} has an {expected}: see `mynah boards` "
            "and name the right one with --board"
        )
    as_found = replace(board, flash_mb=chip.flash_mb, psram=chip.psram or board.psram)
    errors = [finding.text for finding in check_pins(as_found) if finding.error]
    if errors:
        raise UsageError(
            f"this is {chip.description} with {chip.psram}, and {board.name} cannot be: {errors[0]}"
        )
    notes = []
    if chip.flash_mb != board.flash_mb:
        notes.append(f"this board has {chip.flash_mb} MB of flash, {board.name} {board.flash_mb}")
    if chip.psram and chip.psram != board.psram:
        notes.append(f"this board has {chip.psram}, {board.name} {board.psram or 'none'}")
    return notes


def image_for(chip: ChipInfo, board: Board) -> str:
    """The MicroPython image for a chip: of the generic ones by its PSRAM, else the board file's.

    The standard image finds out flash size and quad PSRAM when it starts; octal PSRAM needs one of
    its own (MicroPython, ``ports/esp32/boards/ESP32_GENERIC_S3/board.md``).
    """
    if board.image not in _GENERIC.values() or chip.psram is None:
        return board.image
    return _GENERIC[chip.psram.kind]
