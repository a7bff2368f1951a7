"""The UDP ports of a virtual board, and the firmware's own program that holds one of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mynah.virtual.board_errno import EADDRINUSE
from mynah.virtual.link import BoardOSError

if TYPE_CHECKING:
    from mynah.virtual.air import Air
    from mynah.virtual.radio import Radio

ANY = "0.0.0.0"

MDNS_PORT = 5353
MDNS_GROUP = "224.0.0.251"


class UdpPorts:
    """Who holds which port, by lwIP's rules (``udp_bind``). Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[object, tuple[str, int, bool]] = {}

    def claim(self, holder: object, host: str, port: int, *, reuse: bool) -> None:
        """Let ``holder`` have a port; one that has another gives that back.

        Args:
            holder: anything hashable.
            host: an address of the board, or `ANY`.
            port: not 0.
            reuse: SO_REUSEADDR is set. A port is shared only by those who all have it set.

        Raises:
            BoardOSError: EADDRINUSE.
        """
        with self._lock:
            for other, (taken, number, shared) in self._held.items():
                meets = number == port and (taken == host or ANY in {taken, host})
                if other is not holder and meets and not (reuse and shared):
                    raise BoardOSError(EADDRINUSE)
            self._held[holder] = host, port, reuse

    def release(self, holder: object) -> None:
        """``holder`` has no port any more."""
        with self._lock:
            self._held.pop(holder, None)


class BuiltInMdns:
    """ESP-IDF's mDNS responder in MicroPython's firmware, as far as a program notices it.

    MicroPython starts it with the station's first address after power-on (network_wlan.c). It
    takes UDP 5353 without SO_REUSEADDR, so no program can bind that from then on; where one has
    it already, the responder goes without, and nothing is said. It tries when an interface comes
    up and lets go of the port when none is up any more (mdns 1.3, mdns_networking_lwip.c). Its
    answers for the host name are not simulated.
    """

    def __init__(self, ports: UdpPorts, air: Air, radio: Radio) -> None:
        self._ports = ports
        self._air = air
        self._radio = radio
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """As after a reset of the chip."""
        with self._lock:
            self._ports.release(self)
            self._started = False
            self._was_up = (False, False)

    def update(self) -> None:
        """An interface came up or went down."""
        with self._lock:
            up = self._radio.station_up, self._radio.access_point_up
            before, self._was_up = self._was_up, up
            self._started = self._started or up[0]
            if not self._started:
                return
            if not any(up):
                self._ports.release(self)
            elif any(now and not then for now, then in zip(up, before, strict=True)):
                self._start()

    def _start(self) -> None:
        self._air.join(MDNS_GROUP, ANY)
        try:
            self._ports.claim(self, ANY, MDNS_PORT, reuse=False)
        except BoardOSError:
            return
