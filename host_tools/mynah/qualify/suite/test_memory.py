"""How much memory there is, and what the firmware leaves of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mynah.hil.device import Device
    from mynah.hil.repl import BoardRepl
    from mynah.qualify.score import Score

LARGEST = """
import gc
def largest():
    low, high = 0, gc.mem_free() + 1
    while high - low > 256:
        middle = (low + high) // 2
        block = None
        try:
            block = bytearray(middle)
            low = middle
        except MemoryError:
            high = middle
        del block
        gc.collect()
    return low
"""
INTERNAL = 1 << 11 | 1 << 2
"""MALLOC_CAP_INTERNAL and MALLOC_CAP_8BIT (ESP-IDF, esp_heap_caps.h)."""


@pytest.mark.scores("memory.heap_used_kb", "memory.heap_free_kb")
def test_heap(firmware: Device, score: Score) -> None:
    """The firmware leaves room on Python's heap."""
    firmware.reset(wait=False)
    match = firmware.expect(r"app: heap used (\d+) of (\d+)", 30)
    used, whole = int(match[1]), int(match[2])
    note = "after a garbage collection, as the firmware tells when it is ready"
    score("memory.heap_used_kb", used / 1024, note=note)
    score("memory.heap_free_kb", (whole - used) / 1024, note=note)


@pytest.mark.scores("memory.largest_kb")
def test_largest_block(repl: BoardRepl, score: Score) -> None:
    """Large blocks can be had."""
    repl.run(LARGEST)
    score("memory.largest_kb", repl.call("largest") / 1024, note="tried, to 256 bytes")


@pytest.mark.scores("memory.idf_largest_kb")
def test_system_heap(repl: BoardRepl, score: Score, is_hardware: bool) -> None:
    """ESP-IDF's own heap has room for Wi-Fi."""
    if not is_hardware:
        pytest.skip("a virtual board has no ESP-IDF, so no heap of it")
    blocks = [row[2] for row in repl.call("esp32.idf_heap_info", INTERNAL)]
    score("memory.idf_largest_kb", max(blocks) / 1024, note="internal RAM, firmware stopped")
