"""Decide what goes where in a board's flash; nothing here touches a port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.errors import ImageError
from mynah.flash import fetch, filesystem, firmware
from mynah.flash.files import arch_of, firmware_files
from mynah.virtual.factory import flash_content

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mynah.boards import Board
    from mynah.flash.firmware import Firmware

FILESYSTEM = "filesystem"
"""The name of the region that holds it."""
DEFAULT_MODELS = ("okay_nabu",)
"""The wake-word models that a board gets unless others are named."""


@dataclass(frozen=True, slots=True)
class Region:
    """Something to write: what it is, where in the flash (a multiple of 4096), and its bytes."""

    name: str
    offset: int
    data: bytes
    divisible: bool = False
    """Whether parts of it are worth comparing by themselves."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write."""

    micropython: Firmware
    files: dict[str, bytes]
    """The filesystem's content, by absolute path."""

    def regions(self, flash_size: int) -> list[Region]:
        """All that is written into a flash of that many bytes, in the order of the flash.

        Raises:
            ImageError: the image leaves no room for a filesystem.
            UsageError: the files do not fit into it.
        """
        vfs = self.micropython.filesystem(flash_size)
        if self.micropython.end > vfs.offset:
            raise ImageError(
                f"{self.micropython.name} reaches into the filesystem at {vfs.offset:#x}: it is no "
                "MicroPython alone, but has more behind it"
            )
        parts = self.micropython.parts
        names = ["boot loader", "partition table", *["data"] * (len(parts) - 3), "MicroPython"]
        found = [Region(name, *part) for name, part in zip(names, parts, strict=True)]
        content = filesystem.build(self.files, vfs.size)
        return [*found, Region(FILESYSTEM, vfs.offset, content, divisible=True)]

    def parts(self, flash_size: int) -> list[tuple[int, bytes]]:
        """As `regions`, (offset, content) of each."""
        return [(region.offset, region.data) for region in self.regions(flash_size)]


def plan(
    board: Board,
    models: Sequence[str] = DEFAULT_MODELS,
    *,
    image: Path | None = None,
    variant: str | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Plan:
    """Gather and check everything for a board.

    Args:
        board: what it is for.
        models: names of the wake-word models to install.
        image: MicroPython for it; None takes the newest (for the virtual board, our own).
        variant: the image to fetch; None: what the board file says.
        files: the filesystem's content, by absolute path, instead of the speaker's firmware.

    Raises:
        ImageError: the image is truncated, corrupt, or for another chip.
        ModelError: there is no such model.
        UsageError: the newest cannot be fetched and there is no copy: ``image`` is needed.
        MynahError: micropython.org has none for the board.
    """
    micropython = named(image) if image is not None else _newest(board, variant or board.image)
    if files is None:
        files = firmware_files(board, models, arch_of(board))
    return Plan(micropython, dict(files))


def named(image: Path) -> Firmware:
    """A MicroPython image in a file, checked.

    Raises:
        ImageError: it is truncated, corrupt, or for another chip, or cannot be read.
    """
    try:
        return firmware.load(image.read_bytes(), image.name)
    except OSError as error:
        raise ImageError(f"{image}: {error.strerror}") from None


def _newest(board: Board, variant: str) -> Firmware:
    if board.is_virtual:
        return firmware.assemble(flash_content(), "virtual image")
    download = fetch.fetch(variant)
    return firmware.load(download.data, download.name)
