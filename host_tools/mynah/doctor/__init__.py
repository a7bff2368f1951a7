"""Find out what is wrong with a board, its port, its Wi-Fi, and say what to do (`mynah doctor`)."""

from mynah.doctor.finding import FAULT, NOTE, WARNING, Finding, Item, Looked, Unseen

__all__ = ["FAULT", "NOTE", "WARNING", "Finding", "Item", "Looked", "Unseen"]
