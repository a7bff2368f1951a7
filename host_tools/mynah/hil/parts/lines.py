"""The BOOT button of a board with a USB-to-UART bridge, pressed through the serial port's DTR."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mynah.hil.console import Console


class BootLine:
    """GPIO0 by the circuit that esptool uses: DTR without RTS pulls it low, and EN stays high.

    Source: Espressif's ESP32-S3-DevKitC-1 schematic, automatic download circuit.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def set(self, on: bool) -> None:
        """Press it or let go.

        Raises:
            PortError: the port vanished.
        """
        # Both lines asserted, as a port is opened, leave GPIO0 and EN high.
        self._console.set_lines(dtr=True, rts=not on)
