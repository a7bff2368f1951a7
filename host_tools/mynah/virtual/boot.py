"""What happens between reset and application: the ROM's and the second-stage boot loader's checks.

The texts are the real ones of the ESP32-S3's ROM and of ESP-IDF's boot loader as stock MicroPython
builds it (log level "warning", so a good boot shows nothing of it).
"""

from __future__ import annotations

import struct
import zlib
from enum import Enum
from typing import TYPE_CHECKING

from mynah.errors import ImageError, MynahError
from mynah.flash import partitions as table
from mynah.flash.image import BOOT_OFFSET, CHIP_ID_ESP32_S3, IMAGE_MAGIC, Image
from mynah.virtual.types import BootInfo, ResetCause

if TYPE_CHECKING:
    from mynah.flash.app_info import AppInfo
    from mynah.flash.partitions import Partition
    from mynah.virtual.nor import NorFlash

_ROM = "ESP-ROM:esp32s3-20210327\r\nBuild:Mar 27 2021\r\n"
_FLASH_MODES = ("QIO", "QOUT", "DIO", "DOUT")
_CLOCK_DIVIDERS = {0xF: 1, 0x0: 2, 0x1: 3, 0x2: 4}
_N_HEADER_TRIES = 8
_IN_ROM = "ets_main.c 329 \r\n"
_WATCHDOG_S = 0.33
"""The ROM's timer group watchdog, when it finds nothing to boot (seen in logs of real boards)."""
_RESTART_S = 0.1
"""The second stage resets the chip as soon as it has said why; slower here, to be read."""
_UINT32_MAX = 0xFFFFFFFF
_OTA_INVALID, _OTA_ABORTED = 3, 4


class RomReset(Enum):
    """What the ROM prints as the cause of a reset (TRM, "Reset and Clock", reset sources)."""

    POWERON = "0x1 (POWERON)"
    SW_SYSTEM = "0x3 (RTC_SW_SYS_RST)"
    DEEP_SLEEP = "0x5 (DSLEEP)"
    TIMER_WATCHDOG = "0x7 (TG0WDT_SYS_RST)"
    SW_CPU = "0xc (RTC_SW_CPU_RST)"
    RTC_WATCHDOG = "0x10 (RTCWDT_RTC_RST)"

    @classmethod
    def of(cls, cause: ResetCause) -> RomReset:
        """How the ROM sees a reset with that cause for the application.

        All software resets look the same: ESP-IDF keeps a watchdog's or ``machine.reset()``'s
        reason in a register of its own and restarts the CPU.
        """
        special = {ResetCause.PWRON: cls.POWERON, ResetCause.DEEPSLEEP: cls.DEEP_SLEEP}
        return special.get(cause, cls.SW_CPU)


class BootError(MynahError):
    """The flash does not boot.

    ``log`` is what the chip says; after ``pause_s`` seconds it resets (``reset``) and tries again.
    """

    def __init__(self, log: str, pause_s: float, reset: RomReset) -> None:
        super().__init__(log.strip())
        self.log = log.encode("ascii", "replace")
        self.pause_s = pause_s
        self.reset = reset


def rom_banner(reset: RomReset, *, download: bool) -> bytes:
    """The first lines on the serial port after a reset."""
    mode = "0x0 (DOWNLOAD(USB/UART0))" if download else "0x8 (SPI_FAST_FLASH_BOOT)"
    wait = "waiting for download\r\n" if download else ""
    return f"{_ROM}rst:{reset.value},boot:{mode}\r\n{wait}".encode()


def boot_from(flash: NorFlash) -> BootInfo:
    """Check the flash as the boot loaders do, and find what to run.

    Raises:
        BootError: nothing there that boots.
    """
    boot_image, log = _load_second_stage(flash)
    flash_size = min(boot_image.flash_size, flash.size)
    try:
        partitions = table.parse(
            flash.read(table.TABLE_OFFSET, table.TABLE_SIZE), flash_size=flash_size
        )
    except ImageError as error:
        text = _error("flash_parts", str(error).removeprefix("partition table: "))
        text += _error("boot", "Failed to verify partition table")
        raise _restart(log + text + _error("boot", "load partition table error!")) from error
    running, app, complaints = _load_application(flash, partitions)
    everything = table.with_filesystem(partitions, flash.size)
    return BootInfo(
        partitions=everything,
        app=app,
        running=running,
        vfs=table.find(everything, table.VFS_LABEL),
        log=(log + complaints).encode(),
    )


def _load_second_stage(flash: NorFlash) -> tuple[Image, str]:
    data = flash.read(BOOT_OFFSET, table.TABLE_OFFSET - BOOT_OFFSET)
    if data[0] != IMAGE_MAGIC:
        header = int.from_bytes(data[:4], "little")
        raise _hang(f"invalid header: 0x{header:08x}\r\n" * _N_HEADER_TRIES)
    chip_id = int.from_bytes(data[12:14], "little")
    if chip_id != CHIP_ID_ESP32_S3:
        expected = f"Expected {CHIP_ID_ESP32_S3} read {chip_id}"
        raise _hang(f"Invalid chip id. {expected}. Bootloader for wrong chip?\r\n{_IN_ROM}")
    try:
        image = Image.parse(data)
    except ImageError as error:
        raise _hang(f"Invalid image block, can't boot.\r\n{_IN_ROM}") from error
    mode = _FLASH_MODES[image.flash_mode] if image.flash_mode < len(_FLASH_MODES) else "SLOW_RD"
    divider = _CLOCK_DIVIDERS.get(image.flash_frequency, 2)
    log = f"SPIWP:0xee\r\nmode:{mode}, clock div:{divider}\r\n"
    for segment in image.segments:
        log += f"load:0x{segment.address:08x},len:0x{len(segment.data):x}\r\n"
    if image.checksum != image.calculated_checksum:
        sums = f"Calculated 0x{image.calculated_checksum:x} stored 0x{image.checksum:x}"
        raise _hang(f"{log}Checksum failure. {sums}\r\n{_IN_ROM}")
    if image.digest is not None and image.digest != image.calculated_digest:
        log += (
            "SHA-256 comparison failed:\r\n"
            f"Calculated: {image.calculated_digest.hex()}\r\n"
            f"Expected: {image.digest.hex()}\r\nAttempting to boot anyway...\r\n"
        )
    return image, f"{log}entry 0x{image.entry:08x}\r\n"


def _load_application(
    flash: NorFlash, partitions: tuple[Partition, ...]
) -> tuple[Partition, AppInfo, str]:
    """The first application that is whole, from the selected one on, and what is wrong before."""
    log = ""
    for partition in _boot_order(flash, partitions):
        try:
            image = Image.parse(flash.read(partition.offset, partition.size))
            image.verify()
        except ImageError as error:
            text = str(error)
            if flash.read(partition.offset, 1)[0] != IMAGE_MAGIC:
                where = f"image at 0x{partition.offset:x}"
                text = f"{where} has invalid magic byte (nothing flashed here?)"
            log += _error("esp_image", text)
            log += _error("boot", f"{_slot_name(partition)} is not bootable")
            continue
        if image.app_info is None:
            log += _error("boot", f"{_slot_name(partition)} is not bootable")
            continue
        return partition, image.app_info, log
    raise _restart(log + _error("boot", "No bootable app partitions in the partition table"))


def _boot_order(flash: NorFlash, partitions: tuple[Partition, ...]) -> list[Partition]:
    """Factory and OTA slots in the order in which they are tried."""
    apps = [row for row in partitions if row.type == table.TYPE_APP]
    factory = [row for row in apps if row.subtype == table.SUBTYPE_FACTORY]
    slots = [row for row in apps if table.SUBTYPE_OTA_0 <= row.subtype <= table.SUBTYPE_OTA_MAX]
    slots.sort(key=lambda row: row.subtype)
    sequence = _ota_sequence(flash, partitions)
    if not slots or sequence is None:
        return factory + slots
    first = (sequence - 1) % len(slots)
    return [*slots[first::-1], *factory, *slots[first + 1 :]]


def _ota_sequence(flash: NorFlash, partitions: tuple[Partition, ...]) -> int | None:
    """The newest valid sequence number in ``otadata``'s two sectors; None: there is none.

    Source: ESP-IDF's ``esp_flash_partitions.h``, ``esp_ota_select_entry_t``: sequence number,
    label, state, CRC-32 of the number.
    """
    is_otadata = (table.TYPE_DATA, table.SUBTYPE_DATA_OTA)
    otadata = [row for row in partitions if (row.type, row.subtype) == is_otadata]
    if not otadata:
        return None
    valid = []
    for sector in range(2):
        entry = flash.read(otadata[0].offset + sector * table.SECTOR_SIZE, 32)
        sequence, state, crc = struct.unpack("<I20xII", entry)
        # ESP's CRC starts from the inverse of the given seed, hence zlib's seed of -1.
        whole = sequence not in {0, _UINT32_MAX} and zlib.crc32(entry[:4], _UINT32_MAX) == crc
        if whole and state not in {_OTA_INVALID, _OTA_ABORTED}:
            valid.append(sequence)
    return max(valid, default=None)


def _slot_name(partition: Partition) -> str:
    if partition.subtype == table.SUBTYPE_FACTORY:
        return "Factory app partition"
    return f"OTA app partition slot {partition.subtype - table.SUBTYPE_OTA_0}"


def _error(tag: str, text: str) -> str:
    return f"E (100) {tag}: {text}\r\n"


def _hang(log: str) -> BootError:
    return BootError(log, _WATCHDOG_S, RomReset.TIMER_WATCHDOG)


def _restart(log: str) -> BootError:
    return BootError(log, _RESTART_S, RomReset.SW_SYSTEM)
