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

DEFAULT_MODELS = ("okay_nabu",)
"""The wake-word models that a board gets unless others are named."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write."""

    micropython: Firmware
    files: dict[str, bytes]
    """The filesystem's content, by absolute path."""

    def parts(self, flash_size: int) -> list[tuple[int, bytes]]:
        """(offset, content) of all that is written into a flash of that many bytes.

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
        return [*self.micropython.parts, (vfs.offset, filesystem.build(self.files, vfs.size))]


def plan(
    board: Board,
    models: Sequence[str] = DEFAULT_MODELS,
    *,
    image: Path | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Plan:
    """Gather and check everything for a board.

    Args:
        board: what it is for.
        models: names of the wake-word models to install.
        image: MicroPython for it; None takes the newest (for the virtual board, our own).
        files: the filesystem's content, by absolute path, instead of the speaker's firmware.

    Raises:
        ImageError: the image is truncated, corrupt, or for another chip or PSRAM.
        ModelError: there is no such model.
        UsageError: the newest cannot be fetched and there is no copy: ``image`` is needed.
        MynahError: micropython.org has none for the board.
    """
    micropython = _micropython(board, image)
    micropython.check(board)
    if files is None:
        files = firmware_files(board, models, arch_of(board))
    return Plan(micropython, dict(files))


def _micropython(board: Board, image: Path | None) -> Firmware:
    if image is not None:
        try:
            return firmware.load(image.read_bytes(), image.name)
        except OSError as error:
            raise ImageError(f"{image}: {error.strerror}") from None
    if board.is_virtual:
        return firmware.assemble(flash_content(), "virtual image")
    download = fetch.fetch(board.image)
    return firmware.load(download.data, download.name)
