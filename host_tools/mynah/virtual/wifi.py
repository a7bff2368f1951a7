"""Stub."""
from __future__ import annotations
class Wifi: pass
class Radio:
    def __init__(self,*a): pass
    def reset(self, *, soft): pass
