"""Build the board's filesystem: LittleFS v2, with the geometry that MicroPython mounts.

Sources: MicroPython, extmod/vfs_lfs.c (read, program and look-ahead sizes) and extmod/vfs_lfsx.c
(cache size, block cycles); littlefs, DESIGN.md (files are lists of blocks, directories are pairs).
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from littlefs import LittleFS, LittleFSError

from mynah.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK_SIZE = 4096
"""Bytes of a block: a sector of the flash."""

RESERVED_BLOCKS = 16
"""Blocks that must stay free, for settings and for files on their way in."""

_GEOMETRY: dict[str, int] = {
    "read_size": 32,
    "prog_size": 32,
    "lookahead_size": 32,
    "cache_size": 128,  # four times the larger of read and program size
    "block_cycles": 100,
    "disk_version": 0x00020001,  # LittleFS 2.1, MicroPython's own since 1.20
}
_INLINE_MAX = 128  # files up to the cache size lie in their folder's own blocks
_NO_SPACE = -28  # LFS_ERR_NOSPC, lfs.h


class _Memory:
    """Blocks in a bytearray, as littlefs-python's contexts are called."""

    def __init__(self, n_blocks: int) -> None:
        self.data = bytearray(b"\xff" * (n_blocks * BLOCK_SIZE))

    def read(self, _config: Any, block: int, offset: int, size: int) -> bytes:
        start = block * BLOCK_SIZE + offset
        return bytes(self.data[start : start + size])

    def prog(self, _config: Any, block: int, offset: int, data: bytes) -> int:
        start = block * BLOCK_SIZE + offset
        self.data[start : start + len(data)] = data
        return 0

    def erase(self, _config: Any, block: int) -> int:
        start = block * BLOCK_SIZE
        self.data[start : start + BLOCK_SIZE] = b"\xff" * BLOCK_SIZE
        return 0

    def sync(self, _config: Any) -> int:
        return 0


def build(files: Mapping[str, bytes], size: int) -> bytes:
    """The start of a partition of ``size`` bytes that holds these files (absolute path: content).

    Only the blocks in use are returned, a multiple of 4096 bytes: LittleFS erases a block before
    it uses it, so what lies behind them in the flash does not matter.

    Raises:
        UsageError: the files do not fit; the message says how much is missing.
    """
    total = size // BLOCK_SIZE
    n_blocks = min(_estimate(files), total)
    while True:
        try:
            memory = _write(files, n_blocks, total)
        except LittleFSError as error:
            if error.code != _NO_SPACE:
                raise
            if n_blocks == total:
                raise _too_big(files, total) from None
            n_blocks = min(n_blocks + n_blocks // 4 + 1, total)
        else:
            break
    if n_blocks + RESERVED_BLOCKS > total:
        raise _too_big(files, total)
    return bytes(memory.data)


def read(image: bytes, size: int) -> dict[str, bytes]:
    """Every file (absolute path: content) of a filesystem that `build` or a board made.

    Raises:
        LittleFSError: this is not a LittleFS of ``size`` bytes, or it is damaged.
    """
    n_blocks = size // BLOCK_SIZE
    memory = _Memory(n_blocks)
    memory.data[: len(image)] = image
    filesystem = _open(memory, n_blocks)
    found = {}
    for folder, _, names in filesystem.walk("/"):
        for name in names:
            path = str(PurePosixPath(folder, name))
            with filesystem.open(path, "rb") as file:
                found[path] = file.read()
    return found


def _open(memory: _Memory, n_blocks: int, *, new: bool = False) -> Any:
    filesystem = LittleFS(
        context=memory, mount=False, block_size=BLOCK_SIZE, block_count=n_blocks, **_GEOMETRY
    )
    if new:
        filesystem.format()
    filesystem.mount()
    return filesystem


def _write(files: Mapping[str, bytes], n_blocks: int, total: int) -> _Memory:
    """Fill a small filesystem, so that the allocator stays in it, then let it grow."""
    memory = _Memory(n_blocks)
    filesystem = _open(memory, n_blocks, new=True)
    for path in sorted(files):
        filesystem.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
        with filesystem.open(path, "wb") as file:
            file.write(files[path])
    filesystem.fs_grow(total)
    filesystem.unmount()
    return memory


def _estimate(files: Mapping[str, bytes]) -> int:
    """Blocks that suffice nearly always: contents, a pair for each folder, some for names."""
    contents = sum(
        len(data) // (BLOCK_SIZE - 8) + 1 for data in files.values() if len(data) > _INLINE_MAX
    )
    folders = {folder for path in files for folder in PurePosixPath(path).parents}
    return contents + 2 * len(folders) + len(files) // 16 + 4


def _too_big(files: Mapping[str, bytes], total: int) -> UsageError:
    needed = (_estimate(files) + RESERVED_BLOCKS) * BLOCK_SIZE // 1024
    room = total * BLOCK_SIZE // 1024
    return UsageError(
        f"the files need about {needed} KB and the board's filesystem has {room} KB: "
        "take fewer or smaller models, or an image with a larger 'vfs' partition"
    )
