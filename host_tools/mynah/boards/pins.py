"""Which pins of the ESP32-S3 a board may use.

Sources: Espressif, ESP32-S3 Series Datasheet, "Pins" and "Strapping Pins"; ESP-IDF Programming
Guide (esp32s3), "GPIO & RTC GPIO".
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mynah.boards.model import Board

_PINS = frozenset(range(22)) | frozenset(range(26, 49))
_FLASH = frozenset(range(26, 33))
_OCTAL_PSRAM = frozenset(range(33, 38))
_STRAPPING = {
    0: "chooses the boot mode",
    3: "chooses the JTAG source",
    45: "chooses the flash voltage",
    46: "chooses the boot mode",
}
_USB = frozenset({19, 20})
_UART0 = frozenset({43, 44})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (``error``) or needs care with a board's pins."""

    error: bool
    text: str


def check_pins(board: Board) -> list[Finding]:
    """Everything that can be said against the board's choice of pins, errors first."""
    findings = _check_sharing(board)
    for use, pin in board.pins():
        finding = _check_pin(board, use, pin)
        if finding:
            findings.append(finding)
    if board.microphone.i2s == board.amplifier.i2s:
        text = f"microphone and amplifier share I2S {board.amplifier.i2s}, which is half duplex"
        findings.append(Finding(True, text))
    return sorted(findings, key=lambda finding: not finding.error)


def _check_sharing(board: Board) -> list[Finding]:
    uses: dict[int, list[str]] = defaultdict(list)
    for use, pin in board.pins():
        uses[pin].append(use)
    return [
        Finding(True, f"GPIO{pin} is used twice: {' and '.join(names)}")
        for pin, names in uses.items()
        if len(names) > 1
    ]


def _check_pin(board: Board, use: str, pin: int) -> Finding | None:
    name = f"{use}: GPIO{pin}"
    if pin not in _PINS:
        return Finding(True, f"{name} does not exist on the ESP32-S3")
    if pin in _FLASH:
        return Finding(True, f"{name} belongs to the flash")
    if pin in _OCTAL_PSRAM and board.psram and board.psram.kind == "octal":
        return Finding(True, f"{name} belongs to the octal PSRAM")
    if pin in _USB and "native" in board.usb:
        return Finding(True, f"{name} belongs to the native USB socket")
    if pin in _UART0 and "uart" in board.usb:
        return Finding(True, f"{name} belongs to the serial console")
    if pin in _STRAPPING and (use, pin) != ("buttons.boot", 0):
        text = f"{name} is a strapping pin ({_STRAPPING[pin]}): it must be free at reset"
        return Finding(False, text)
    if pin in _USB | _UART0:
        return Finding(False, f"{name} takes a pin of {'USB' if pin in _USB else 'UART0'}")
    return None
