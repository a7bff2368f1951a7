"""The miIO server: a datagram in, a reply or silence out."""

import asyncio
import json

from micropython import const

from speaker.miot import codec, guard
from speaker.util import log
from speaker.util.hints import Any, Callable

# Error codes as real devices and python-miio's simulator send them.
INVALID_ARGUMENT = const(-5001)
UNKNOWN_METHOD = const(-10000)
INTERNAL = const(-9998)
BUSY = const(-9999)  # clients ask again

_N_LATER = const(4)  # methods that may be under way at a time

# What fits into the longest packet, beside header, NUL and padding.
_MAX_TEXT = codec.MAX_PACKET - codec.HEADER - 17

_REASONS = ("length", "did", "stamp", "checksum", "replay", "content")


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
    `Later`) or raises MiioError. `shows_token(peer)` says whether a hello from there may see the
    token. `send(packet, peer)` carries the replies that come later.
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
        self._later: list = []
        self._guard = guard.Guard(clock_s)
        self.dropped = dict.fromkeys(_REASONS, 0)
        self._token = token
        self._codec = codec.Codec(token)

    def handle(self, packet: bytes, peer: tuple) -> bytes | None:
        """The reply to one datagram from `peer` (address, port), or None."""
        if codec.is_hello(packet):
            token = self._token if self._shows_token(peer) else None
            return codec.hello_reply(self._did, self._guard.hello_stamp(peer), token)
        reason = self._refusal(packet, peer)
        if not reason:
            reply = self._guard.reply_for(peer, packet[16:32])
            return self._execute(packet, peer) if reply is None else reply
        self.dropped[reason] += 1
        return None

    def _refusal(self, packet: bytes, peer: tuple) -> str:
        """Why this packet gets no answer, or nothing. The cheap reasons come first."""
        fields = codec.header(packet)
        if fields is None:
            return "length"
        did, stamp = fields
        if did != self._did:
            return "did"
        if not self._guard.in_window(stamp):
            return "stamp"
        verdict = self._guard.judge(peer, packet[16:32])
        if verdict == guard.REPLAYED:
            return "replay"
        if verdict == guard.FRESH and not self._codec.is_signed(packet):
            return "checksum"
        return ""

    def _execute(self, packet: bytes, peer: tuple) -> bytes | None:
        """Do what a signed, new packet asks for; None when it holds no request."""
        checksum = packet[16:32]
        stamp = codec.stamp_of(packet)
        self._guard.remember(checksum, stamp)

        def finish(answer: bytes) -> bytes:
            reply = self._codec.encrypt(self._did, self._guard.reply_stamp(stamp), answer)
            self._guard.keep_reply(peer, checksum, reply)
            return reply

        try:
            text = self._codec.decrypt(packet)
        except ValueError:
            self.dropped["content"] += 1
            return None
        answer = self.answer(text, peer, lambda later: self._send(finish(later), peer))
        return None if answer is None else finish(answer)

    def answer(self, text: bytes, peer: tuple, send: Callable[[bytes], object]) -> bytes | None:
        """The JSON reply to a JSON request, wherever that came from and however it was sealed.

        None where there is nothing to answer, or not yet: then `send(reply)` is called when the
        method is done.
        """
        try:
            request = json.loads(text)
        except (ValueError, RuntimeError):
            request = None
        number = request.get("id") if isinstance(request, dict) else None
        if not isinstance(number, int) or isinstance(number, bool):
            self.dropped["content"] += 1
            return None
        kind, value = self._call(request.get("method"), request.get("params", []), peer)
        if isinstance(value, Later):
            self._later = [task for task in self._later if not task.done()]
            if len(self._later) < _N_LATER:
                self._later.append(asyncio.create_task(self._finish(number, value, send)))
                return None
            value.coroutine.close()
            kind, value = "error", _error(BUSY, "busy: ask again")
        return _fitting_reply(number, kind, value)

    def close(self) -> None:
        """Stop what is under way."""
        for task in self._later:
            task.cancel()
        self._later = []

    async def _finish(self, number: int, later: Later, send: Callable[[bytes], object]) -> None:
        try:
            kind, value = "result", await later.coroutine
        except Exception as error:
            kind, value = "error", _told(error)
        send(_fitting_reply(number, kind, value))

    def _call(self, name: object, params: Any, peer: tuple) -> tuple:
        method = self._methods.get(name) if isinstance(name, str) else None
        if method is None:
            return "error", _error(UNKNOWN_METHOD, "method not found")
        try:
            return "result", method(params, peer)
        except Exception as error:
            return "error", _told(error)


def _told(error: Exception) -> dict:
    """What the peer is told. A fault of ours must not silence the server."""
    if isinstance(error, MiioError):
        return _error(error.args[0], error.args[1])
    log.exception("miio", error)
    return _error(INTERNAL, "internal error")


def _fitting_reply(number: int, kind: str, value: object) -> bytes:
    answer = _reply(number, kind, value)
    if len(answer) <= _MAX_TEXT:
        return answer
    return _reply(number, "error", _error(INVALID_ARGUMENT, "reply too long: ask for less"))


def _error(code: int, message: str) -> dict:
    return {"code": code, "message": message}


def _reply(number: int, kind: str, value: object) -> bytes:
    # The id first, as every device sends it; a dict here has no order.
    text = json.dumps(value, separators=(",", ":"))
    return ('{"id":%d,"%s":%s}' % (number, kind, text)).encode()
