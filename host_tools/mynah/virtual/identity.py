"""Who a virtual board is: its number on this computer, and the addresses that follow from it."""

from __future__ import annotations

import socket

from mynah.errors import PortError
from mynah.virtual.types import Identity

N_BOARDS = 250
"""Boards that may run on one computer at once."""
_LOCK_PORT = 54320
_ONLY_ADDRESS = "127.0.0.1"
# A prefix of Espressif's; base addresses lie 4 apart (station, access point, Bluetooth, Ethernet).
_MAC_PREFIX = "30:ed:a0"
_FIRST_MAC = 0x560000
_MACS_A_BOARD = 4


class IdentityClaim:
    """An `Identity` that no other virtual board on this computer has until `release`.

    A socket bound to the board's own loopback address is the lock, so it vanishes with the process.
    """

    def __init__(self, index: int | None, *, psram_size: int, flash_size: int) -> None:
        """Claim board ``index``, None: the lowest that is free.

        Raises:
            PortError: that board runs already, or all do.
        """
        self._lock, index, address, ap_address = _claim(index)
        self.identity = Identity(
            index=index,
            mac=_mac(index),
            address=address,
            ap_address=ap_address,
            psram_size=psram_size,
            flash_size=flash_size,
        )

    def release(self) -> None:
        """Let another board have it."""
        self._lock.close()


def _claim(index: int | None) -> tuple[socket.socket, int, str, str]:
    if not _has_many_addresses():
        lock = _bind(_ONLY_ADDRESS)
        if lock is None or index not in {None, 0}:
            raise PortError(
                "this computer has one loopback address, so it can run one virtual board at a "
                "time (number 0): close the other one"
            )
        return lock, 0, _ONLY_ADDRESS, _ONLY_ADDRESS
    for candidate in range(N_BOARDS) if index is None else (index,):
        address, ap_address = _addresses(candidate)
        if (lock := _bind(address)) is not None:
            return lock, candidate, address, ap_address
    if index is None:
        raise PortError(f"{N_BOARDS} virtual boards run already: close some")
    raise PortError(f"virtual board {index} runs already: close it or take another number")


def _addresses(index: int) -> tuple[str, str]:
    if not 0 <= index < N_BOARDS:
        raise ValueError(f"board number {index} is not in 0..{N_BOARDS - 1}")
    return f"127.77.0.{index + 2}", f"127.77.1.{index + 2}"


def _has_many_addresses() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((_addresses(N_BOARDS - 1)[0], 0))
        except OSError:
            return False
        return True


def _bind(address: str) -> socket.socket | None:
    lock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
        lock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    try:
        lock.bind((address, _LOCK_PORT))
    except OSError:
        lock.close()
        return None
    return lock


def _mac(index: int) -> str:
    low = _FIRST_MAC + index * _MACS_A_BOARD
    return _MAC_PREFIX + "".join(f":{byte:02x}" for byte in low.to_bytes(3, "big"))
