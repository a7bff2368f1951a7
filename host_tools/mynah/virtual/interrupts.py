"""Interrupts for the board's CPU: events, soft IRQs, Ctrl-C.

One byte on the interrupt socket makes the child's interrupt thread schedule a callback that
fetches the events that wait.
"""

from __future__ import annotations

import struct
import threading
from collections import deque
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from mynah.virtual.alarms import Alarm, Alarms
    from mynah.virtual.link import Answer

_EVENT = struct.Struct("<BBH")
_REPEAT_SECONDS = 0.02

SCHEDULER_DEPTH = 8
"""Callbacks that wait for the VM at most; more are lost (MICROPY_SCHEDULER_DEPTH on the esp32)."""


class Event(IntEnum):
    """What the CPU is interrupted for; the twin of this table is in ``upy/_link.py``."""

    PIN = 1
    TIMER = 2
    I2S = 3
    SOCKET = 4
    KEYBOARD = 5
    I2S_FILLED = 6
    THREAD = 7


class Interrupts:
    """The events for one child process. Thread-safe."""

    def __init__(
        self, line: socket.socket, alarms: Alarms, wake: Callable[[], None] = lambda: None
    ) -> None:
        """``wake`` is called, in any thread, when there is something to fetch."""
        self._line = line
        self._wake = wake
        self._alarms = alarms
        self._news: dict[tuple[Event, int], int] = {}
        self._callbacks: deque[tuple[Event, int, int]] = deque()
        self._lock = threading.Lock()
        self._asserted = False
        self._silent = False
        self._repeat: Alarm | None = None
        self.n_fetched = 0
        """How many times the program has fetched its events, in 31 bits."""

    def post(self, kind: Event, source: int, value: int = 0, *, latest: bool = False) -> None:
        """Deliver an event.

        It stands for a callback that the chip schedules, and is lost if too many wait. With
        ``latest`` it is news of a peripheral instead: never lost, delivered before all callbacks,
        and it takes the place of such an event that still waits.
        """
        with self._lock:
            if latest:
                self._news[kind, source] = value
            elif len(self._callbacks) < SCHEDULER_DEPTH:
                self._callbacks.append((kind, source, value))
            else:
                return
        self.poke()

    @property
    def waiting(self) -> bool:
        """Whether the program is to fetch its events."""
        return self._asserted

    def silence(self, *, on: bool) -> None:
        """Only `waiting` tells, as long as the CPU waits on a fast clock."""
        self._silent = on

    def poke(self) -> None:
        """Interrupt the CPU, even if there is no event."""
        with self._lock:
            if self._asserted:
                return
            self._asserted = True
        if not self._silent:
            self._assert()
        self._wake()

    def fetch(self) -> Answer:
        """The events that wait, as the child reads them: their number, and 4 bytes each."""
        with self._lock:
            self._asserted = False
            self.n_fetched = (self.n_fetched + 1) & 0x7FFFFFFF
            if self._repeat is not None:
                self._repeat.cancel()
            events = [(*key, value) for key, value in self._news.items()]
            events.extend(self._callbacks)
            self._news.clear()
            self._callbacks.clear()
        return len(events), b"".join(_EVENT.pack(*event) for event in events)

    def _assert(self) -> None:
        # The child could not schedule its callback if its queue was full: repeat until it did.
        with self._lock:
            if not self._asserted:
                return
        try:
            self._line.send(b"!")
        except OSError:  # the child is gone
            return
        with self._lock:
            if self._asserted:
                self._repeat = self._alarms.after(_REPEAT_SECONDS, self._assert)


class Keyboard:
    """The character on the UART that interrupts the program of one child process."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self._character = -1

    def set_character(self, character: int) -> None:
        """Choose the character, -1 for none (``micropython.kbd_intr``)."""
        self._character = character

    def take(self, data: bytes) -> bytes:
        """Act on the character in UART input; returns the rest of the input."""
        character = self._character
        if character < 0 or character not in data:
            return data
        self._interrupts.post(Event.KEYBOARD, 0, latest=True)
        return data.replace(bytes([character]), b"")
