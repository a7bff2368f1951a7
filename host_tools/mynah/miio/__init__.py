"""Speak miIO and MIoT with a speaker on the local network."""

from mynah.miio.client import MiioClient, MiioError
from mynah.miio.pairing import PairResult, pair

__all__ = ["MiioClient", "MiioError", "PairResult", "pair"]
