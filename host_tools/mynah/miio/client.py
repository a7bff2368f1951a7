"""Call a device's methods over UDP: stamps, retries, and errors told apart."""

from __future__ import annotations

import contextlib
import itertools
import math
import random
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, final

from mynah.errors import BoardError, BoardTimeoutError, UsageError
from mynah.logs import clean
from mynah.miio import channel, codec
from mynah.miio.codec import Hello, PacketError, Probed
from mynah.miio.seals import ChannelSeal, Seal, TokenSeal
from mynah.miio.spec import Property, Spec, explain, speaker

if TYPE_CHECKING:
    from mynah.miio.channel import ChannelKey, Told

_MAX_ID = 9999
_BUSY = {-30001, -9999}  # "user ack timeout": the device asks to be asked again
_MAX_PROPERTIES = 10  # what devices take in one call
_BUFFER_SIZE = 65536
_WHY_TIMEOUT_S = 0.5  # for the question why there was no answer

_Answer = TypeVar("_Answer")


SECURE_WITHOUT_KEY = (
    "it is in secure mode, and its key is not known here. Use the computer that switched it on "
    "(`mynah secure NAME key` shows the key there), or hold the speaker's BOOT button until it "
    "forgets its owner, and pair it again"
)
"""What somebody can do who has lost the key."""


class MiioError(BoardError):
    """The device answered a call with an error; ``code`` is its number."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@final
class MiioClient:
    """One device on the network. Not for use by several threads at once.

    Args:
        address: IPv4 address, or a name for one.
        token: 16 bytes; without it only `hello` works, which tells it while a device is unpaired.
        port: UDP port.
        timeout_s: how long to wait for an answer before the packet is sent again.
        retries: attempts after the first; each sends a packet up to twice.
        spec: names of properties and actions.
        key: of a speaker in secure mode; calls go through its secure channel then.
    """

    def __init__(
        self,
        address: str,
        token: bytes | None = None,
        port: int = codec.PORT,
        *,
        timeout_s: float = 1.5,
        retries: int = 2,
        spec: Spec | None = None,
        key: ChannelKey | None = None,
    ) -> None:
        self.address = address
        self._port = port
        self._resolved: tuple[str, int] | None = None
        self._token = token
        self._timeout_s = timeout_s
        self._attempts = 1 + retries
        self._spec = spec
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ids = itertools.count(random.randrange(_MAX_ID))  # noqa: S311 - not a secret
        self._plain = TokenSeal(token or b"")
        self._seal: Seal = ChannelSeal(key) if key else self._plain
        self._has_key = key is not None

    def __enter__(self) -> MiioClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"MiioClient({self.address!r})"

    def close(self) -> None:
        """Free the socket, and on a speaker in secure mode the session."""
        with contextlib.suppress(OSError, UsageError):
            packet = self._seal.goodbye()
            if packet:
                self._socket.sendto(packet, self._peer())
        self._socket.close()

    @property
    def is_in_channel(self) -> bool:
        """Whether calls go through the secure channel, whose sessions end when nothing is said."""
        return self._has_key

    @property
    def spec(self) -> Spec:
        """The names of properties and actions that `get`, `set` and `action` know."""
        return self._spec or speaker()

    def hello(self) -> Hello:
        """Ask the device who it is and what time it has.

        Raises:
            BoardTimeoutError: nobody answers at that address.
        """
        for _ in range(self._attempts):
            found = self._plain.hello(self._ask)
            if found:
                return found
        raise BoardTimeoutError(
            f"no speaker answers at {self.address}: is it on, and this computer in its network?"
        )

    def ask(self) -> Told:
        """Ask a Mynah speaker whether its secure mode is on. Its answer is not proved.

        Raises:
            BoardTimeoutError: no answer: it is away, or not a Mynah with such a mode.
        """
        for _ in range(self._attempts):
            told = self._told(self._timeout_s)
            if told:
                return told
        raise BoardTimeoutError(
            f"{self.address} does not answer: it is off or out of reach, or its firmware has no "
            "secure mode yet: `mynah deploy` updates it"
        )

    def call(self, method: str, params: Any = (), *, patience_s: float = 0) -> Any:
        """Call a method and return its ``result``; where a device leaves that out, what it says.

        Args:
            method: its name.
            params: its arguments, JSON.
            patience_s: how long a method may take that has more to do than to answer; the packet
                is repeated meanwhile, in case it or the answer was lost.

        Raises:
            BoardTimeoutError: no answer, after all attempts.
            MiioError: the device answered with an error.
            UsageError: this client has neither token nor key.
        """
        if self._token is None and not self._has_key:
            raise UsageError(f"the token of {self.address} is not known: pair it first")
        request = {"id": self._next_id(), "method": method, "params": params}
        error: MiioError | None = None
        told: Told | None = None
        for _ in range(self._attempts):
            reply = self._exchange(request, patience_s)
            if reply is None:
                told = told or self._told(min(self._timeout_s, _WHY_TIMEOUT_S))
                if told and told.is_required and not self._has_key:
                    break  # it will never answer
                continue
            request["id"] = self._next_id()  # it was answered: what follows is a new request
            if "error" not in reply:
                return _result(reply)
            error = _error(method, reply["error"])
            if error.code not in _BUSY:
                break
        if error:
            raise error
        raise BoardTimeoutError(f"{self.address} does not answer {method}: {self._why(told)}")

    def tell(self, payload: Mapping[str, Any]) -> None:
        """Send something that is not answered: an acknowledgement, say."""
        if self._seal.prepare(self._ask):
            self._send(self._seal.pack(payload))

    def next_message(self, timeout_s: float) -> Mapping[str, Any] | None:
        """The next message that the device sends of its own accord; None: none came in time.

        It wants an acknowledgement, by `tell`: ``{"id": its id, "result": {"code": 0}}``.
        """

        def parse(data: bytes) -> Mapping[str, Any] | None:
            payload = self._seal.unpack(data)
            asks = isinstance(payload, Mapping) and "method" in payload and "id" in payload
            return payload if asks else None

        return self._wait(parse, time.monotonic() + timeout_s)

    def probe(self, own_id: int) -> Probed | None:
        """Say that this controller is there, and hear what it is subscribed to; None: no answer."""

        def parse(data: bytes) -> Probed | None:
            return codec.parse_probed(data) if len(data) == codec.HEADER_SIZE else None

        return self._ask(codec.probe(own_id), parse)

    def info(self) -> dict[str, Any]:
        """What the device says of itself (``miIO.info``): model, network, uptime.

        Raises:
            MiioError: the device answered with an error.
            BoardTimeoutError: no answer.
        """
        return dict(self.call("miIO.info"))

    def get(self, name: str) -> Any:
        """The value of one property ("speaker.volume").

        Raises:
            UsageError: there is no such property.
            MiioError: the device does not tell it.
            BoardTimeoutError: no answer.
        """
        return self.get_all([name])[name]

    def get_all(self, names: Iterable[str]) -> dict[str, Any]:
        """The values of several properties, by name; raises as `get` does."""
        wanted = [self.spec.property(name) for name in names]
        values: dict[str, Any] = {}
        for start in range(0, len(wanted), _MAX_PROPERTIES):
            some = wanted[start : start + _MAX_PROPERTIES]
            params = [_numbers(item) for item in some]
            for item, result in zip(some, self._results("get_properties", params), strict=True):
                _check(item.name, result)
                values[item.name] = result.get("value")
        return values

    def set(self, name: str, value: Any) -> None:
        """Set one property.

        Raises:
            UsageError: there is no such property.
            MiioError: the device refuses the value.
            BoardTimeoutError: no answer.
        """
        item = self.spec.property(name)
        (result,) = self._results("set_properties", [_numbers(item) | {"value": value}])
        _check(name, result)

    def action(self, name: str, *arguments: Any) -> list[Any]:
        """Do an action ("play-control.play") and return what it puts out.

        Raises:
            UsageError: there is no such action, or it takes other arguments.
            MiioError: the device refuses.
            BoardTimeoutError: no answer.
        """
        item = self.spec.action(name)
        if len(arguments) != len(item.arguments):
            takes = ", ".join(argument.name for argument in item.arguments) or "no arguments"
            raise UsageError(f"{name} takes {takes}")
        numbers = {"did": "mynah", "siid": item.siid, "aiid": item.aiid}
        result = self.call("action", numbers | {"in": list(arguments)})
        if not isinstance(result, Mapping):
            raise MiioError(f"{self.address} answered {name} with something else", 0)
        _check(name, result)
        return list(result.get("out", ()))

    def _results(self, method: str, params: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
        results = self.call(method, params)
        if not isinstance(results, list) or len(results) != len(params):
            raise MiioError(f"{self.address} answered {method} with something else", 0)
        return results

    def _exchange(self, request: Mapping[str, Any], patience_s: float) -> Mapping[str, Any] | None:
        """Send a request, and while nothing comes back the very same packet again.

        A device answers a repeated packet from memory, so that nothing is done twice; where
        the answer stays away, the next attempt begins with a hello and a new stamp, or in a new
        session. Mynah's own speaker knows it by its id even after a new hello.
        """
        if not self._seal.prepare(self._ask):
            return None
        packet = self._seal.pack(request)

        def parse(data: bytes) -> Mapping[str, Any] | None:
            payload = self._seal.unpack(data)
            ours = isinstance(payload, Mapping) and payload.get("id") == request["id"]
            return payload if ours else None

        for _ in range(max(2, math.ceil(patience_s / self._timeout_s))):
            reply = self._ask(packet, parse)
            if reply is not None:
                return reply
        self._seal.lost()
        return None

    def _why(self, told: Told | None) -> str:
        """What may be the reason of silence, as far as the device tells."""
        if told and told.is_required and not self._has_key:
            return SECURE_WITHOUT_KEY
        if told and self._has_key:
            return (
                "it does not take the key that is known here, so it was reset: pair it again"
                if told.is_required or self._token is None
                else "its secure mode is off: `mynah secure NAME status` finds out more"
            )
        return "it is off or out of reach, or its token has changed; if it was reset, pair it again"

    def _told(self, timeout_s: float) -> Told | None:
        question = channel.ask()
        return self._ask(question, lambda data: channel.told(question, data), timeout_s)

    def _ask(
        self,
        packet: bytes,
        parse: Callable[[bytes], _Answer | None],
        timeout_s: float | None = None,
    ) -> _Answer | None:
        """Send a packet and wait for the first answer that ``parse`` takes; None: none came."""
        if self._send(packet):
            wait_s = self._timeout_s if timeout_s is None else timeout_s
            return self._wait(parse, time.monotonic() + wait_s)
        time.sleep(min(self._timeout_s, 0.2))  # the network may come back
        return None

    def _send(self, packet: bytes) -> bool:
        """Send a packet; False: there is no route at the moment."""
        try:
            self._socket.sendto(packet, self._peer())
        except OSError:
            return False
        return True

    def _wait(self, parse: Callable[[bytes], _Answer | None], deadline: float) -> _Answer | None:
        """The first packet of the device that ``parse`` takes; None: none came."""
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data, sender = self._socket.recvfrom(_BUFFER_SIZE)
                found = parse(data) if sender == self._peer() else None
            except PacketError:
                continue
            except OSError:  # too late, or refused
                return None
            if found is not None:
                return found
        return None

    def _next_id(self) -> int:
        return next(self._ids) % _MAX_ID + 1

    def _peer(self) -> tuple[str, int]:
        if self._resolved is None:
            try:
                self._resolved = (socket.gethostbyname(self.address), self._port)
            except OSError as error:
                raise UsageError(f"{self.address!r} is not an address: {error.strerror}") from None
        return self._resolved


def _numbers(item: Property) -> dict[str, Any]:
    return {"did": item.name, "siid": item.siid, "piid": item.piid}


def _check(name: str, result: Mapping[str, Any]) -> None:
    code = result.get("code", 0)
    if code in {0, 1}:  # done; accepted
        return
    why = result.get("message")  # Mynah's own speaker tells why it cannot
    meaning = f"is not available: {clean(str(why))}" if why else explain(code)
    raise MiioError(f"{name} {meaning}", code)


def _result(reply: Mapping[str, Any]) -> Any:
    if "result" in reply:
        return reply["result"]
    return {key: value for key, value in reply.items() if key != "id"}


def _error(method: str, error: Any) -> MiioError:
    """The device's error; its text is the device's own, so it is cleaned."""
    if not isinstance(error, Mapping):
        return MiioError(f"{method} failed", 0)
    code = error.get("code")
    number = code if isinstance(code, int) else 0
    said = error.get("message", error.get("error"))  # python-miio's simulators say "error"
    return MiioError(f"{method} failed: {clean(str(said))} ({number})", number)
