"""The two transistors between a USB-serial bridge and the ESP32-S3: DTR and RTS to EN and GPIO0.

Truth table of the circuit on Espressif's DevKits (esptool's documentation, "Boot Mode Selection"):

======== ======== === =====
DTR      RTS      EN  GPIO0
======== ======== === =====
off      off      1   1
on       on       1   1
off      on       0   1
on       off      1   0
======== ======== === =====
"""

from __future__ import annotations

from dataclasses import dataclass

EN_HOLD_S = 1.0
"""Seconds that EN stays low while both lines are asserted after a reset.

On a real board EN's capacitor bridges the microseconds that a host takes to step from "reset" over
"both asserted" to "GPIO0 low". Over RFC 2217 each step takes some 50 ms, so the virtual capacitor
is larger.
"""


@dataclass(slots=True)
class ResetCircuit:
    """Follows the lines; ``en`` and ``gpio0`` are the chip's pins, True is high."""

    en: bool = True
    gpio0: bool = True

    def set(self, *, dtr: bool, rts: bool) -> None:
        """Take the lines' new state (True: asserted)."""
        self.gpio0 = not (dtr and not rts)
        if rts and not dtr:
            self.en = False
        elif not rts:
            self.en = True
        # Both asserted: EN's capacitor keeps what was, see EN_HOLD_S.

    def charge(self) -> None:
        """Let EN's capacitor be charged: EN goes high."""
        self.en = True
