"""What the kinds of sockets of a virtual board have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mynah.virtual.air import Address

READABLE, WRITABLE, ERROR, HANG_UP = 1, 4, 8, 16
"""MicroPython's poll flags."""


class BoardSocket(Protocol):
    """One socket of the board's program."""

    peer: Address

    def bind(self, host: str, port: int) -> None:
        """Bind."""

    def connect(self, host: str, port: int) -> None:
        """Begin to connect."""

    def send(self, data: bytes, destination: Address | None) -> int:
        """Send without waiting; the number of bytes taken."""

    def receive(self, n: int, *, peek: bool) -> bytes:
        """Bytes that have come; EAGAIN if there are none; empty at the end of a stream."""

    def ready(self) -> int:
        """Poll flags."""

    def update(self) -> None:
        """An interface came up or went down."""

    def close(self) -> None:
        """Close."""
