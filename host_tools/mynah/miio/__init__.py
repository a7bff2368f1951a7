"""Speak miIO and MIoT with a speaker on the local network."""

from mynah.miio.client import MiioClient, MiioError
from mynah.miio.door import JoinError, PairResult
from mynah.miio.pairing import pair

__all__ = ["JoinError", "MiioClient", "MiioError", "PairResult", "pair"]
