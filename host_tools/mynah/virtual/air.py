"""Which of a virtual board's interfaces carries what, and how addresses look from inside.

What the board may reach follows from the simulated Wi-Fi: the station's interface is
``Identity.address`` while the station is in a network; the access point's is
``Identity.ap_address`` while that is on, and looks to the board like 192.168.4.1 with a client
192.168.4.2.

Broadcast and multicast stay in this computer, on its loopback interface: a board sends them there
from its own address, and hears what comes from a loopback address (or, for broadcast, from this
computer itself). All virtual boards and the computer's programs are in one network so, 127.0.0.0/8;
a board that is in no network hears them in its own set-up network.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import TYPE_CHECKING

from mynah.virtual.board_errno import (
    EHOSTUNREACH,
    EINVAL,
    ERR_VAL,
)
from mynah.virtual.board_errno import of as errno_of
from mynah.virtual.link import BoardOSError
from mynah.virtual.radio import AP_ADDRESS, AP_CLIENT, Radio

if TYPE_CHECKING:
    from mynah.virtual.types import Identity

BROADCAST = "127.255.255.255"
"""Everybody in 127.0.0.0/8, the network that the station is in."""
LIMITED_BROADCAST = "255.255.255.255"

_AP_NETWORK = ipaddress.ip_network("192.168.4.0/24")
_LOOPBACK = "127.0.0.1"
_ANY = "0.0.0.0"

Address = tuple[str, int]
"""Host and port."""


class Air:
    """Which of the board's interfaces carries what, and how addresses look from inside."""

    def __init__(self, radio: Radio, identity: Identity) -> None:
        self._radio = radio
        self._identity = identity
        self._clients: dict[int, str] = {}
        self._lock = threading.Lock()
        self._members: dict[str, set[str]] = {}

    def reset(self) -> None:
        """As after a reset of the chip."""
        with self._lock:
            self._members.clear()

    def update(self) -> None:
        """An interface came up or went down.

        Groups are forgotten with the interface (netif_remove: ``active(False)``), not with the
        network that the station was in.
        """
        with self._lock:
            if not self._radio.station_on:
                self._members.pop(self._identity.address, None)
            if not self._radio.access_point_up:
                self._members.pop(self._identity.ap_address, None)

    def join(self, group: str, interface: str) -> None:
        """Join a multicast group at the interface with that address; "0.0.0.0": at all there are.

        The interface is the member, not a socket (ports/esp32/modsocket.c, igmp_joingroup).

        Raises:
            BoardOSError: there is no such interface, or it is no group; the number is lwIP's.
        """
        places = set()
        if self._radio.station_on and interface in {
            _ANY,
            self._identity.address if self._radio.station_up else _ANY,
        }:
            places.add(self._identity.address)
        if self._radio.access_point_up and interface in {_ANY, AP_ADDRESS}:
            places.add(self._identity.ap_address)
        if not places or not ipaddress.ip_address(group).is_multicast:
            raise BoardOSError(ERR_VAL)
        with self._lock:
            for place in places:
                self._members.setdefault(place, set()).add(group)

    def groups(self) -> set[str]:
        """The groups that any interface is a member of."""
        with self._lock:
            return set().union(*self._members.values())

    def local_addresses(self, host: str) -> list[str]:
        """Addresses of this computer that stand for a host that the board binds to."""
        station, access_point = self._identity.address, self._identity.ap_address
        if host == _ANY:
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

    def hears(self, peer: Address, group: str | None) -> str | None:
        """Local address where the board hears what ``peer`` sent to everybody, None: nowhere.

        Args:
            peer: who sent it.
            group: the multicast group; None: it was a broadcast.
        """
        local = self._outlet()
        if local is None or peer[0] in {self._identity.address, self._identity.ap_address}:
            return None  # lwIP does not loop back, unless IP_MULTICAST_LOOP is set
        if not ipaddress.ip_address(peer[0]).is_loopback and (group or not _is_ours(peer[0])):
            return None
        with self._lock:
            return local if group is None or group in self._members.get(local, ()) else None

    def seen_by_board(self, local: str, peer: Address) -> Address:
        """What the board takes ``peer`` for, whose packet came in at ``local``."""
        if not self._is_access_point(local):
            return peer if ipaddress.ip_address(peer[0]).is_loopback else (_LOOPBACK, peer[1])
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
        if host in {LIMITED_BROADCAST, BROADCAST} or address.is_multicast:
            local = self._outlet()
            if local is None:
                raise BoardOSError(EHOSTUNREACH)
            return local, (host if address.is_multicast else BROADCAST, port)
        if address == _AP_NETWORK.broadcast_address and self._radio.access_point_up:
            return self._identity.ap_address, (BROADCAST, port)
        if address in _AP_NETWORK and self._radio.access_point_up:
            return self._identity.ap_address, (self._clients.get(port, "127.0.0.1"), port)
        if not self._radio.station_up:
            raise BoardOSError(EHOSTUNREACH)
        return (self._identity.address if address.is_loopback else None), (host, port)

    def _outlet(self) -> str | None:
        """Where that goes which no interface's network is the target of: the station first.

        Those are ESP-IDF's route priorities (esp_netif_defaults.h: 100 and 10).
        """
        if self._radio.station_up:
            return self._identity.address
        return self._identity.ap_address if self._radio.access_point_up else None

    def _is_access_point(self, local: str) -> bool:
        if self._identity.address == self._identity.ap_address:
            return self._radio.access_point_up and not self._radio.station_up
        return local == self._identity.ap_address


def _is_ours(address: str) -> bool:
    """Whether an address is one of this computer's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
