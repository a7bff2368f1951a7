"""Ask the local network which miIO devices are there."""

from __future__ import annotations

import ipaddress
import socket
import time
from dataclasses import dataclass, field

from mynah.errors import PortError
from mynah.miio import codec
from mynah.miio.codec import PacketError

ROUNDS = 3
"""Hellos that are sent: each may be lost, and devices asleep want a second one."""
ROUND_S = 1.0
"""How long to listen after each."""


@dataclass(frozen=True, slots=True)
class Found:
    """A device that answered a hello."""

    address: str
    device_id: int
    token: bytes | None = field(repr=False)
    """Told only by a device that nobody has set up yet."""


def discover(everybody: str = "255.255.255.255", port: int = codec.PORT) -> list[Found]:
    """Every device that answers, sorted by address.

    Args:
        everybody: broadcast address of the network, or one device's address.
        port: UDP port that the devices listen on.

    Raises:
        PortError: this computer is in no network.
    """
    found: dict[str, Found] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for _ in range(ROUNDS):
            try:
                asker.sendto(codec.hello_request(), (everybody, port))
            except OSError as error:
                raise PortError(
                    f"no hello can be sent to {everybody}: {error.strerror}; is this computer in "
                    "the network?"
                ) from None
            _listen(asker, found, time.monotonic() + ROUND_S)
    return sorted(found.values(), key=lambda each: ipaddress.ip_address(each.address))


def _listen(asker: socket.socket, found: dict[str, Found], deadline: float) -> None:
    while (left := deadline - time.monotonic()) > 0:
        asker.settimeout(left)
        try:
            data, (address, _) = asker.recvfrom(codec.HEADER_SIZE + 1)
            hello = codec.parse_hello(data)
        except PacketError:
            continue
        except OSError:  # nobody any more
            return
        found[address] = Found(address, hello.device_id, hello.token)
