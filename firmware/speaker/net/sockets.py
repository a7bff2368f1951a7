"""Every socket that is open on the board: one table, one way to open them.

`SOCKETS` is what `mynah privacy` tells, so whoever needs a socket adds a row and calls `open_udp`
with its name; a test sees to it that no other module imports `socket`. Each row says:

    port   the UDP port that is bound; 0: any free one
    when   while what it is open
    takes  what it does with what comes in, and from whom
    sends  what leaves by it
    to     the only places that it sends to: PEERS, DEVICES, or "address:port"
"""

import socket

from speaker.util.hints import Any

MIIO_PORT = 54321

PEERS = "peers"  # whoever has sent something to this socket
DEVICES = "devices"  # the home devices that the owner has added

SOCKETS = {
    "miio": {
        "port": MIIO_PORT,
        "when": "always",
        "takes": "a hello from anybody; methods from whoever holds the token, or in secure mode"
        " the key",
        "sends": "number and a clock to who says hello, replies to methods, changes to subscribers",
        "to": (PEERS,),
    },
    "home": {
        "port": 0,
        "when": "once there is a home device",
        "takes": "what home devices answer, signed with their token",
        "sends": "hellos, questions and commands; a hello to all when a device has moved",
        "to": (DEVICES, "255.255.255.255:54321"),
    },
    "mdns": {
        "port": 5353,
        "when": "always; it answers while on the home network",
        "takes": "questions for the speaker and its host name, from the home network",
        "sends": "model, device number, MAC and IP address, host name: asked, and when it joins",
        "to": ("224.0.0.251:5353", PEERS),
    },
}

# What MicroPython opens by itself under the firmware (ports/esp32/network_common.c,
# network_wlan.c and ESP-IDF's mdns component): the same columns.
SYSTEM_SOCKETS = {
    "dhcp client": {
        "port": 68,
        "when": "on the home network",
        "takes": "an address from the router",
        "sends": "MAC address and host name, mynah- and four digits of the MAC",
        "to": ("255.255.255.255:67", "router:67"),
    },
    "dhcp server": {
        "port": 67,
        "when": "while the set-up network is open",
        "takes": "requests for an address on the set-up network",
        "sends": "addresses",
        "to": ("set-up network:68",),
    },
    "mdns": {
        "port": 5353,
        "when": "on the home network, should our own mdns not have been able to take the port",
        "takes": "questions for the host name",
        "sends": "host name and address",
        "to": ("224.0.0.251:5353", PEERS),
    },
}

opened: set = set()  # names of the sockets that were opened since the start


def open_udp(name: str, address: str = "0.0.0.0") -> Any:
    """The UDP socket of that name, bound and non-blocking; it may broadcast.

    KeyError for a name that SOCKETS lacks, OSError when it cannot be opened.
    """
    port: Any = SOCKETS[name]["port"]
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
