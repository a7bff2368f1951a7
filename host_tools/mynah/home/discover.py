"""Ask the local network which miIO devices are there."""

from __future__ import annotations

import ipaddress

from mynah.find.hello import Answer, hellos
from mynah.miio import codec

Found = Answer
"""A device that answered."""

EVERYBODY = "255.255.255.255"
ROUNDS = 3
"""Hellos that are sent: each may be lost, and devices asleep want a second one."""
ROUND_S = 1.0
"""How long to listen after each."""


def discover(everybody: str = EVERYBODY, port: int = codec.PORT) -> list[Found]:
    """Every device that answers a hello, sorted by address.

    Args:
        everybody: broadcast address of a network, or one device's address; `EVERYBODY`: every
            network that this computer is in.
        port: UDP port that the devices listen on.
    """
    timeout_s = ROUNDS * ROUND_S
    if everybody == EVERYBODY:
        answers = hellos(timeout_s, port=port)
    else:
        answers = hellos(timeout_s, [everybody], among=(), port=port)
    found = {answer.address: answer for answer in answers}
    return sorted(found.values(), key=lambda each: ipaddress.ip_address(each.address))
