"""Who gets a datagram of the miIO port: the secure channel, the miIO server, or nobody.

The channel and the secure mode (app/secure.py) are loaded when the mode is on, or when somebody
knocks at the channel.
"""

import asyncio

from speaker.miot.codec import CHANNEL_MAGIC, HEADER
from speaker.util.hints import Any, Callable
from speaker.util.late import Late, NotLoadedError

_SET_UP_METHODS = ("miIO.info", "miIO.config_router", "miIO.wifi_assoc_state")


class SecureDoor:
    """`handle` of the miIO door.

    `settings` keep the mode's key, `mode` is the Late `Secure`, `server` the miIO server.
    `is_set_up(address)` says whether an address is on the open set-up network, `send(packet, peer)`
    carries what is no immediate reply.
    """

    def __init__(
        self,
        settings: Any,
        mode: Late,
        server: Any,
        is_set_up: Callable[[str], bool],
        send: Callable[[Any, tuple], object],
    ) -> None:
        self._settings = settings
        self._mode = mode
        self._server = server
        self._is_set_up = is_set_up
        self._send = send
        self._first: Any = None  # (packet, peer) that the channel is loaded for
        self._task: Any = None
        server.forbids = self.forbids

    @property
    def is_on(self) -> bool:
        """Whether calls from the network are taken inside the channel alone."""
        mode = self._mode.part
        return bool(self._settings.channel_key) if mode is None else mode.is_on

    def handle(self, packet: bytes, peer: tuple) -> Any:
        """The reply to a datagram: the channel's or, where that is let in, the server's."""
        if packet[:2] == CHANNEL_MAGIC:
            if self._mode.part is not None:
                return self._mode.part.channel.handle(packet, peer)
            if self._first is None:  # of those that come meanwhile, clients send another
                self._first = (packet, peer)
                self._task = asyncio.create_task(self._open())
            return None
        if self.is_on and len(packet) != HEADER and not self._is_set_up(peer[0]):
            self._server.dropped["secure"] += 1
            return None
        return self._server.handle(packet, peer)

    def forbids(self, name: str, peer: tuple) -> bool:
        """Whether a method is refused because it was called outside the channel."""
        return self.is_on and len(peer) == 2 and name not in _SET_UP_METHODS

    def close(self) -> None:
        """Stop what is under way."""
        if self._task is not None:
            self._task.cancel()

    async def _open(self) -> None:
        packet, peer = self._first
        try:
            mode = await self._mode.get()
        except NotLoadedError:
            return
        finally:
            self._first = None
        reply = mode.channel.handle(packet, peer)
        if reply is not None:
            self._send(reply, peer)
