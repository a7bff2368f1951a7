"""The UART's line to the computer: bytes take their time, as the baud rate has it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BITS = 10  # a start bit, eight of data, a stop bit
_CHUNK_S = 0.002
_CATCH_UP_S = 0.02  # a sleep that lasted too long is made up for


class Wire:
    """Sends at a baud rate; who sends waits, as a UART's driver does when its FIFO is full.

    Args:
        send: takes the bytes at the other end.
        baud: bits a second.
    """

    def __init__(self, send: Callable[[bytes], None], baud: int) -> None:
        self._send = send
        self._byte_s = _BITS / baud
        self._chunk = max(1, int(_CHUNK_S / self._byte_s))
        self._free_at = 0.0
        self._lock = threading.Lock()

    def __call__(self, data: bytes) -> None:
        """Send; returns when the last byte is on its way."""
        with self._lock:
            for start in range(0, len(data), self._chunk):
                chunk = data[start : start + self._chunk]
                now = time.monotonic()
                self._free_at = max(self._free_at, now - _CATCH_UP_S) + len(chunk) * self._byte_s
                if self._free_at > now:
                    time.sleep(self._free_at - now)
                self._send(chunk)
