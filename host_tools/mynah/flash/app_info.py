"""The application descriptor: who an ESP-IDF application says that it is.

Source: ESP-IDF programming guide, "App Image Format", section "Application Description"
(``esp_app_desc_t``, 256 bytes, the first thing in the first segment of an application image).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mynah.errors import ImageError

APP_INFO_SIZE = 256
_MAGIC = 0xABCD5432
# magic, secure version, 8 reserved bytes, version, project, time, date, IDF version, ELF SHA-256
_FORMAT = "<II8x32s32s16s16s32s32s"


@dataclass(frozen=True, slots=True)
class AppInfo:
    """What an application image says about itself; each text is at most 31 ASCII characters."""

    name: str
    """The project, ``"micropython"`` for MicroPython."""
    version: str
    """For MicroPython its version with a leading ``v``, as in ``"v1.27.0"``."""
    idf_version: str = ""
    date: str = ""
    """At most 15 characters, as C's ``__DATE__``."""
    time: str = ""
    """At most 15 characters, as C's ``__TIME__``."""
    elf_sha256: bytes = bytes(32)

    @classmethod
    def parse(cls, data: bytes) -> AppInfo:
        """Read a descriptor from the start of ``data``.

        Raises:
            ImageError: there is none.
        """
        if len(data) < APP_INFO_SIZE:
            raise ImageError("the application descriptor is cut off")
        magic, _, version, name, time, date, idf_version, elf_sha256 = struct.unpack_from(
            _FORMAT, data
        )
        if magic != _MAGIC:
            raise ImageError(f"no application descriptor (magic 0x{magic:08x})")
        return cls(
            name=_text(name),
            version=_text(version),
            idf_version=_text(idf_version),
            date=_text(date),
            time=_text(time),
            elf_sha256=elf_sha256,
        )

    def build(self) -> bytes:
        """The descriptor's 256 bytes; texts that are too long are cut."""
        fields = struct.pack(
            _FORMAT,
            _MAGIC,
            0,
            _field(self.version, 32),
            _field(self.name, 32),
            _field(self.time, 16),
            _field(self.date, 16),
            _field(self.idf_version, 32),
            self.elf_sha256,
        )
        return fields.ljust(APP_INFO_SIZE, b"\0")


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("ascii", "replace")


def _field(text: str, size: int) -> bytes:
    return text.encode("ascii", "replace")[: size - 1]
