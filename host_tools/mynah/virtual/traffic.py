"""What a virtual board's network did: which ports were open, what went where."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mynah.virtual.air import Address

UDP, TCP = "udp", "tcp"

_MOST = 4096  # pairs of a place and a peer; the oldest is forgotten


class Place(NamedTuple):
    """Where a socket is."""

    kind: str
    """`UDP` or `TCP`."""
    port: int
    """The port that the board's program bound; 0: none, so any free one."""


@dataclass(slots=True)
class Flow:
    """What went between a place and a peer."""

    sent: int = 0
    """Packets (UDP) or writes (TCP) of the board."""
    sent_bytes: int = 0
    received: int = 0
    """Packets or pieces that the board's program took."""
    received_bytes: int = 0


class Traffic:
    """The record of a board's sockets since it was made; may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: set[Place] = set()
        self._flows: dict[tuple[Place, Address], Flow] = {}

    def clear(self) -> None:
        """Forget what was."""
        with self._lock:
            self._places.clear()
            self._flows.clear()

    def places(self) -> set[Place]:
        """Where a socket was opened, whether anything went over it or not."""
        with self._lock:
            return set(self._places)

    def flows(self) -> dict[tuple[Place, Address], Flow]:
        """What went over each place, by peer; a peer's address is the one that the board sees."""
        with self._lock:
            return {key: replace(flow) for key, flow in self._flows.items()}

    def opened(self, place: Place) -> None:
        """Note that there is a socket."""
        with self._lock:
            self._places.add(place)

    def sent(self, place: Place, peer: Address, n_bytes: int) -> None:
        """Note a packet that left."""
        with self._lock:
            flow = self._flow(place, peer)
            flow.sent += 1
            flow.sent_bytes += n_bytes

    def received(self, place: Place, peer: Address, n_bytes: int) -> None:
        """Note a packet that the board's program took."""
        with self._lock:
            flow = self._flow(place, peer)
            flow.received += 1
            flow.received_bytes += n_bytes

    def _flow(self, place: Place, peer: Address) -> Flow:
        if (place, peer) not in self._flows and len(self._flows) >= _MOST:
            del self._flows[next(iter(self._flows))]
        return self._flows.setdefault((place, peer), Flow())
