"""Find the speakers and other miIO devices of the local network, by hello and by mDNS."""

from mynah.find.moved import open_known
from mynah.find.search import Found, search

__all__ = ["Found", "open_known", "search"]
