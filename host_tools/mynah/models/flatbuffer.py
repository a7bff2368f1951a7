"""Read FlatBuffers tables, far enough for a ``.tflite`` file, refusing offsets that lead outside.

Source of the layout: FlatBuffers documentation, "Internals" (tables, vtables, vectors, strings).
"""

from __future__ import annotations

import struct

from mynah.errors import ModelError


class Table:
    """One table: fields are found by their number in the schema through the vtable.

    Every accessor raises `ModelError` when the file is cut short or an offset leads outside it.
    """

    __slots__ = ("_data", "_fields", "_position")

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position
        vtable = position - self._unpack("i", position)
        size = self._unpack("H", vtable)
        if size < 4 or size % 2:
            raise ModelError(f"the model file is corrupt: a table's description at {vtable} is odd")
        self._fields = tuple(self._unpack("H", vtable + at) for at in range(4, size, 2))

    @classmethod
    def root(cls, data: bytes) -> Table:
        """The table that a file starts with."""
        if len(data) < 8:
            raise ModelError("the model file is cut short")
        return cls(data, int.from_bytes(data[:4], "little"))

    def integer(self, field: int, kind: str, default: int = 0) -> int:
        """A scalar field; ``kind`` is a letter of `struct`."""
        at = self._at(field)
        return default if at is None else self._unpack(kind, at)

    def table(self, field: int) -> Table | None:
        """A field that is a table, or None where it is left out."""
        at = self._at(field)
        return None if at is None else Table(self._data, at + self._unpack("I", at))

    def tables(self, field: int) -> list[Table]:
        """A field that is a vector of tables."""
        start, count = self._vector(field)
        offsets = range(start, start + 4 * count, 4)
        return [Table(self._data, at + self._unpack("I", at)) for at in offsets]

    def numbers(self, field: int, kind: str) -> tuple[int, ...]:
        """A field that is a vector of integers; ``kind`` is a letter of `struct`."""
        return tuple(int(number) for number in self._numbers(field, kind))

    def floats(self, field: int) -> tuple[float, ...]:
        """A field that is a vector of 32-bit floats."""
        return tuple(self._numbers(field, "f"))

    def blob(self, field: int) -> bytes:
        """A field that is a vector of bytes."""
        start, count = self._vector(field)
        return self._slice(start, count)

    def text(self, field: int) -> str:
        """A field that is a string."""
        return self.blob(field).decode("utf-8", "replace")

    def _numbers(self, field: int, kind: str) -> tuple[float, ...]:
        start, count = self._vector(field)
        raw = self._slice(start, count * struct.calcsize("<" + kind))
        return struct.unpack(f"<{count}{kind}", raw)

    def _at(self, field: int) -> int | None:
        offset = self._fields[field] if field < len(self._fields) else 0
        return self._position + offset if offset else None

    def _vector(self, field: int) -> tuple[int, int]:
        at = self._at(field)
        if at is None:
            return 0, 0
        start = at + self._unpack("I", at)
        count = self._unpack("I", start)
        if count > len(self._data):
            raise ModelError(f"the model file is corrupt: a list of {count} entries at {start}")
        return start + 4, count

    def _slice(self, start: int, size: int) -> bytes:
        if start < 0 or start + size > len(self._data):
            raise ModelError(
                f"the model file is cut short or corrupt: {size} bytes at {start} lie outside it"
            )
        return self._data[start : start + size]

    def _unpack(self, kind: str, at: int) -> int:
        (value,) = struct.unpack("<" + kind, self._slice(at, struct.calcsize("<" + kind)))
        return int(value)
