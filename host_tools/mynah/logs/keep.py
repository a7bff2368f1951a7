"""A log in files that rotate: a full one is renamed, and the oldest one goes."""

from __future__ import annotations

import gzip
import shutil
from typing import TYPE_CHECKING, BinaryIO

from mynah.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self


class RotatingFile:
    """Appends text to ``path``; older text is in ``path.1`` (the newest) to ``path.N``.

    Each piece of text is whole in one file. With ``compress`` the older ones are ``path.1.gz``...

    Args:
        path: the file; its folder is made.
        max_size: bytes after which it is renamed; 0: never.
        n_old: how many older files are kept.
        compress: whether these are compressed.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(
        self, path: Path, *, max_size: int = 0, n_old: int = 5, compress: bool = False
    ) -> None:
        self.path = path
        self._max_size = max_size
        self._n_old = n_old
        self._compress = compress
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._open()
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def write(self, text: str) -> None:
        """Append text, which ends with a line end; it is in the file when this returns.

        Raises:
            OSError: the disk is full, or the file is gone.
        """
        data = text.encode("utf-8", "backslashreplace")
        if self._max_size and self._size and self._size + len(data) > self._max_size:
            self._rotate()
        self._file.write(data)
        self._size += len(data)

    def close(self) -> None:
        """Close the file; may be called again."""
        self._file.close()

    def _open(self) -> BinaryIO:
        file = self.path.open("ab", buffering=0)
        self._size = file.tell()
        return file

    def _rotate(self) -> None:
        self._file.close()
        self._old(self._n_old).unlink(missing_ok=True)
        for number in range(self._n_old - 1, 0, -1):
            if self._old(number).exists():
                self._old(number).replace(self._old(number + 1))
        if not self._n_old:
            self.path.unlink()
        elif self._compress:
            self._pack()
        else:
            self.path.replace(self._old(1))
        self._file = self._open()

    def _pack(self) -> None:
        """Compress the full file; a crash in between leaves it as it is."""
        draft = self._old(1).with_name(f".{self._old(1).name}.part")
        with self.path.open("rb") as source, gzip.open(draft, "wb", compresslevel=6) as packed:
            shutil.copyfileobj(source, packed)
        draft.replace(self._old(1))
        self.path.unlink()

    def _old(self, number: int) -> Path:
        end = f".{number}.gz" if self._compress else f".{number}"
        return self.path.with_name(self.path.name + end)
