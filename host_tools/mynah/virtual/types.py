"""What the rooms of the virtual board tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mynah.flash.app_info import AppInfo
    from mynah.flash.partitions import Partition


class ResetCause(str, Enum):
    """Why the CPU starts; the names are those of ``machine.*_RESET``."""

    PWRON = "PWRON"
    HARD = "HARD"
    WDT = "WDT"
    DEEPSLEEP = "DEEPSLEEP"
    SOFT = "SOFT"


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells this board from the others."""

    index: int
    """Number of the board on this computer, from 0."""
    mac: str
    """The base (station) MAC address from eFuse, ``"30:ed:a0:..."``; the access point's is +1."""
    address: str
    """The host's loopback address that stands for the board's station interface."""
    ap_address: str
    """The host's loopback address at which the board's own access point is reached."""
    psram_size: int = 8 * 1024 * 1024
    """Bytes of external RAM."""
    flash_size: int = 16 * 1024 * 1024
    """Bytes of flash."""

    @property
    def mac_bytes(self) -> bytes:
        """The base MAC address as 6 bytes (``machine.unique_id()``)."""
        return bytes.fromhex(self.mac.replace(":", ""))


@dataclass(frozen=True, slots=True)
class BootInfo:
    """What the boot loaders found in the flash and hand to the application."""

    partitions: tuple[Partition, ...]
    """The table in the flash, and the filesystem that MicroPython adds when it starts."""
    app: AppInfo
    """The application's own description."""
    running: Partition
    """The partition that the application runs from."""
    vfs: Partition | None
    """MicroPython's filesystem; None in a flash with no room for one."""
    log: bytes
    """What the boot loaders print on the serial port, lines end in CR LF."""


class Cpu(Protocol):
    """The application processor; every method may be called from any thread."""

    def start(self, boot: BootInfo, cause: ResetCause) -> None:
        """Run the application from that flash layout."""

    def stop(self) -> None:
        """Stop at once, as EN low or a power cut does; no process is left when it returns."""

    def receive(self, data: bytes) -> None:
        """Take bytes that arrived on the board's UART; those for a stopped CPU are lost."""
