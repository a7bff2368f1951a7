"""The networks that this computer is in, and how to reach everybody in each."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

_LIMITED = "255.255.255.255"  # RFC 919
_MOST_SPECIFIC = 30  # a network of two addresses or one has no broadcast address


@dataclass(frozen=True, slots=True)
class Interface:
    """An address of this computer, and whom to send to from it."""

    address: str
    everybody: tuple[str, ...]
    """Broadcast addresses."""

    @property
    def is_loopback(self) -> bool:
        """Whether this computer's own programs are all that it leads to: virtual boards are."""
        return ipaddress.ip_address(self.address).is_loopback


def networks() -> list[ipaddress.IPv4Interface]:
    """Every IPv4 address of this computer, with the network that it is in."""
    import ifaddr

    return [
        ipaddress.IPv4Interface(f"{each.ip}/{each.network_prefix}")
        for adapter in ifaddr.get_adapters()
        for each in adapter.ips
        if isinstance(each.ip, str)
    ]


def interfaces() -> list[Interface]:
    """Every IPv4 address of this computer that has a network with others in it."""
    return [_interface(each) for each in networks() if each.network.prefixlen <= _MOST_SPECIFIC]


def _interface(own: ipaddress.IPv4Interface) -> Interface:
    everybody = [str(own.network.broadcast_address)]
    if not own.is_loopback:
        # Devices that do not know the network's mask hear this one only.
        everybody.append(_LIMITED)
    return Interface(str(own.ip), tuple(everybody))
