"""Fixtures of the measuring suite; those for any board are `mynah.hil`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mynah.flash import chip as chips
from mynah.hil.software import SPEAKER

if TYPE_CHECKING:
    from mynah.flash.chip import ChipInfo
    from mynah.hil.board import HilBoard
    from mynah.hil.device import Device


@pytest.fixture
def firmware(device: Device) -> Device:
    """The board, whose software is the speaker's firmware."""
    if device.board.software.what != SPEAKER:
        pytest.skip("needs the speaker's firmware on the board (--firmware speaker)")
    return device


@pytest.fixture
def is_hardware(device: Device) -> bool:
    """Whether the board is one: a virtual board may be on a port of its own, too."""
    kind = device.board.kind
    return device.board.virtual is None and not (kind is not None and kind.is_virtual)


@pytest.fixture(scope="session")
def chip(board: HilBoard) -> ChipInfo:
    """What esptool reads from the chip."""
    with board.console.released():
        return chips.identify(board.port)
