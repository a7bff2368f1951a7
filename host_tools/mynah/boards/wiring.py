"""Which wire goes where, for boards that are wired by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.errors import BoardFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mynah.boards.model import Amplifier, Board, Microphone

_SIGNALS = {"sck": "bit clock", "ws": "word select", "sd": "data", "enable": "switch on"}
_SUPPLIES = {"3V3": "power", "5V": "power", "GND": "ground"}
_OTHERS = {"open": "setting", "loudspeaker": "loudspeaker"}
_ON_BOARD = {"boot"}  # the button that every ESP32-S3 board has


@dataclass(frozen=True, slots=True)
class Connection:
    """One wire: from a part's ``pin`` ``to`` a pin of the ESP32-S3 board ("GPIO5", "3V3")."""

    signal: str
    part: str
    pin: str
    to: str
    note: str = ""


def connections(board: Board) -> list[Connection]:
    """Every wire of a board that is wired by hand; none for a board that comes whole."""
    parts = [part for part in (board.microphone, board.amplifier) if part.wiring]
    if not parts:
        return []
    found = [each for part in parts for each in _part(part)]
    for name, gpio in board.buttons.items():
        if name not in _ON_BOARD:
            what = f"{name.replace('_', ' ')} button"
            found.append(Connection(name.replace("_", " "), what, "one leg", f"GPIO{gpio}"))
            found.append(Connection("ground", what, "other leg", "GND"))
    return found


def check_wiring(part: Microphone | Amplifier) -> None:
    """Refuse wiring that leaves a signal out, or that leads nowhere.

    Raises:
        BoardFileError: the message names the pin or signal.
    """
    if not part.wiring:
        return
    signals = {name for name in _SIGNALS if getattr(part, name, None) is not None}
    for wire in part.wiring:
        if wire.to not in signals | set(_SUPPLIES) | set(_OTHERS):
            raise BoardFileError(f"{part.part}: pin {wire.pin} cannot go to {wire.to!r}")
    targets = Counter(wire.to for wire in part.wiring)
    pins = Counter(wire.pin for wire in part.wiring)
    for name in sorted(signals):
        if targets[name] != 1:
            raise BoardFileError(f"{part.part}: signal {name} has {targets[name]} wires, not one")
    pin, count = pins.most_common(1)[0]
    if count > 1:
        raise BoardFileError(f"{part.part}: pin {pin} is wired {count} times")


def _part(part: Microphone | Amplifier) -> Iterator[Connection]:
    for wire in part.wiring:
        signal = (_SIGNALS | _SUPPLIES | _OTHERS)[wire.to]
        to = f"GPIO{getattr(part, wire.to)}" if wire.to in _SIGNALS else wire.to
        yield Connection(signal, part.part, wire.pin, to, wire.note)
