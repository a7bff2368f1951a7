"""What a row of the table says."""

from __future__ import annotations

from enum import Enum


class Verdict(str, Enum):
    """How the virtual board does something, beside a real one."""

    SAME = "same"
    """Exit code, output and effect as on hardware; times differ."""
    DIFFERS = "differs"
    """It works, but something that the row names is otherwise."""
    MISSING = "missing"
    """It does not do what hardware does, and says so or does nothing."""
