"""Every socket that the firmware opens: one table, one way to open them."""

import socket

from speaker.util.hints import Any

MIIO_PORT = 54321

# name -> (listens on this UDP port or 0 for any, what for). `mynah privacy` reads this table, and
# a test sees to it that no other module opens a socket.
SOCKETS = {
    "miio": (MIIO_PORT, "miIO: answers whoever holds the token, tells its subscribers of changes"),
}


def open_udp(name: str, address: str = "0.0.0.0") -> Any:
    """The UDP socket of that name, bound and non-blocking. OSError when it cannot be."""
    port = SOCKETS[name][0]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind(socket.getaddrinfo(address, port)[0][-1])
    except OSError:
        sock.close()
        raise
    return sock
