"""What a reset's number means: the ROM's ``rst:0x...`` and MicroPython's ``reset_cause()``."""

from __future__ import annotations

import re

# ESP-IDF, components/esp_rom/include/esp32s3/rom/rtc.h, RESET_REASON; TRM, "Reset and Clock".
ROM_RESETS = {
    0x01: "power came on, or the RESET button (EN) was pressed",
    0x03: "software reset the chip, as the boot loader or esptool does",
    0x05: "it woke from deep sleep",
    0x07: "timer group 0's watchdog reset the chip: the boot loader or a program hung",
    0x08: "timer group 1's watchdog (the interrupt watchdog) reset the chip: interrupts were "
    "blocked for too long",
    0x09: "the RTC watchdog reset the chip: start-up or the panic handler hung",
    0x0A: "the intrusion detector reset the chip",
    0x0B: "timer group 0's watchdog (the task watchdog) reset the CPU: a task never let others run",
    0x0C: "software reset the CPU: machine.reset(), or a restart after a panic or a watchdog",
    0x0D: "the RTC watchdog reset the CPU: start-up hung",
    0x0F: "brown-out: the supply fell too low; take a better USB cable or port, a stronger supply, "
    "or a capacitor of 470 uF or more at the amplifier",
    0x10: "the RTC watchdog reset chip and RTC: start-up hung, or esptool left download mode",
    0x11: "timer group 1's watchdog (the interrupt watchdog) reset the CPU: interrupts were "
    "blocked for too long",
    0x12: "the super watchdog reset the chip: even the RTC watchdog was not served",
    0x13: "a glitch of the clock reset the chip: look at supply and crystal",
    0x14: "the eFuse's checksum was wrong at reset: if that stays, the chip is damaged",
    0x15: "the computer reset the chip through its own USB port (serial)",
    0x16: "a debugger reset the chip through its own USB port (JTAG)",
    0x17: "a glitch of the supply reset the chip: look at cable and supply",
}
BROWN_OUTS = {0x0F, 0x17}
"""The numbers in `ROM_RESETS` that mean a bad supply."""
WATCHDOGS = {0x07, 0x08, 0x09, 0x0B, 0x0D, 0x10, 0x11, 0x12}
"""Those that mean a watchdog."""

# MicroPython, ports/esp32/modmachine.h: MP_PWRON_RESET to MP_SOFT_RESET.
MICROPYTHON_RESETS = {
    1: "power, the RESET button, or a brown-out",
    2: "machine.reset() or a panic",
    3: "a watchdog",
    4: "deep sleep",
    5: "a soft reset (Ctrl-D)",
}

# ESP32-S3 TRM, "Chip Boot Control": GPIO46 and GPIO0 at reset; the ROM's own words for them.
_BOOT_MODES = (
    ("SPI_FAST_FLASH_BOOT", "it starts what is in its flash"),
    ("DOWNLOAD", "GPIO0 was low: it waits for esptool; press RESET without BOOT to start it"),
)

_RST = re.compile(r"rst:0x([0-9a-f]{1,2}) \(([^)]*)\)(?:,boot:0x([0-9a-f]{1,2}) \(([^)]*)\))?")
_BROWN_OUT = re.compile(r"Brownout detector was triggered")
_LAST_RESET = re.compile(r"last reset: (\d)\b")


def reset_number(line: str) -> int | None:
    """The number in the ROM's line ``rst:0x1 (POWERON),boot:...``; None: another line."""
    match = _RST.search(line)
    return int(match[1], 16) if match else None


def is_brown_out(line: str) -> bool:
    """Whether a line of ESP-IDF or of the ROM tells that the supply fell too low."""
    return _BROWN_OUT.search(line) is not None or reset_number(line) in BROWN_OUTS


def explain(line: str) -> str | None:
    """A sentence on a line that tells of a reset; None for every other line."""
    match = _RST.search(line)
    if match:
        number = int(match[1], 16)
        told = ROM_RESETS.get(number, f"an unknown reset, 0x{number:x}")
        mode = match[4] or ""
        where = next((text for name, text in _BOOT_MODES if name in mode), None)
        return f"{told}; {where}" if where else told
    match = _LAST_RESET.search(line)
    if match:
        cause = MICROPYTHON_RESETS.get(int(match[1]))
        return f"the last reset: {cause}" if cause else None
    return None
