"""Every socket that is open on the board: one table, one way to open them.

`SOCKETS` is what `mynah privacy` tells, so whoever needs a socket adds a row (app/told.py has what
is said of it) and calls `open_udp` with its name; a test sees to it that no other module imports
`socket`. Each row says which UDP port is bound, 0: any free one, and the only places that it sends
to: PEERS, DEVICES, or "address:port".
"""

import socket

from speaker.util.hints import Any

MIIO_PORT = 54321

PEERS = "peers"  # whoever has sent something to this socket
DEVICES = "devices"  # the home devices that the owner has added

SOCKETS = {
    "miio": (MIIO_PORT, (PEERS,)),
    "home": (0, (DEVICES, "255.255.255.255:54321")),
    "mdns": (5353, ("224.0.0.251:5353", PEERS)),
}


opened: set = set()  # names of the sockets that were opened since the start


def open_udp(name: str, address: str = "0.0.0.0") -> Any:
    """The UDP socket of that name, bound and non-blocking; it may broadcast.

    KeyError for a name that SOCKETS lacks, OSError when it cannot be opened.
    """
    port = SOCKETS[name][0]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setblocking(False)
        sock.bind(socket.getaddrinfo(address, port)[0][-1])
    except OSError:
        sock.close()
        raise
    opened.add(name)
    return sock


def join_group(sock: Any, group: str, interface: str) -> None:
    """Hear what is sent to a multicast group at the interface with that address.

    It is the interface that joins, for all sockets that are bound to any address. OSError when it
    cannot, with a number of lwIP's (ports/esp32/modsocket.c): 6, ERR_VAL, no such interface.
    """
    members = address_bytes(group) + address_bytes(interface)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, members)


def address_bytes(address: str) -> bytes:
    """The four bytes of an IPv4 address. ValueError when it is none."""
    packed = bytes([int(part) for part in address.split(".")])
    if len(packed) != 4:
        raise ValueError("IPv4 address")
    return packed
