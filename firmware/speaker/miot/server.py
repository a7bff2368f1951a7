"""The miIO server: a datagram in, a reply or silence out."""

import asyncio

from micropython import const

from speaker.miot import codec, guard
from speaker.miot import request as requests
from speaker.util import log
from speaker.util.hints import Any, Callable
from speaker.util.late import Late, NotLoadedError

# Error codes as real devices and python-miio's simulator send them.
INVALID_ARGUMENT = const(-5001)
UNKNOWN_METHOD = const(-10000)
INTERNAL = const(-9998)
BUSY = const(-9999)  # clients ask again

# Methods that may be under way at a time, of everybody and of one address.
_N_LATER = const(6)
_N_LATER_OF_ONE = const(3)

# Methods that only tell. Asked twice they are answered twice, each time with what is so then: the
# same request again may be a client that never changes its ids.
_TELLING = (
    "get_properties",
    "miIO.info",
    "miIO.wifi_assoc_state",
    "mynah.home.list",
    "mynah.privacy",
    "mynah.secure.status",
    "mynah.wifi.scan",
)

_REASONS = ("length", "did", "stamp", "replay", "rate", "checksum", "content", "hello", "secure")


class MiioError(Exception):
    """A method's error reply: `MiioError(code, message)`."""


class Later:
    """What a method returns that cannot answer at once: a coroutine.

    The coroutine returns the result or raises MiioError, as a method does.
    """

    def __init__(self, coroutine: Any) -> None:
        self.coroutine = coroutine


class Server:
    """Answers miIO packets; knows no sockets, so a test hands it bytes.

    `methods` maps a method's name to `function(params, peer)`, which returns the result (or
    `Later`) or raises MiioError; or to a `Late`, which puts such a function in its own place when
    it is loaded. `shows_token(peer)` says whether a hello from there may see the
    token. `send(packet, peer)` carries what is no immediate reply.
    What is not signed with the token gets no answer and costs as little as possible.
    """

    def __init__(
        self,
        token: bytes,
        did: int,
        clock_s: Callable[[], int],
        methods: dict,
        shows_token: Callable[[tuple], bool],
        send: Callable[[bytes, tuple], object],
    ) -> None:
        self._did = did
        self._methods = methods
        self._shows_token = shows_token
        self._send = send
        self._later: list = []  # (address, task)
        self.guard = guard.Guard(clock_s)  # the secure channel counts with it, too
        self.dropped = dict.fromkeys(_REASONS, 0)
        self._token = token
        self._codec = codec.Codec(token)
        # Who is told of changes: a Subscribers, where there is one.
        self.subscribers: Any = None
        # A Channel, where there is one: its peers have a session's number behind address and port.
        self.channel: Any = None
        # Whether a peer may not call a method: the secure mode says so.
        self.forbids: Callable[[str, tuple], bool] = _nothing

    def handle(self, packet: bytes, peer: tuple) -> bytes | None:
        """The reply to one datagram from `peer` (address, port), or None."""
        if len(packet) == codec.HEADER:
            return self._greet(packet, peer)
        fields = codec.header(packet)
        reason = "length" if fields is None else self._refusal(fields, packet[16:32], peer)
        if reason == "replay":
            answer = self.guard.again(peer, packet[16:32])
            if answer is not None:
                return self._sealed(answer, peer, codec.stamp_of(packet)) if answer else None
        elif not reason:
            if self._codec.is_signed(packet):
                return self._execute(packet, peer)
            reason = "checksum"
            self.guard.guessed(peer)
        self.dropped[reason] += 1
        return None

    def push(self, text: bytes, peer: tuple) -> bool:
        """Send JSON that nobody asked for to a peer that has called, sealed as its calls are.

        False: that is no longer possible.
        """
        if len(peer) > 2:
            return self.channel.push(text, peer)
        if self.forbids("", peer):
            return False
        self._send(self._sealed(text, peer), peer)
        return True

    def close(self) -> None:
        """Stop what is under way."""
        for _, task in self._later:
            task.cancel()
        self._later = []

    def _greet(self, packet: bytes, peer: tuple) -> bytes | None:
        """The answer to a hello or a controller's probe."""
        probe = codec.probe_of(packet)
        if probe is None and not codec.is_hello(packet):
            self.dropped["length"] += 1
            return None
        stamp = self.guard.hello_stamp(peer)
        if stamp is None:
            self.dropped["hello"] += 1
            return None
        if probe is None:
            token = self._token if self._shows_token(peer) else None
            return codec.hello_reply(self._did, stamp, token)
        at, kind = self.subscribers.probed(probe, peer) if self.subscribers else (0, 0)
        return codec.probe_reply(self._did, stamp, at, kind)

    def _refusal(self, fields: tuple, checksum: bytes, peer: tuple) -> str:
        """Why this packet is not looked into, or nothing. Costs next to nothing."""
        did, stamp = fields
        if did != self._did:
            return "did"
        if not self.guard.in_window(peer, stamp):
            return "stamp"
        if self.guard.has_seen(peer, checksum):
            return "replay"
        return "" if self.guard.admits(peer) else "rate"

    def _execute(self, packet: bytes, peer: tuple) -> bytes | None:
        """Do what a signed, new packet asks for; None when it holds no request."""
        checksum = packet[16:32]
        stamp = codec.stamp_of(packet)
        self.guard.take(peer, checksum, stamp)
        try:
            text = self._codec.decrypt(packet)
        except ValueError:
            text = b""
        return self.execute(text, peer, checksum, lambda answer: self._sealed(answer, peer, stamp))

    def execute(self, text: bytes, peer: tuple, mark: bytes, seal: Callable[[bytes], Any]) -> Any:
        """Do what a request (JSON) of a peer that has the token asks for, unless it was done.

        The reply as `seal(answer)` makes a packet of it, or None: there is nothing to answer, or
        not yet. The guard's `again(peer, mark)` has the answer for 30 s.
        """
        request = requests.parse(text)
        if request is None:
            self.dropped["content"] += 1
            return None
        if self._is_acknowledgement(request, peer):
            return None
        kept = None
        # What was told inside a session is told again only there.
        text += b"%d" % peer[2] if len(peer) > 2 else b""
        if request.get("method") not in _TELLING:
            kept = self.guard.asked(peer, text)
        if kept is not None:  # asked again, in a new packet: not done again
            kept.checksum = mark
            return seal(kept.answer) if kept.answer else None
        kept = self.guard.keep(peer, mark, text)

        def send(answer: bytes) -> None:
            kept.answer = answer
            packet = seal(answer)
            if packet:
                self._send(packet, peer[:2])

        answer = self._answer(request, peer, send)
        if answer is None:
            return None
        kept.answer = answer
        return seal(answer)

    def _sealed(self, text: bytes, peer: tuple, asked: int = 0) -> bytes:
        return self._codec.encrypt(self._did, self.guard.stamp(peer, asked), text)

    def _answer(self, request: dict, peer: tuple, send: Callable[[bytes], object]) -> bytes | None:
        number = request["id"]
        kind, value = self._call(request.get("method"), request.get("params", []), peer)
        if isinstance(value, Later):
            if self._has_room(peer[0]):
                task = asyncio.create_task(self._finish(number, value, send))
                self._later.append((peer[0], task))
                return None
            value.coroutine.close()
            kind, value = "error", _error(BUSY, "busy: ask again")
        return requests.reply(number, kind, value)

    def _is_acknowledgement(self, message: dict, peer: tuple) -> bool:
        """Whether this is the answer to something that was pushed; it gets none itself."""
        if "method" in message or not ("result" in message or "error" in message):
            return False
        if self.subscribers:
            self.subscribers.acknowledged(message["id"], peer)
        return True

    def _has_room(self, address: str) -> bool:
        """Whether another method of this address may take its time."""
        self._later = [one for one in self._later if not one[1].done()]
        n_own = len([one for one in self._later if one[0] == address])
        return len(self._later) < _N_LATER and n_own < _N_LATER_OF_ONE

    async def _finish(self, number: int, later: Later, send: Callable[[bytes], object]) -> None:
        try:
            kind, value = "result", await later.coroutine
        except Exception as error:
            kind, value = "error", _told(error)
        send(requests.reply(number, kind, value))

    def _call(self, name: object, params: Any, peer: tuple) -> tuple:
        method = self._methods.get(name) if isinstance(name, str) else None
        if method is None or self.forbids(str(name), peer):
            return "error", _error(UNKNOWN_METHOD, "method not found")
        if isinstance(method, Late):
            return "result", Later(self._loaded(method, str(name), params, peer))
        try:
            return "result", method(params, peer)
        except Exception as error:
            return "error", _told(error)

    async def _loaded(self, part: Late, name: str, params: Any, peer: tuple) -> Any:
        """The result of a method whose part is loaded first."""
        try:
            await part.get()
        except NotLoadedError as error:
            text = "%s: not loaded, perhaps for want of memory; a restart may help" % part.name
            raise MiioError(INTERNAL, text) from error
        result = self._methods[name](params, peer)
        return await result.coroutine if isinstance(result, Later) else result


def _nothing(_name: str, _peer: tuple) -> bool:
    return False


def _told(error: Exception) -> dict:
    """What the peer is told. A fault of ours must not silence the server."""
    if isinstance(error, MiioError):
        return _error(error.args[0], error.args[1])
    log.exception("miio", error)
    return _error(INTERNAL, "internal error")


def _error(code: int, message: str) -> dict:
    return {"code": code, "message": message}
