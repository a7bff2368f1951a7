"""Mynah's firmware: an open smart speaker in MicroPython."""

VERSION = "0.1.0"
