"""Which of a virtual board's interfaces carries what, and how addresses look from inside.

What the board may reach follows from the simulated Wi-Fi: the station's interface is
``Identity.address`` while the station is in a network; the access point's is
``Identity.ap_address`` while that is on, and looks to the board like 192.168.4.1 with a client
192.168.4.2.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from mynah.virtual.board_errno import (
    EHOSTUNREACH,
    EINVAL,
)
from mynah.virtual.board_errno import of as errno_of
from mynah.virtual.link import BoardOSError
from mynah.virtual.wifi import AP_ADDRESS, AP_CLIENT, Radio

if TYPE_CHECKING:
    from mynah.virtual.types import Identity

_AP_NETWORK = ipaddress.ip_network("192.168.4.0/24")

Address = tuple[str, int]
"""Host and port."""


class Air:
    """Which of the board's interfaces carries what, and how addresses look from inside."""

    def __init__(self, radio: Radio, identity: Identity) -> None:
        self._radio = radio
        self._identity = identity
        self._clients: dict[int, str] = {}

    def local_addresses(self, host: str) -> list[str]:
        """Addresses of this computer that stand for a host that the board binds to."""
        station, access_point = self._identity.address, self._identity.ap_address
        if host == "0.0.0.0":
            return [station] if station == access_point else [station, access_point]
        if host == AP_ADDRESS:
            return [access_point]
        if host in {station, "127.0.0.1"}:
            return [station]
        raise BoardOSError(errno_of(99))

    def is_up(self, local: str) -> bool:
        """Whether packets pass at this local address."""
        station = local == self._identity.address and self._radio.station_up
        access_point = local == self._identity.ap_address and self._radio.access_point_up
        return station or access_point

    def seen_by_board(self, local: str, peer: Address) -> Address:
        """What the board takes ``peer`` for, whose packet came in at ``local``."""
        if not self._is_access_point(local):
            return peer
        self._clients[peer[1]] = peer[0]
        self._radio.meet_client()
        return AP_CLIENT, peer[1]

    def route(self, host: str, port: int) -> tuple[str | None, Address]:
        """Local address (None: any) to send from, and real destination.

        Raises:
            BoardOSError: EHOSTUNREACH, no interface leads there.
        """
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            raise BoardOSError(EINVAL) from None
        if address in _AP_NETWORK and self._radio.access_point_up:
            return self._identity.ap_address, (self._clients.get(port, "127.0.0.1"), port)
        if not self._radio.station_up:
            raise BoardOSError(EHOSTUNREACH)
        return (self._identity.address if address.is_loopback else None), (host, port)

    def _is_access_point(self, local: str) -> bool:
        if self._identity.address == self._identity.ap_address:
            return self._radio.access_point_up and not self._radio.station_up
        return local == self._identity.ap_address
