"""Board files: one TOML a board, nothing but facts, checked when they are read."""

from mynah.boards.files import load, names
from mynah.boards.model import Amplifier, Board, Led, Microphone, Part, Psram
from mynah.boards.pins import Finding, check_pins

__all__ = [
    "Amplifier",
    "Board",
    "Finding",
    "Led",
    "Microphone",
    "Part",
    "Psram",
    "check_pins",
    "load",
    "names",
]
