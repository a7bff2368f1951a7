"""Carries miIO datagrams between a UDP socket and the server."""

import asyncio
import socket

from micropython import const

from speaker.miot.codec import MAX_PACKET
from speaker.miot.server import PORT, Server
from speaker.util.hints import Any
from speaker.util.streams import readable

# A datagram that is longer than the longest packet must be seen to be longer.
_READ_BYTES = MAX_PACKET + 1
# Datagrams handled in a row before other tasks get their turn: sound goes first.
_BURST = const(4)


async def serve(server: Server, address: str = "0.0.0.0", port: int = PORT) -> None:
    """Task: answer whoever asks, on every interface that is up."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind(socket.getaddrinfo(address, port)[0][-1])
        while True:
            await readable(sock)
            _answer(server, sock)
            await asyncio.sleep_ms(0)
    finally:
        sock.close()


def _answer(server: Server, sock: Any) -> None:
    for _ in range(_BURST):
        try:
            packet, peer = sock.recvfrom(_READ_BYTES)
        except OSError:  # nothing more to read, or the interface went away
            return
        reply = server.handle(packet, peer)
        if reply is not None:
            try:
                sock.sendto(reply, peer)
            except OSError:  # no way to the peer any more: it will ask again
                pass
