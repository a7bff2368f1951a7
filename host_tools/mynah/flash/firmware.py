"""A MicroPython image as one downloads it: checked, taken apart, and told by its PSRAM."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.errors import ImageError
from mynah.flash import partitions
from mynah.flash.image import CHIP_ID_ESP32_S3, Image

if TYPE_CHECKING:
    from mynah.flash.app_info import AppInfo
    from mynah.flash.partitions import Partition

OLDEST = (1, 27)
"""The first MicroPython that the firmware runs on."""

# esptool's documentation, "Firmware Image Format", chip ID; the names are Espressif's.
_CHIPS = {
    0: "ESP32",
    2: "ESP32-S2",
    5: "ESP32-C3",
    9: "ESP32-S3",
    12: "ESP32-C2",
    13: "ESP32-C6",
    16: "ESP32-H2",
    18: "ESP32-P4",
    23: "ESP32-C5",
}
# MICROPY_HW_BOARD_NAME in MicroPython's ports/esp32/boards/ESP32_GENERIC_S3, a string in the image.
_OCTAL = b"ESP32S3 module with Octal-SPIRAM"
_QUAD = b"Generic ESP32S3 module"
_VERSION = re.compile(r"v?(\d+)\.(\d+)")
_ERASED = b"\xff"


@dataclass(frozen=True, slots=True)
class Firmware:
    """A checked MicroPython image."""

    name: str
    parts: tuple[tuple[int, bytes], ...]
    """What to write where: boot loader, partition table, application."""
    app: AppInfo
    partitions: tuple[Partition, ...]
    psram_kind: str | None
    """The PSRAM that it was built for, "quad" or "octal"; None where it does not say."""

    @property
    def end(self) -> int:
        """Where in the flash its last byte ends."""
        offset, data = self.parts[-1]
        return offset + len(data)

    def filesystem(self, flash_size: int) -> Partition:
        """Where MicroPython will look for its filesystem in a flash of that many bytes.

        Raises:
            ImageError: there is no room for one.
        """
        rows = partitions.with_filesystem(self.partitions, flash_size)
        found = partitions.find(rows, partitions.VFS_LABEL)
        if found is None or found.end > flash_size:
            raise ImageError(f"{self.name}: its partitions leave no room for a filesystem")
        return found

    def check(self, flash_size: int, psram_kind: str | None, right: str) -> None:
        """Refuse an image that is too big, or was built for the other kind of PSRAM.

        Args:
            flash_size: bytes of the board's flash.
            psram_kind: of the board's PSRAM; None where it is not known.
            right: name of the image that the board needs.

        Raises:
            ImageError: the message names both sizes, or both kinds and the right image.
        """
        if self.end > flash_size:
            raise ImageError(
                f"{self.name} is too big: {self.end >> 10} KB, but the board has "
                f"{flash_size >> 20} MB of flash"
            )
        if psram_kind and self.psram_kind and psram_kind != self.psram_kind:
            raise ImageError(
                f"{self.name} is built for {self.psram_kind} PSRAM, but the board has "
                f"{psram_kind} PSRAM: take {right}, or leave --image out"
            )


def load(data: bytes, name: str) -> Firmware:
    """Check a whole image file (what micropython.org calls ``.bin``); ``name`` is for messages.

    Raises:
        ImageError: not an image, cut off, corrupt, for another chip, not MicroPython, too old.
    """
    try:
        return _load(data, name)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from None


def assemble(parts: list[tuple[int, bytes]], name: str) -> Firmware:
    """The same check for an image in parts, (offset, content) each.

    Raises:
        ImageError: as `load`.
    """
    size = max(offset + len(data) for offset, data in parts)
    flash = bytearray(_ERASED * size)
    for offset, data in parts:
        flash[offset : offset + len(data)] = data
    return load(bytes(flash), name)


def _load(data: bytes, name: str) -> Firmware:
    boot = _image(data, "the boot loader")
    table_end = partitions.TABLE_OFFSET + partitions.SECTOR_SIZE
    if boot.app_info is not None:
        raise ImageError("an application without a boot loader; take the .bin, not the .app-bin")
    if len(data) < table_end:
        raise ImageError(f"it is cut off after {len(data)} bytes: download it again")
    rows = partitions.parse(data[partitions.TABLE_OFFSET : table_end])
    apps = [row for row in rows if row.type == partitions.TYPE_APP]
    if not apps:
        raise ImageError("its partition table has no application")
    slot = min(apps, key=lambda row: row.offset)
    start = slot.offset
    image = _image(data[start:], "the application")
    if image.length > slot.size:
        raise ImageError(
            f"the application is too big: {image.length} bytes for a partition of {slot.size}"
        )
    app = image.app_info
    if app is None or app.name != "micropython":
        raise ImageError("it is not MicroPython")
    _check_version(app.version)
    parts = [
        (0, data[: partitions.TABLE_OFFSET].rstrip(_ERASED)),
        (partitions.TABLE_OFFSET, data[partitions.TABLE_OFFSET : table_end]),
    ]
    if data[table_end:start].strip(_ERASED):  # say, a PHY partition; usually erased
        parts.append((table_end, data[table_end:start]))
    parts.append((start, data[start:].rstrip(_ERASED)))
    return Firmware(name, tuple(parts), app, rows, _psram_kind(data))


def _image(data: bytes, what: str) -> Image:
    try:
        image = Image.parse(data)
        _check_chip(image.chip_id)
        image.verify()
    except ImageError as error:
        raise ImageError(f"{what}: {error}") from None
    return image


def _check_chip(chip_id: int) -> None:
    if chip_id != CHIP_ID_ESP32_S3:
        chip = _CHIPS.get(chip_id, f"chip {chip_id}")
        raise ImageError(f"it is for the {chip}, not for the ESP32-S3")


def _check_version(version: str) -> None:
    found = _VERSION.match(version)
    if found and (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise ImageError(f"it is MicroPython {version}; the firmware needs {oldest} or newer")


def _psram_kind(data: bytes) -> str | None:
    if _OCTAL in data:
        return "octal"
    return "quad" if _QUAD in data else None
