"""What a board's log tells of its health: ROM, boot loader, MicroPython and the speaker's firmware.

The texts are those of the ESP32-S3's ROM, of ESP-IDF 5 and of our firmware's log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mynah.doctor import catalogue as causes
from mynah.doctor.finding import FAULT, Finding, Looked
from mynah.flash.firmware import OLDEST
from mynah.logs import panics, parse, resets
from mynah.logs.lines import NOISE
from mynah.logs.panics import PROGRAM_PANIC
from mynah.logs.resets import WATCHDOGS, is_brown_out, reset_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mynah.doctor.finding import Cause, Item

_ROM = re.compile(r"ESP-ROM:(esp32[a-z0-9]*)-|^ets \w{3} +\d+ \d{4}")
_RESET = re.compile(r"rst:0x[0-9a-f]+ \(")
_DOWNLOAD = re.compile(r"waiting for download")
_OVER = re.compile(r"waiting for download|filesystem appears to be corrupted")
_BANNER = re.compile(r"MicroPython v?(\d+)\.(\d+)(\S*) on ")
_PROMPT = re.compile(r"^>>> ?$")
_STARTED = re.compile(r"Mynah (\S+) on ")
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"[A-Z]\w*(?:Error|Exception|Interrupt|Exit)\b.*")
_NAMES = {"esp32": "ESP32", "esp32s2": "ESP32-S2", "esp32c3": "ESP32-C3", "esp32c6": "ESP32-C6"}
_OURS = "esp32s3"
_LOOP = 3
_NOISE = re.compile(rf"^{re.escape(NOISE)}([\d,]+) bytes")
_NOISE_SHARE = 0.3
_LITTLE_NOISE = 32  # bytes
_SHOWN_LINES = 3

# What the ROM and the boot loader say when they find nothing to start, the most telling first.
_BOOT_FAULTS: tuple[tuple[re.Pattern[str], Cause], ...] = (
    (
        re.compile(r"Detected size\(\d+k\) smaller than the size in the binary"),
        causes.FLASH_TOO_SMALL,
    ),
    (re.compile(r"invalid header: 0xffffffff"), causes.BLANK_FLASH),
    (
        re.compile(
            r"invalid header: 0x|Invalid chip id|Bootloader for wrong chip|Checksum failure|"
            r"Invalid image block|flash read err|csum err"
        ),
        causes.DAMAGED_LOADER,
    ),
    (
        re.compile(r"flash_parts: |[Ff]ailed to verify partition table|load partition table error"),
        causes.NO_TABLE,
    ),
    (re.compile(r"No bootable app|is not bootable|esp_image: "), causes.NO_APPLICATION),
)
_CORRUPTED = re.compile(r"filesystem appears to be corrupted")  # ports/esp32/modules/inisetup.py
_ENTRY = re.compile(r"^entry 0x")
_PSRAM = re.compile(r"PSRAM ID read error|PSRAM chip not found|Failed to init external RAM")


@dataclass
class BootLog:
    """The lines that a board sent, and what was done meanwhile."""

    port: str
    lines: Sequence[str]
    """As `mynah.logs` has them: without control characters, noise as one line."""
    was_reset: bool = False
    """Whether it was reset at the start: a chip in its ROM loader after that is stuck there."""
    ended: bool = True
    """Whether there was time enough for the firmware to become ready."""
    is_idle: bool = False
    """Whether it fell silent for longer than the speaker's firmware ever does at a start."""
    seconds: float = 0.0
    """For how long it was listened to."""
    records: list[tuple[str, str]] = field(default_factory=list)
    """Source and text of each line of our firmware's log."""

    def __post_init__(self) -> None:
        parsed = (parse(line) for line in self.lines)
        self.records = [
            (each.source, each.text) for each in parsed if each.source and not each.by_idf
        ]

    def find(self, pattern: re.Pattern[str]) -> list[str]:
        """The lines in which a pattern is found."""
        return [line for line in self.lines if pattern.search(line)]

    def texts(self, source: str) -> list[str]:
        """What the firmware's log says under one source."""
        return [text for name, text in self.records if name == source]

    @property
    def is_ready(self) -> bool:
        """Whether the speaker's firmware became ready."""
        return "ready" in self.texts("app")

    @property
    def has_prompt(self) -> bool:
        """Whether MicroPython waits for somebody to type."""
        return any(_PROMPT.match(line) for line in self.lines[-2:])

    @property
    def is_over(self) -> bool:
        """Whether no more is to be expected: it is ready, at a prompt, or waits for somebody."""
        return self.is_ready or self.has_prompt or bool(self.find(_OVER))

    @property
    def n_starts(self) -> int:
        """How often the ROM said hello."""
        return len(self.find(_ROM))


def check_log(log: BootLog) -> Iterator[Item]:
    """What is wrong from the power to the firmware; Wi-Fi is `mynah.doctor.wifi`'s.

    A log without a line tells nothing here: whoever asked for it knows why.
    """
    if not log.lines:
        return
    found = [*_power(log), *_chip(log)]
    yield from found
    if any(each.severity == FAULT for each in found):
        return
    noise = _noise(log)
    if noise is not None:
        yield noise
        return
    boot = [*_boot(log)]
    yield from boot
    if not boot:
        yield from _program(log)


def _power(log: BootLog) -> Iterator[Finding]:
    lines = [line for line in log.lines if is_brown_out(line)]
    if lines:
        yield causes.LOW_VOLTAGE.found(
            *lines[:_SHOWN_LINES], where=log.port, times=_times(len(lines))
        )


def _chip(log: BootLog) -> Iterator[Finding]:
    for line in log.lines:
        match = _ROM.search(line)
        name = (match[1] or "esp32") if match else _OURS
        if name != _OURS:
            chip = _NAMES.get(name, name.upper())
            yield causes.WRONG_CHIP.found(line, where=log.port, chip=chip)
            return


def _noise(log: BootLog) -> Finding | None:
    noise = [match for line in log.lines if (match := _NOISE.search(line))]
    n_odd = sum(int(match[1].replace(",", "")) for match in noise)
    n = n_odd + sum(len(line) for line in log.lines if not _NOISE.search(line))
    if n < _LITTLE_NOISE or n_odd < _NOISE_SHARE * n or log.find(_ROM) or log.records:
        return None
    return causes.NOISE.found(f"{n_odd} of {n} bytes are no text", where=log.port)


def _boot(log: BootLog) -> Iterator[Finding]:
    """Why no program starts, if none does."""
    psram = log.find(_PSRAM)
    if psram:
        yield causes.WRONG_PSRAM.found(*psram[:1], where=log.port)
    damaged = log.find(_CORRUPTED)
    if damaged:
        yield causes.DAMAGED_FILESYSTEM.found(*damaged[:1], where=log.port)
    if damaged or log.records or log.find(_BANNER) or log.has_prompt:
        return
    for pattern, cause in _BOOT_FAULTS:
        lines = log.find(pattern)
        if lines:
            yield cause.found(*dict.fromkeys(lines[:_SHOWN_LINES]), where=log.port)
            return
    if psram:
        return
    panics = log.find(PROGRAM_PANIC)
    if panics:
        yield causes.PANIC.found(*panics[:_SHOWN_LINES], where=log.port, reason=_reason(panics[0]))
    elif log.find(_DOWNLOAD):
        if log.was_reset:
            yield causes.DOWNLOAD_MODE.found(*log.find(_RESET)[-1:], where=log.port)
    elif log.n_starts >= _LOOP:
        seen = log.lines[-_SHOWN_LINES:]
        yield causes.BOOT_LOOP.found(*seen, where=log.port, times=_times(log.n_starts))


def _program(log: BootLog) -> Iterator[Item]:
    yield from _watchdogs(log)
    yield from _micropython(log)
    panics = log.find(PROGRAM_PANIC)
    if panics:
        yield causes.PANIC.found(*panics[:_SHOWN_LINES], where=log.port, reason=_reason(panics[0]))
    for text in log.texts("app"):
        if text.startswith("board file "):
            yield causes.BOARD_FILE.found(text, where=log.port)
            return
    if not log.is_ready and log.was_reset:
        trouble = _not_ready(log)
        if trouble:
            yield trouble
            return
    yield from _firmware(log)


def _watchdogs(log: BootLog) -> Iterator[Finding]:
    for line in log.lines:
        if reset_number(line) in WATCHDOGS:
            yield causes.WATCHDOG.found(line, where=log.port, reset=resets.explain(line))
            return


def _micropython(log: BootLog) -> Iterator[Item]:
    for line in log.find(_BANNER)[:1]:
        match = _BANNER.search(line)
        assert match
        if (int(match[1]), int(match[2])) < OLDEST:
            there = f"{match[1]}.{match[2]}"
            needed = ".".join(map(str, OLDEST))
            yield causes.OLD_MICROPYTHON.found(line, where=log.port, there=there, needed=needed)
        else:
            yield Looked("MicroPython", line)


def _not_ready(log: BootLog) -> Finding | None:
    crash = _crash(log)
    if crash:
        return crash
    if log.texts("app"):
        if not log.ended:
            return None
        return causes.NOT_READY.found(log.lines[-1], where=log.port, seconds=log.seconds)
    if log.is_idle and not log.has_prompt and log.find(_ENTRY):
        return causes.OTHER_PROGRAM.found(f"its last line: {log.lines[-1]}", where=log.port)
    if log.has_prompt:
        return causes.NO_FIRMWARE.found(*log.find(_BANNER)[-1:], log.lines[-1], where=log.port)
    return None


def _crash(log: BootLog) -> Finding | None:
    texts = [text for _, text in log.records] + list(log.lines)
    if not any(text.startswith(_TRACEBACK) for text in texts):
        return None
    errors = [text for text in texts if _EXCEPTION.match(text)]
    seen = [text for text in texts if text.lstrip().startswith("File ")][-2:] + errors[-1:]
    return causes.CRASH.found(
        *seen, where=log.port, error=errors[-1] if errors else "it does not say which"
    )


def _firmware(log: BootLog) -> Iterator[Item]:
    for text in log.texts("app"):
        match = _STARTED.match(text)
        if match:
            yield check_version(match[1], text, log.port)
            break
    if log.is_ready:
        yield Looked("firmware", "ready")
    for text in log.texts("settings"):
        if text.startswith("not saved: error 28"):
            yield causes.FULL.found(
                f"settings: {text}", where=log.port, free="settings are not kept"
            )
            break
    for text in log.texts("wake"):
        if text.startswith("no model"):
            yield causes.NO_MODEL.found(f"wake: {text}", where=log.port)
        elif text.startswith("model "):
            yield causes.BAD_MODEL.found(f"wake: {text}", where=log.port, reason=text)


def check_version(there: str, evidence: str, where: str) -> Item:
    """Whether a board has this toolkit's firmware."""
    from mynah import __version__ as here

    if there == here:
        return Looked("version", f"Mynah {there}, as this toolkit")
    advice = "`mynah deploy` brings it up to date (for a new MicroPython: `mynah flash`)"
    if _numbers(there) > _numbers(here):
        advice = "the board's is newer: `pip install --upgrade mynah-speaker`"
    return causes.OLD_FIRMWARE.found(evidence, where=where, there=there, here=here, advice=advice)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _reason(line: str) -> str:
    return panics.explain(line) or line


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"
