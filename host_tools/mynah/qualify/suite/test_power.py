"""Supply, resets, temperature."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mynah.hil.controls import Power
    from mynah.hil.device import Device
    from mynah.hil.repl import BoardRepl
    from mynah.qualify.score import Score

CAUSES = ("power on", "reset", "watchdog", "deep sleep", "soft reset")
"""What ``machine.reset_cause`` gives, from 1 (MicroPython, ports/esp32/modmachine.c)."""
PATIENCE_S = 30.0


@pytest.mark.scores("power.last_reset")
def test_reset_cause(firmware: Device, score: Score) -> None:
    """The chip tells why it was reset."""
    firmware.reset(wait=False)
    rom = firmware.expect(r"rst:0x[0-9a-f]+ \((\w+)\)", 10)[1]
    number = int(firmware.expect(r"last reset: (\d+)", PATIENCE_S)[1])
    assert 1 <= number <= len(CAUSES)
    score("power.last_reset", CAUSES[number - 1], note=f"ROM: {rom}; after a pulse on EN")
    assert CAUSES[number - 1] in {"power on", "reset"}


@pytest.mark.scores("power.cycle_ready_s")
def test_supply(firmware: Device, power: Power, score: Score) -> None:
    """It starts when its supply comes back."""
    power.off()
    time.sleep(1.0)
    firmware.skip()
    started = time.monotonic()
    power.on()
    ready = firmware.board.software.ready
    assert ready is not None
    at, _ = firmware.console.expect_line(ready, PATIENCE_S)
    score("power.cycle_ready_s", at - started)


@pytest.mark.scores("power.temperature_c")
def test_temperature(repl: BoardRepl, score: Score, is_hardware: bool) -> None:
    """The chip stays cool."""
    if not is_hardware:
        pytest.skip("a virtual chip has no temperature")
    score("power.temperature_c", repl.call("esp32.mcu_temperature"), note="its own sensor")
