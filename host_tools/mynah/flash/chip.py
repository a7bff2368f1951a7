"""Ask the chip on a port what it is: type, flash size, PSRAM. Nothing is believed, all is read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mynah.boards import Board, Psram
from mynah.errors import BoardError, UsageError
from mynah.flash import esptool

_CHIPS = {"esp32s3": "ESP32-S3"}  # the board file's word, esptool's word

# ESP32-S3 Series Datasheet, table "ESP32-S3 Series Comparison": in-package PSRAM of 2 MB is on
# four lines, of 8 MB and 16 MB on eight.
_KIND_BY_SIZE_MB = {2: "quad", 4: "quad", 8: "octal", 16: "octal"}

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


def identify(url: str) -> ChipInfo:
    """Read what is on a port; the board is reset into its ROM loader and started again.

    Raises:
        PortError: the port is missing or busy.
        BoardTimeoutError: no Espressif chip answers.
        BoardError: it does not say how large its flash is.
    """
    # The ROM loader can do this by itself: no stub flasher needs to be sent.
    lines = esptool.run(url, ["flash-id"], options=["--chip", "auto", "--no-stub"])
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


def check(chip: ChipInfo, board: Board) -> None:
    """Refuse a board that is not the one that its file describes.

    A chip that reports no PSRAM passes: PSRAM outside the package cannot be seen.

    Raises:
        UsageError: another chip, less flash, or the other kind of PSRAM.
    """
    advice = "see `mynah boards` and name the right one with --board"
    expected = _CHIPS[board.chip]
    if chip.chip != expected:
        raise UsageError(
            f"this is {chip.description}, but {board.name} has an {expected}: {advice}"
        )
    if chip.flash_mb < board.flash_mb:
        raise UsageError(
            f"this board has {chip.flash_mb} MB of flash, but {board.name} has "
            f"{board.flash_mb} MB: {advice}"
        )
    if chip.psram and (board.psram is None or chip.psram.kind != board.psram.kind):
        has = board.psram or "no PSRAM"
        raise UsageError(f"this board has {chip.psram}, but {board.name} has {has}: {advice}")
