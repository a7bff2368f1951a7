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


# A peer that sends empty datagrams makes the server deaf for so long each time.
_REOPEN_MS = const(20)


async def serve(server: Server, address: str = "0.0.0.0", port: int = PORT) -> None:
    """Task: answer whoever asks, on every interface that is up."""
    while True:
        sock = _open(address, port)
        try:
            await readable(sock)
            while _answer(server, sock):
                await asyncio.sleep_ms(0)
                await readable(sock)
        finally:
            sock.close()
        await asyncio.sleep_ms(_REOPEN_MS)


def _open(address: str, port: int) -> Any:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind(socket.getaddrinfo(address, port)[0][-1])
    except OSError:
        sock.close()
        raise
    return sock


def _answer(server: Server, sock: Any) -> bool:
    """Answer what has come; False when the socket is of no more use.

    The ESP32 port takes an empty datagram for the end of a connection: the socket never receives
    again (MicroPython, ports/esp32/modsocket.c, lwip_recvfrom returning 0).
    """
    for _ in range(_BURST):
        try:
            packet, peer = sock.recvfrom(_READ_BYTES)
        except OSError:  # nothing more to read, or the interface went away
            return True
        if not packet:
            return False
        reply = server.handle(packet, peer)
        if reply is not None:
            try:
                sock.sendto(reply, peer)
            except OSError:  # no way to the peer any more: it will ask again
                pass
    return True
