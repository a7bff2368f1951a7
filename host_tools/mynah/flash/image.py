"""ESP32-S3 firmware images: read, check, build.

Source: esptool's documentation, "Firmware Image Format": a header of 8 bytes and an extended one of
16, segments (load address, length, data), zeros up to the last byte of a 16-byte block, which is
the checksum (0xEF XORed with every segment byte), then the SHA-256 of all that.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from functools import reduce
from operator import xor

from mynah.errors import ImageError
from mynah.flash.app_info import AppInfo

CHIP_ID_ESP32_S3 = 9
IMAGE_MAGIC = 0xE9
BOOT_OFFSET = 0x0
"""Where the ESP32-S3's ROM expects the boot loader's image."""

_HEADER = "<BBBBIB3sHBHH4sB"
_HEADER_SIZE = 24
_SEGMENT_HEADER_SIZE = 8
_MAX_SEGMENTS = 16
_MAX_SEGMENT_SIZE = 0x1000000
_CHECKSUM_SEED = 0xEF
_WP_PIN_DISABLED = 0xEE
_ANY_CHIP_REVISION = 0xFFFF
_DROM = range(0x3C000000, 0x3E000000)
# MicroPython's banner (py/mpconfig.h, MICROPY_BANNER_NAME_AND_VERSION) is a string in its image.
_BANNER = re.compile(rb"MicroPython (v\d+\.\d+[\w.+-]*) on (\d{4}-\d\d-\d\d)")
_MICROPYTHON = "micropython"
# The virtual board's images: where ESP-IDF 5.x links a boot loader and an application to, and
# Xtensa's "j ." (an endless loop) as a whole word.
_BOOT_DRAM, _BOOT_IRAM = 0x3FCE2810, 0x403C8700
_APP_DROM, _APP_IRAM = 0x3C000020, 0x40374000
_ENDLESS_LOOP = bytes.fromhex("06ffff00")
_VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of an image and where it goes."""

    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Image:
    """An image as it lies in a file or in flash; not checked before `verify`."""

    entry: int
    segments: tuple[Segment, ...]
    flash_mode: int
    """0 QIO, 1 QOUT, 2 DIO, 3 DOUT."""
    flash_size: int
    """Bytes of flash that the header promises."""
    flash_frequency: int
    """The header's code: 0xF is 80 MHz, 0 is 40 MHz."""
    chip_id: int
    checksum: int
    """As stored in the image."""
    digest: bytes | None
    """The stored SHA-256; None where none is appended."""
    calculated_checksum: int
    calculated_digest: bytes
    length: int
    """Bytes, checksum and digest included."""
    app_info: AppInfo | None
    """What an application says of itself; None in a boot loader's image."""

    @classmethod
    def parse(cls, data: bytes) -> Image:
        """Read the image that ``data`` starts with.

        Raises:
            ImageError: there is none, or it is cut off.
        """
        if len(data) < _HEADER_SIZE or data[0] != IMAGE_MAGIC:
            raise ImageError("not a firmware image: no 0xe9 at its start")
        header = struct.unpack_from(_HEADER, data)
        _, count, mode, size_and_frequency, entry, _, _, chip_id, *_, has_digest = header
        if not 0 < count <= _MAX_SEGMENTS:
            raise ImageError(f"image has {count} segments, 1 to {_MAX_SEGMENTS} are possible")
        segments, end = _parse_segments(data, count)
        end = end // 16 * 16 + 16
        length = end + (32 if has_digest else 0)
        if length > len(data):
            raise ImageError(f"image is cut off: {len(data)} of {length} bytes")
        return cls(
            entry=entry,
            segments=segments,
            flash_mode=mode,
            flash_size=0x100000 << (size_and_frequency >> 4),
            flash_frequency=size_and_frequency & 0xF,
            chip_id=chip_id,
            checksum=data[end - 1],
            digest=data[end : end + 32] if has_digest else None,
            calculated_checksum=_checksum(segments),
            calculated_digest=hashlib.sha256(data[:end]).digest(),
            length=length,
            app_info=_find_app_info(segments),
        )

    def verify(self) -> None:
        """Check that the image is whole and for this chip, as the second-stage boot loader does.

        Raises:
            ImageError: made for another chip, or corrupt.
        """
        if self.chip_id != CHIP_ID_ESP32_S3:
            raise ImageError(f"mismatch chip ID, expected {CHIP_ID_ESP32_S3}, found {self.chip_id}")
        if self.checksum != self.calculated_checksum:
            raise ImageError(
                f"Checksum failed. Calculated 0x{self.calculated_checksum:x} "
                f"read 0x{self.checksum:x}"
            )
        if self.digest is not None and self.digest != self.calculated_digest:
            raise ImageError("Image hash failed - image is corrupt")


def build_image(
    segments: list[Segment],
    entry: int,
    *,
    flash_size: int = 16 * 1024 * 1024,
    flash_mode: int = 2,
    flash_frequency: int = 0xF,
    chip_id: int = CHIP_ID_ESP32_S3,
) -> bytes:
    """An image of those segments with checksum and SHA-256; sizes in bytes, codes as in `Image`."""
    header = struct.pack(
        _HEADER,
        IMAGE_MAGIC,
        len(segments),
        flash_mode,
        (flash_size // 0x100000).bit_length() - 1 << 4 | flash_frequency,
        entry,
        _WP_PIN_DISABLED,
        bytes(3),
        chip_id,
        0,
        0,
        _ANY_CHIP_REVISION,
        bytes(4),
        1,
    )
    parts = [struct.pack("<II", part.address, len(part.data)) + part.data for part in segments]
    body = header + b"".join(parts)
    body = body.ljust(len(body) // 16 * 16 + 15, b"\0") + bytes([_checksum(segments)])
    return body + hashlib.sha256(body).digest()


def _parse_segments(data: bytes, count: int) -> tuple[tuple[Segment, ...], int]:
    segments = []
    position = _HEADER_SIZE
    for number in range(count):
        if position + _SEGMENT_HEADER_SIZE > len(data):
            raise ImageError(f"image is cut off before segment {number}")
        address, size = struct.unpack_from("<II", data, position)
        position += _SEGMENT_HEADER_SIZE
        if size >= _MAX_SEGMENT_SIZE or size % 4:
            raise ImageError(f"invalid segment length 0x{size:x}")
        if position + size > len(data):
            raise ImageError(f"image is cut off in segment {number}")
        segments.append(Segment(address, data[position : position + size]))
        position += size
    return tuple(segments), position


def _checksum(segments: tuple[Segment, ...] | list[Segment]) -> int:
    return reduce(xor, (xor_bytes(part.data) for part in segments), _CHECKSUM_SEED)


def virtual_images(micropython_version: str) -> tuple[bytes, bytes]:
    """The virtual board's own boot loader and application images, for 0x0 and 0x10000.

    They are real images in form: esptool writes and describes them, the boot process checks them.
    The application names the MicroPython that runs (``"v1.29.0"``). Their code is one endless
    loop, so a real ESP32-S3 that gets them by mistake does nothing.
    """
    # esp_bootloader_desc_t: ESP-IDF guide, "Bootloader Image Format"
    about_boot = struct.pack("<B3sI32s24s16s", 0x50, b"", 0, _VIRTUAL.encode(), b"", b"")
    boot = build_image(
        [Segment(_BOOT_DRAM, about_boot), Segment(_BOOT_IRAM, _ENDLESS_LOOP)], _BOOT_IRAM
    )
    about_app = AppInfo(_MICROPYTHON, micropython_version, idf_version=_VIRTUAL).build()
    app = build_image([Segment(_APP_DROM, about_app), Segment(_APP_IRAM, _ENDLESS_LOOP)], _APP_IRAM)
    return boot, app


def xor_bytes(data: bytes) -> int:
    """All bytes XORed together (0 for none), folded in halves because a loop would be slow."""
    value = int.from_bytes(data, "little")
    bits = 8 << max(len(data) - 1, 0).bit_length()
    while bits > 8:
        bits //= 2
        value = value >> bits ^ value & (1 << bits) - 1
    return value


def _find_app_info(segments: tuple[Segment, ...]) -> AppInfo | None:
    """The descriptor; where it is anonymous, MicroPython is known by its banner.

    Stock MicroPython leaves name and version out of its descriptor
    (``CONFIG_APP_EXCLUDE_PROJECT_NAME_VAR`` in its ``sdkconfig.base``).
    """
    mapped = [segment.data for segment in segments if segment.address in _DROM]
    if not mapped:
        return None
    try:
        info = AppInfo.parse(mapped[0])
    except ImageError:
        return None
    if info.name:
        return info
    banner = next(filter(None, map(_BANNER.search, mapped)), None)
    if banner is None:
        return info
    return AppInfo(
        name=_MICROPYTHON,
        version=info.version or banner[1].decode(),
        idf_version=info.idf_version,
        date=info.date or banner[2].decode(),
        time=info.time,
        elf_sha256=info.elf_sha256,
    )
