"""Where the firmware and the board files are: beside the package in a wheel, or in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_WHEEL_DATA = _PACKAGE / "_data"
_ROOT = _WHEEL_DATA if _WHEEL_DATA.is_dir() else _PACKAGE.parents[1]

FIRMWARE_DIR = _ROOT / "firmware"
"""What runs on the board, as sources."""

BOARDS_DIR = _ROOT / "boards"
"""One TOML file a board."""

AUDIO_DIR = _PACKAGE / "audio"
"""The project's own recordings: the demo's default and the tests' fixtures."""
