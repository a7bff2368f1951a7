"""How a request is sealed for a device: as plain miIO, or inside the secure channel."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, final

from mynah.miio import channel, codec
from mynah.miio.channel import ChannelKey, Opening, Session
from mynah.miio.codec import Hello, PacketError

if TYPE_CHECKING:
    from collections.abc import Callable

_STAMP_LIFE_S = 120  # devices refuse older stamps; others say hello again after that time, too
_OPENING_TRIES = 2

_T = TypeVar("_T")


class Ask(Protocol):
    """Sends a packet and waits for the first answer that ``parse`` takes; None: none came."""

    def __call__(self, packet: bytes, parse: Callable[[bytes], _T | None]) -> _T | None:
        """Send and wait."""


class Seal(Protocol):
    """What a client needs to call methods, whatever is around the JSON."""

    def prepare(self, ask: Ask) -> bool:
        """Do what must come before a request; False: the device does not answer."""

    def pack(self, request: Any) -> bytes:
        """The packet that carries a request. Sent again as it is, it is not done again."""

    def unpack(self, data: bytes) -> Any:
        """The JSON of a packet; `PacketError` for one that is not for this client."""

    def lost(self) -> None:
        """No reply came: begin anew with the next request."""

    def goodbye(self) -> bytes | None:
        """The last packet, if the device shall have one."""


@final
class TokenSeal:
    """Plain miIO, with the device's token."""

    def __init__(self, token: bytes) -> None:
        self._token = token
        self._hello: Hello | None = None
        self._hello_at = 0.0

    def hello(self, ask: Ask) -> Hello | None:
        """Ask who the device is and what time it has."""

        def parse(data: bytes) -> Hello | None:
            return codec.parse_hello(data) if len(data) == codec.HEADER_SIZE else None

        self._hello = ask(codec.hello_request(), parse)
        self._hello_at = time.monotonic()
        return self._hello

    def prepare(self, ask: Ask) -> bool:
        """Say hello, unless the stamp of an earlier one is still good."""
        if time.monotonic() - self._hello_at >= _STAMP_LIFE_S:
            self._hello = None
        return (self._hello or self.hello(ask)) is not None

    def pack(self, request: Any) -> bytes:
        """Encrypt and sign."""
        assert self._hello is not None
        stamp = self._hello.stamp + int(time.monotonic() - self._hello_at) + 1
        device_id = self._hello.device_id
        return codec.encode(request, self._token, device_id=device_id, stamp=stamp)

    def unpack(self, data: bytes) -> Any:
        """Check and decrypt."""
        return codec.decode(data, self._token).payload

    def lost(self) -> None:
        """The next request begins with a hello and a new stamp."""
        self._hello = None

    def goodbye(self) -> bytes | None:
        """Nothing: miIO knows no sessions."""
        return None


@final
class ChannelSeal:
    """The secure channel: a session that is opened when it is needed, and anew when it is over."""

    def __init__(self, key: ChannelKey) -> None:
        self._key = key
        self._session: Session | None = None

    def prepare(self, ask: Ask) -> bool:
        """Open a session, unless there is one."""
        if self._session and self._session.is_live:
            return True
        question = channel.ask()
        told = ask(question, lambda data: channel.told(question, data))
        if told is None:
            return False
        opening = Opening(self._key, told)
        for _ in range(_OPENING_TRIES):
            self._session = ask(opening.packet, opening.finish)
            if self._session:
                return True
        return False

    def pack(self, request: Any) -> bytes:
        """Seal the JSON."""
        assert self._session is not None
        text = json.dumps(request, separators=(",", ":"), ensure_ascii=False)
        return self._session.seal(text.encode())

    def unpack(self, data: bytes) -> Any:
        """Open a packet of the session."""
        if self._session is None:
            raise PacketError("there is no session")
        try:
            return json.loads(self._session.open(data).decode())
        except (ValueError, RecursionError) as error:
            raise PacketError("the payload is damaged") from error

    def lost(self) -> None:
        """The next request opens a new session: the device may have started again."""
        self._session = None

    def goodbye(self) -> bytes | None:
        """What lets the device forget the session."""
        return self._session.goodbye() if self._session else None
