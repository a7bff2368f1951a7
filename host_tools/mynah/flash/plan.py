"""Decide what goes where in a board's flash; nothing here touches a port."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.errors import ImageError, MynahError
from mynah.flash import fetch, filesystem, firmware, partitions
from mynah.flash.files import arch_of, firmware_files
from mynah.flash.image import BOOT_OFFSET, virtual_images
from mynah.virtual.micropython import micropython_command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mynah.boards import Board
    from mynah.flash.firmware import Firmware

DEFAULT_MODELS = ("okay_nabu",)
"""The wake-word models that a board gets unless others are named."""

_ASK_VERSION = "import sys; print('v%d.%d.%d' % sys.implementation.version[:3])"


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
        return [*self.micropython.parts, (vfs.offset, filesystem.build(self.files, vfs.size))]


def plan(
    board: Board, models: Sequence[str] = DEFAULT_MODELS, *, image: Path | None = None
) -> Plan:
    """Gather and check everything for a board.

    Args:
        board: what it is for.
        models: names of the wake-word models to install.
        image: MicroPython for it; None takes the newest (for the virtual board, our own).

    Raises:
        ImageError: the image is truncated, corrupt, or for another chip or PSRAM.
        ModelError: there is no such model.
        MynahError: no image can be fetched.
    """
    micropython = _micropython(board, image)
    micropython.check(board)
    return Plan(micropython, firmware_files(board, models, arch_of(board)))


def _micropython(board: Board, image: Path | None) -> Firmware:
    if image is not None:
        try:
            return firmware.load(image.read_bytes(), image.name)
        except OSError as error:
            raise ImageError(f"{image}: {error.strerror}") from None
    if board.is_virtual:
        return _virtual_micropython()
    download = fetch.fetch(board.image)
    return firmware.load(download.data, download.name)


def _virtual_micropython() -> Firmware:
    boot, app = virtual_images(_host_version())
    rows = partitions.stock()
    start = next(row.offset for row in rows if row.type == partitions.TYPE_APP)
    table = (partitions.TABLE_OFFSET, partitions.build(rows))
    return firmware.assemble([(BOOT_OFFSET, boot), table, (start, app)], "virtual image")


def _host_version() -> str:
    done = subprocess.run(
        [*micropython_command(), "-c", _ASK_VERSION], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MynahError(f"this computer's MicroPython does not start: {done.stderr.strip()}")
    return done.stdout.strip()
