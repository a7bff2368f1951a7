"""Board files: one TOML a board, nothing but facts, checked when they are read."""

from mynah.boards.files import load, names
from mynah.boards.model import Amplifier, Board, Led, Microphone, Part, Psram, Wire
from mynah.boards.pins import Finding, check_pins
from mynah.boards.wiring import Connection, connections

__all__ = [
    "Amplifier",
    "Board",
    "Connection",
    "Finding",
    "Led",
    "Microphone",
    "Part",
    "Psram",
    "Wire",
    "check_pins",
    "connections",
    "load",
    "names",
]
