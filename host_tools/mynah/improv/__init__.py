"""Improv over a serial port: the host's side, for `mynah pair` and the log readers."""

from mynah.improv.frames import Frame, Splitter

__all__ = ["Frame", "Splitter"]
