"""A board's log: parse its lines, follow them over a link, show them safely."""

from mynah.logs.record import LEVELS, LogRecord, clean, parse

__all__ = ["LEVELS", "LogRecord", "clean", "parse"]
