"""Mynah: an open, local smart speaker for ESP32-S3 boards, and the toolkit around it."""

__version__ = "0.1.0"
