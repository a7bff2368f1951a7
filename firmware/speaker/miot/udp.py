"""Carries datagrams between the one miIO socket and whoever answers them."""

import asyncio

from micropython import const

from speaker.miot.codec import MAX_PACKET
from speaker.net import sockets
from speaker.util.hints import Any, Callable
from speaker.util.streams import readable

# A datagram that is longer than the longest packet must be seen to be longer.
_READ_BYTES = MAX_PACKET + 1
# Datagrams that are read in a row, as long as they are dropped, before other tasks get their turn:
# sound goes first. One that is answered ends the turn.
_BURST = const(4)


# A peer that sends empty datagrams makes the server deaf for so long each time.
_REOPEN_MS = const(20)


class Door:
    """The socket that every miIO packet comes in by and goes out by; `name` as in net/sockets.py.

    `handle(packet, peer)`, to be set before `run`, gives the reply to a datagram from `peer`
    (address, port), or None.
    """

    def __init__(self, address: str = "0.0.0.0", name: str = "miio") -> None:
        self._address = address
        self._name = name
        self._sock: Any = None
        self.handle: Callable[[bytes, tuple], bytes | None] = _silence

    async def run(self) -> None:
        """Task: answer whoever asks, on every interface that is up."""
        while True:
            self._sock = sockets.open_udp(self._name, self._address)
            try:
                await readable(self._sock)
                while self._answer():
                    await asyncio.sleep_ms(0)
                    await readable(self._sock)
            finally:
                self._sock.close()
                self._sock = None
            await asyncio.sleep_ms(_REOPEN_MS)

    def send(self, packet: bytes, peer: tuple) -> bool:
        """Send a datagram that is no immediate reply; False when it cannot leave now."""
        if self._sock is None:
            return False
        try:
            self._sock.sendto(packet, peer)
        except OSError:  # no way to the peer at the moment: it will ask again
            return False
        return True

    def _answer(self) -> bool:
        """Answer what has come; False when the socket is of no more use.

        The ESP32 port takes an empty datagram for the end of a connection: the socket never
        receives again (MicroPython, ports/esp32/modsocket.c, lwip_recvfrom returning 0).
        """
        for _ in range(_BURST):
            try:
                packet, peer = self._sock.recvfrom(_READ_BYTES)
            except OSError:  # nothing more to read, or the interface went away
                return True
            if not packet:
                return False
            reply = self.handle(packet, peer)
            if reply is not None:
                self.send(reply, peer)
                break
        return True


def _silence(_packet: bytes, _peer: tuple) -> bytes | None:
    return None
