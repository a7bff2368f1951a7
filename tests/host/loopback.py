"""Loopback addresses that no other test uses at the same time, in whatever process it runs."""

import atexit
import contextlib
import socket
import sys

import pytest

_LOCK_PORT = 54319
_kept = contextlib.ExitStack()
atexit.register(_kept.close)


@contextlib.contextmanager
def addresses(n):
    """``n`` free addresses of 127.90.0.0/16; a socket bound to each is the lock."""
    if sys.platform == "darwin":
        pytest.skip("this system has one loopback address")
    locks, found = [], []
    try:
        for number in range(1 << 16):
            address = f"127.90.{number >> 8}.{number & 255}"
            lock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                lock.bind((address, _LOCK_PORT))
            except OSError:  # somebody has it
                lock.close()
                continue
            locks.append(lock)
            found.append(address)
            if len(found) == n:
                yield found
                return
    finally:
        for lock in locks:
            lock.close()


def own_address():
    """One such address, until this process ends; on macOS the only one there is."""
    if sys.platform == "darwin":
        return "127.0.0.1"
    return _kept.enter_context(addresses(1))[0]
