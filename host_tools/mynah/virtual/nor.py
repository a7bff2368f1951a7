"""The flash chip: a file with the rules of NOR flash.

Erasing sets whole 4 KiB sectors to ones; programming only clears bits (it ANDs). Power can be cut
at any operation, which then is left half done.
"""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import threading
from typing import IO, TYPE_CHECKING

from typing_extensions import Self

from mynah.errors import PortError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

SECTOR_SIZE = 0x1000
"""Bytes that one erase clears at least, and their alignment."""

_NEVER = -1

try:
    import fcntl
except ImportError:  # Windows, where opening twice is the user's own business
    _lock_file: Callable[[IO[bytes]], None] | None = None
else:

    def _lock_file(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class PowerCut(Exception):  # noqa: N818 - an event of the simulated world, not an error
    """The power failed in the middle of this operation, or is still off."""


class NorFlash:
    """A flash chip of ``size`` bytes (a multiple of 4096) kept in a file. Thread-safe."""

    def __init__(
        self,
        path: Path | None = None,
        size: int = 16 * 1024 * 1024,
        content: Iterable[tuple[int, bytes]] = (),
    ) -> None:
        """Open the chip in ``path``, made blank if missing; None: a temporary file without a name.

        Args:
            path: the file, or None.
            size: bytes of the chip.
            content: put in first, as (offset, bytes); what else is in those sectors is erased. A
                process that is killed meanwhile leaves the file as it was, or none.

        Raises:
            UsageError: the file exists and is not ``size`` bytes long.
            PortError: another virtual board has it open.
        """
        if size <= 0 or size % SECTOR_SIZE:
            raise ValueError(f"flash size {size} is not a multiple of {SECTOR_SIZE}")
        self.size = size
        self.operations = 0
        """Programs and erases since the chip was opened."""
        self.path = path
        """The file; None: a temporary one."""
        self.on_power_cut: Callable[[], None] | None = None
        """Called, as `cut_power_at`'s ``on_cut``, at each cut."""
        self._lock = threading.RLock()
        self._countdown = _NEVER
        self._on_cut: Callable[[], None] | None = None
        self._powered = True
        content = [(offset, bytes(data)) for offset, data in content]
        for offset, data in content:
            self._check_range(offset, len(data))
        self._file = self._open(path, content) if path else self._open_temporary(content)
        # Who has only this descriptor does not keep the file locked.
        self._reader = os.open(path, os.O_RDONLY) if path else os.dup(self._file.fileno())
        self._map = mmap.mmap(self._file.fileno(), size)

    def fileno(self) -> int:
        """A descriptor to read the content from; what is programmed is in it at once."""
        return self._reader

    def read(self, address: int, n: int) -> bytes:
        """The ``n`` bytes at ``address``.

        Raises:
            ValueError: they do not lie in the chip.
        """
        self._check_range(address, n)
        with self._lock:
            return self._map[address : address + n]

    def program(self, address: int, data: bytes) -> None:
        """Clear the bits at ``address`` that are 0 in ``data``.

        Raises:
            ValueError: not in the chip.
            PowerCut: the power failed in this operation or is off.
        """
        self._check_range(address, len(data))
        self._operate(len(data), lambda n: self._and(address, data[:n]))

    def erase(self, address: int, n: int) -> None:
        """Set the ``n`` bytes at ``address`` to 0xFF, both multiples of 4096.

        Raises:
            ValueError: not in the chip, or not whole sectors.
            PowerCut: the power failed in this operation or is off.
        """
        self._check_range(address, n)
        if address % SECTOR_SIZE or n % SECTOR_SIZE:
            raise ValueError(f"erase of 0x{n:x} at 0x{address:x} is not whole sectors")
        self._operate(n, lambda done: self._fill(address, done))

    def cut_power_at(self, n: int, on_cut: Callable[[], None] | None = None) -> None:
        """Let the power fail at the ``n``-th program or erase from now on (1: the next).

        The first half of that operation is done, then `PowerCut` is raised in its caller and all
        later operations until `restore_power`. ``on_cut`` is called in the thread of the
        operation, so it must not wait for that thread. ``n`` = 0 takes the order back.
        """
        with self._lock:
            self._countdown = n if n > 0 else _NEVER
            self._on_cut = on_cut

    def restore_power(self) -> None:
        """Let operations work again after a cut."""
        with self._lock:
            self._powered = True

    def cut_power(self) -> None:
        """Refuse operations from now on until `restore_power`."""
        with self._lock:
            self._powered = False

    def snapshot(self) -> bytes:
        """The whole content, for `restore`."""
        return self.read(0, self.size)

    def restore(self, content: bytes) -> None:
        """Put a whole content back, as no chip can; nobody may be running from it.

        Raises:
            ValueError: it has another size.
        """
        if len(content) != self.size:
            raise ValueError(f"a content of {len(content)} bytes for a flash of {self.size}")
        with self._lock:
            self._map[:] = content

    def close(self) -> None:
        """Write everything to the file and let go of it; a temporary one is gone then."""
        with self._lock:
            if self._file.closed:
                return
            self._map.close()
            self._file.close()
            os.close(self._reader)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open_temporary(self, content: list[tuple[int, bytes]]) -> IO[bytes]:
        file = tempfile.TemporaryFile(prefix="mynah-flash-")  # noqa: SIM115 - kept open
        self._fill_file(file, None, content)
        return file

    def _open(self, path: Path, content: list[tuple[int, bytes]]) -> IO[bytes]:
        """Open the file; a new content is written beside it and takes its name when it is whole."""
        path = path.resolve()
        old = self._open_existing(path)
        if old is not None and not content:
            return old
        draft = path.with_name(f".{path.name}.new")
        file = os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        try:
            self._claim(file, path)
            file.truncate(0)
            self._fill_file(file, old, content)
            if old is not None:
                shutil.copymode(path, draft)
                old.close()
            draft.replace(path)
        except BaseException:
            file.close()
            raise
        return file

    def _open_existing(self, path: Path) -> IO[bytes] | None:
        if not path.exists() or not path.stat().st_size:
            return None
        if path.stat().st_size != self.size:
            raise UsageError(
                f"{path} has {path.stat().st_size} bytes, the board's flash has {self.size}: give "
                "another file or the right flash size"
            )
        file = path.open("r+b")
        try:
            self._claim(file, path)
        except PortError:
            file.close()
            raise
        return file

    @staticmethod
    def _claim(file: IO[bytes], path: Path) -> None:
        try:
            if _lock_file is not None:
                _lock_file(file)
        except OSError as error:
            raise PortError(
                f"{path} is the flash of another virtual board that runs: close that first"
            ) from error

    def _fill_file(
        self, file: IO[bytes], old: IO[bytes] | None, content: list[tuple[int, bytes]]
    ) -> None:
        data = bytearray(old.read()) if old is not None else bytearray(b"\xff" * self.size)
        for offset, piece in content:
            start = offset // SECTOR_SIZE * SECTOR_SIZE
            end = -(-(offset + len(piece)) // SECTOR_SIZE) * SECTOR_SIZE
            data[start:end] = b"\xff" * (end - start)
            data[offset : offset + len(piece)] = piece
        file.write(data)
        file.flush()

    def _operate(self, size: int, act: Callable[[int], None]) -> None:
        with self._lock:
            if not self._powered:
                raise PowerCut
            self.operations += 1
            self._countdown -= 1
            if self._countdown != 0:
                act(size)
                return
            act(size // 2)
            self._powered = False
            on_cut, self._on_cut = self._on_cut, None
        for tell in (self.on_power_cut, on_cut):
            if tell is not None:
                tell()
        raise PowerCut

    def _and(self, address: int, data: bytes) -> None:
        end = address + len(data)
        old = int.from_bytes(self._map[address:end], "little")
        new = old & int.from_bytes(data, "little")
        self._map[address:end] = new.to_bytes(len(data), "little")

    def _fill(self, address: int, n: int) -> None:
        self._map[address : address + n] = b"\xff" * n

    def _check_range(self, address: int, n: int) -> None:
        if address < 0 or n < 0 or address + n > self.size:
            raise ValueError(f"0x{n:x} bytes at 0x{address:x} are not in 0x{self.size:x} of flash")
