"""Packets that nobody should send, and what is due for each: see tests/bench/fuzz.py."""
