"""Non-volatile storage in the ``nvs`` partition, in ESP-IDF's own format.

Source: ESP-IDF programming guide, "Non-volatile Storage Library", section "Internals" (pages of
4096 bytes: header, two bits of state an entry, 126 entries of 32 bytes; key-value pairs of version
2, blobs as data chunks and an index).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mynah.flash.partitions import Partition
    from mynah.virtual.nor import NorFlash

PAGE_SIZE = 4096
_ENTRY_SIZE = 32
_N_ENTRIES = 126
_FIRST_ENTRY = 64
_BITMAP = 32
_HEADER = struct.Struct("<IIB19sI")
_ENTRY = struct.Struct("<BBBBI16s8s")
_EMPTY, _ACTIVE, _FULL = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFC
_VERSION_2 = 0xFE
_WRITTEN, _ERASED = 2, 0
_U8, _I32, _BLOB_DATA, _BLOB_INDEX = 0x01, 0x14, 0x42, 0x48
_NO_CHUNK = 0xFF
_MAX_CHUNK = 1024
_MAX_KEY = 15
_NAMESPACES = 0


class NvsError(Exception):
    """An ESP-IDF error; ``args`` are its negative number and its name."""


NOT_FOUND = (-0x1102, "ESP_ERR_NVS_NOT_FOUND")
_NO_SPACE = (-0x1105, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
_INVALID_NAME = (-0x1106, "ESP_ERR_NVS_INVALID_NAME")
_KEY_TOO_LONG = (-0x1109, "ESP_ERR_NVS_KEY_TOO_LONG")
INVALID_LENGTH = (-0x110C, "ESP_ERR_NVS_INVALID_LENGTH")
_NO_PARTITION = (-0x110F, "ESP_ERR_NVS_PART_NOT_FOUND")


@dataclass(frozen=True, slots=True)
class _Item:
    """One valid item: where it is, and what is in it."""

    page: int
    index: int
    span: int
    namespace: int
    kind: int
    chunk: int
    key: str
    data: bytes
    """Of an item of one entry its 8 bytes, of a chunk of a blob its content."""


class Nvs:
    """The key-value store of one flash chip."""

    def __init__(self, flash: NorFlash, partition: Partition | None) -> None:
        """Open the store; a partition with nothing in it is an empty one.

        Raises:
            NvsError: the flash has no ``nvs`` partition.
        """
        if partition is None:
            raise NvsError(*_NO_PARTITION)
        self._flash = flash
        self._base = partition.offset
        self._n_pages = partition.size // PAGE_SIZE

    def namespace(self, name: str) -> int:
        """The number of a namespace, which is made if it is new."""
        _check_name(name, _INVALID_NAME)
        used = {item.data[0]: item.key for item in self._items() if item.namespace == _NAMESPACES}
        for number, other in used.items():
            if other == name:
                return number
        number = next(n for n in range(1, 255) if n not in used)
        self._append(_NAMESPACES, _U8, _NO_CHUNK, name, bytes([number]).ljust(8, b"\xff"))
        return number

    def get_i32(self, namespace: int, key: str) -> int:
        """A 32-bit integer."""
        item = self._find(namespace, key, _I32)
        return int(struct.unpack_from("<i", item.data)[0])

    def set_i32(self, namespace: int, key: str, value: int) -> None:
        """Store a 32-bit integer."""
        data = struct.pack("<i", (value + (1 << 31)) % (1 << 32) - (1 << 31)).ljust(8, b"\xff")
        self._replace(namespace, key, [(_I32, _NO_CHUNK, data)])

    def get_blob(self, namespace: int, key: str) -> bytes:
        """A blob."""
        index = self._find(namespace, key, _BLOB_INDEX)
        size, n_chunks, first = struct.unpack_from("<IBB", index.data)
        wanted = range(first, first + n_chunks)
        chunks = {
            item.chunk: item.data
            for item in self._items()
            if (item.namespace, item.key, item.kind) == (namespace, key, _BLOB_DATA)
        }
        return b"".join(chunks.get(chunk, b"") for chunk in wanted)[:size]

    def set_blob(self, namespace: int, key: str, blob: bytes) -> None:
        """Store a blob."""
        # A new version's chunks count from 0 or from 128, whichever the old one's do not.
        old = [item for item in self._items() if (item.namespace, item.key) == (namespace, key)]
        first = 0 if any(item.chunk >= 0x80 and item.kind == _BLOB_DATA for item in old) else 0x80
        chunks = [blob[i : i + _MAX_CHUNK] for i in range(0, len(blob), _MAX_CHUNK)] or [b""]
        index = struct.pack("<IBBH", len(blob), len(chunks), first, 0xFFFF)
        items = [(_BLOB_DATA, first + i, chunk) for i, chunk in enumerate(chunks)]
        self._replace(namespace, key, [*items, (_BLOB_INDEX, _NO_CHUNK, index)])

    def erase(self, namespace: int, key: str) -> None:
        """Forget a key."""
        old = [item for item in self._items() if (item.namespace, item.key) == (namespace, key)]
        if not old:
            raise NvsError(*NOT_FOUND)
        for item in old:
            self._mark(item, _ERASED)

    def _find(self, namespace: int, key: str, kind: int) -> _Item:
        for item in self._items():
            if (item.namespace, item.key, item.kind) == (namespace, key, kind):
                return item
        raise NvsError(*NOT_FOUND)

    def _replace(self, namespace: int, key: str, new: list[tuple[int, int, bytes]]) -> None:
        _check_name(key, _KEY_TOO_LONG)
        old = [item for item in self._items() if (item.namespace, item.key) == (namespace, key)]
        if [(item.kind, item.chunk, item.data) for item in old] == new:
            return
        try:
            for kind, chunk, data in new:
                self._append(namespace, kind, chunk, key, data)
        except NvsError:
            self._forget(namespace, key, new, keep=False)
            raise
        self._forget(namespace, key, new, keep=True)

    def _forget(
        self, namespace: int, key: str, new: list[tuple[int, int, bytes]], *, keep: bool
    ) -> None:
        """Erase the key's old items (``keep`` the new) or its new ones.

        Making room may have moved them, so they are told apart by their content.
        """
        for item in list(self._items()):
            is_new = (item.kind, item.chunk, item.data) in new
            if (item.namespace, item.key) == (namespace, key) and is_new != keep:
                self._mark(item, _ERASED)

    def _append(self, namespace: int, kind: int, chunk: int, key: str, data: bytes) -> None:
        entries = _encode(namespace, kind, chunk, key, data)
        span = len(entries) // _ENTRY_SIZE
        page, index = self._room(span)
        address = self._base + page * PAGE_SIZE + _FIRST_ENTRY + index * _ENTRY_SIZE
        self._flash.program(address, entries)
        self._set_states(page, index, span, _WRITTEN)

    def _room(self, span: int) -> tuple[int, int]:
        """A page and the first of ``span`` free entries in it."""
        sequence = -1
        for page in range(self._n_pages):
            state, number = self._header(page)
            sequence = max(sequence, number)
            if state == _ACTIVE:
                index = self._first_free(page)
                if index + span <= _N_ENTRIES:
                    return page, index
                self._set_state(page, _FULL)
        empty = [page for page in range(self._n_pages) if self._header(page)[0] == _EMPTY]
        # One page stays empty, to move items to.
        if len(empty) < 2:
            return self._compact(sequence, span)
        self._activate(empty[0], sequence + 1)
        return empty[0], 0

    def _compact(self, sequence: int, span: int) -> tuple[int, int]:
        """Write all items anew."""
        items = list(self._items())
        if _n_pages([*(item.span for item in items), span]) >= self._n_pages:
            raise NvsError(*_NO_SPACE)
        self._flash.erase(self._base, self._n_pages * PAGE_SIZE)
        self._activate(0, sequence + 1)
        for item in items:
            self._append(item.namespace, item.kind, item.chunk, item.key, item.data)
        return self._room(span)

    def _activate(self, page: int, sequence: int) -> None:
        body = _HEADER.pack(_ACTIVE, sequence, _VERSION_2, b"\xff" * 19, 0)
        header = body[:28] + struct.pack("<I", _crc(body[4:28]))
        self._flash.program(self._base + page * PAGE_SIZE, header)

    def _header(self, page: int) -> tuple[int, int]:
        """State and sequence number; empty if the header is not valid."""
        raw = self._flash.read(self._base + page * PAGE_SIZE, _HEADER.size)
        state, sequence, _, _, crc = _HEADER.unpack(raw)
        return (state, sequence) if crc == _crc(raw[4:28]) else (_EMPTY, -1)

    def _set_state(self, page: int, state: int) -> None:
        self._flash.program(self._base + page * PAGE_SIZE, struct.pack("<I", state))

    def _states(self, page: int) -> int:
        raw = self._flash.read(self._base + page * PAGE_SIZE + _BITMAP, _BITMAP)
        return int.from_bytes(raw, "little")

    def _first_free(self, page: int) -> int:
        states = self._states(page)
        used = [i for i in range(_N_ENTRIES) if states >> 2 * i & 3 != 3]
        return used[-1] + 1 if used else 0

    def _set_states(self, page: int, index: int, span: int, state: int) -> None:
        mask = (1 << 2 * _BITMAP * 4) - 1
        for i in range(index, index + span):
            mask &= ~((3 ^ state) << 2 * i)
        self._flash.program(
            self._base + page * PAGE_SIZE + _BITMAP, mask.to_bytes(_BITMAP, "little")
        )

    def _mark(self, item: _Item, state: int) -> None:
        self._set_states(item.page, item.index, item.span, state)

    def _items(self) -> Iterator[_Item]:
        for page in range(self._n_pages):
            if self._header(page)[0] == _EMPTY:
                continue
            states = self._states(page)
            raw = self._flash.read(self._base + page * PAGE_SIZE, PAGE_SIZE)
            index = 0
            while index < _N_ENTRIES:
                item = None
                if states >> 2 * index & 3 == _WRITTEN:
                    item = _decode(raw, page, index)
                if item is not None:
                    yield item
                index += item.span if item is not None else 1


def _n_pages(spans: list[int]) -> int:
    """Pages that items of so many entries take, written one after the other."""
    n_pages, used = 1, 0
    for span in spans:
        if used + span > _N_ENTRIES:
            n_pages, used = n_pages + 1, 0
        used += span
    return n_pages


def _encode(namespace: int, kind: int, chunk: int, key: str, data: bytes) -> bytes:
    span, field, tail = 1, data, b""
    if kind == _BLOB_DATA:
        span = 1 + -(-len(data) // _ENTRY_SIZE)
        field = struct.pack("<HHI", len(data), 0xFFFF, _crc(data))
        tail = data.ljust((span - 1) * _ENTRY_SIZE, b"\xff")
    entry = _ENTRY.pack(namespace, kind, span, chunk, 0, key.encode(), field)
    crc = _crc(entry[:4] + entry[8:])
    return entry[:4] + struct.pack("<I", crc) + entry[8:] + tail


def _decode(page_bytes: bytes, page: int, index: int) -> _Item | None:
    at = _FIRST_ENTRY + index * _ENTRY_SIZE
    raw = page_bytes[at : at + _ENTRY_SIZE]
    namespace, kind, span, chunk, crc, key, data = _ENTRY.unpack(raw)
    if crc != _crc(raw[:4] + raw[8:]) or not span:
        return None
    if kind == _BLOB_DATA:
        size, _, data_crc = struct.unpack("<HHI", data)
        data = page_bytes[at + _ENTRY_SIZE : at + _ENTRY_SIZE + size]
        if _crc(data) != data_crc:
            return None
    name = key.split(b"\0", 1)[0].decode("ascii", "replace")
    return _Item(page, index, span, namespace, kind, chunk, name, data)


def _crc(data: bytes) -> int:
    # ESP's crc32_le starts from the inverse of the given seed 0xFFFFFFFF.
    return zlib.crc32(data, 0xFFFFFFFF)


def _check_name(name: str, error: tuple[int, str]) -> None:
    if not 0 < len(name.encode()) <= _MAX_KEY:
        raise NvsError(*error)
