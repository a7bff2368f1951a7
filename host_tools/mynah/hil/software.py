"""What runs on the board under test: plain MicroPython, a folder of the user's, or our speaker."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mynah import boards
from mynah.errors import UsageError
from mynah.flash import filesystem, partitions
from mynah.flash.files import arch_of, firmware_files
from mynah.flash.plan import DEFAULT_MODELS
from mynah.logs.sources import Sources
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.factory import flash_content

if TYPE_CHECKING:
    from mynah.boards import Board

SPEAKER = "speaker"
"""The speaker's firmware with the default wake word."""
PLAIN = "none"
"""MicroPython with an empty filesystem."""

PROMPT = r"^>>> $"
"""What a board without a program of its own shows when it is ready."""
_SPEAKER_READY = r" app: ready$"

_LEFT_OUT = {"__pycache__"}


@dataclass(frozen=True, slots=True)
class Software:
    """The files of the board's filesystem, and how its log tells that it is ready."""

    what: str | Path
    """`SPEAKER`, `PLAIN`, or a folder whose content is the board's filesystem."""
    ready: str | None
    """Pattern of the line; None: nobody knows, so it is ready when its console falls silent."""

    @classmethod
    def named(cls, what: str, *, root: Path, ready: str | None = None) -> Software:
        """As ``--firmware`` and ``--ready`` have it; a folder is taken relative to ``root``.

        Raises:
            UsageError: there is no such folder.
        """
        if what == SPEAKER:
            return cls(SPEAKER, ready or _SPEAKER_READY)
        if what == PLAIN:
            return cls(PLAIN, ready or PROMPT)
        folder = root / what
        if not folder.is_dir():
            raise UsageError(f"--firmware {what}: no folder {folder}; or say {SPEAKER}, or {PLAIN}")
        if not ready and not (folder / "main.py").exists():
            ready = PROMPT
        return cls(folder, ready)

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.what.name if isinstance(self.what, Path) else str(self.what)

    @property
    def sources(self) -> Sources:
        """Where the lines that its tracebacks name are."""
        folder = FIRMWARE_DIR if self.what == SPEAKER else self.what
        return Sources([folder] if isinstance(folder, Path) else [])

    def files(self, board: Board, arch: str | None) -> dict[str, bytes]:
        """The filesystem's content, by absolute path on the board.

        Raises:
            MynahError: the speaker's firmware does not compile.
            UsageError: the folder cannot be read.
        """
        if self.what == SPEAKER:
            return firmware_files(board, DEFAULT_MODELS, arch)
        if isinstance(self.what, Path):
            return _folder_files(self.what)
        return {}

    def virtual_content(self, board: Board) -> list[tuple[int, bytes]]:
        """What a virtual board of that kind has in its flash, as (offset, bytes)."""
        content = flash_content()
        files = self.files(board, arch_of(boards.load("virtual")))
        if files:
            rows = partitions.with_filesystem(partitions.stock(), board.flash_size)
            vfs = partitions.find(rows, partitions.VFS_LABEL)
            assert vfs is not None
            content.append((vfs.offset, filesystem.build(files, vfs.size)))
        return content


def _folder_files(folder: Path) -> dict[str, bytes]:
    found = {}
    try:
        for where, folders, names in os.walk(folder):
            folders[:] = [f for f in folders if f not in _LEFT_OUT and not f.startswith(".")]
            for name in names:
                path = Path(where, name)
                if not name.startswith("."):
                    found["/" + path.relative_to(folder).as_posix()] = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from None
    return found
