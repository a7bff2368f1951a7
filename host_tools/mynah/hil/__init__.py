"""Hardware-in-the-loop testing: a board's console, and the pytest plugin built on it."""

from mynah.hil.console import Console, ExpectTimeoutError

__all__ = ["Console", "ExpectTimeoutError"]
