"""How it starts."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import pytest

from mynah.hil.console import ExpectTimeoutError

if TYPE_CHECKING:
    from mynah.hil.device import Device
    from mynah.qualify.score import Score

N_STARTS = 5
PATIENCE_S = 30.0
FIRST_LINE = r" app: Mynah (\S+) on "


@pytest.mark.scores("boot.first_line_s", "boot.ready_s", "boot.good_starts_pct")
def test_it_starts_from_reset(firmware: Device, score: Score) -> None:
    """Starts from reset, five times over."""
    console, ready = firmware.console, firmware.board.software.ready
    assert ready is not None
    first, whole = [], []
    for _ in range(N_STARTS):
        firmware.reset(wait=False)
        let_go = time.monotonic()
        try:
            at, match = console.expect_line(FIRST_LINE, PATIENCE_S)
            first.append(at - let_go)
            score.about(firmware=f"speaker {match[1]}")
            whole.append(console.expect_line(ready, PATIENCE_S)[0] - let_go)
        except ExpectTimeoutError:
            continue
    score("boot.good_starts_pct", 100 * len(whole) / N_STARTS)
    assert whole, "no start became ready"
    note = f"median of {len(whole)}, slowest {max(whole):.2f} s; from the moment that EN is let go"
    score("boot.first_line_s", statistics.median(first), note=note)
    score("boot.ready_s", statistics.median(whole), note=note)
    assert len(whole) == N_STARTS
