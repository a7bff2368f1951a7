"""Asks other miIO devices: handshake, requests, retries, devices that got a new address.

How clients and devices behave is from python-miio's miioprotocol.py, Valetudo and aholstenson/miio,
as facts: a hello tells the device's clock, every request carries it, after 120 s or a time-out it
is asked again.
"""

import asyncio
import json
import random
import time

from micropython import const

from speaker.miot import codec
from speaker.miot.server import MiioError
from speaker.util.hints import Any, Callable

OFFLINE = "offline"  # no answer, not even to a hello
WRONG_TOKEN = "wrong token"  # noqa: S105 - answers a hello, and nothing that this token signs
SILENT = "silent"  # answers a hello; this token was right before

# Plain numbers, not const(): the tests shorten them.
# A lost packet is found out soon; a slow device (a gateway that wakes a battery) has 2 s.
HELLO_MS = (400, 600, 800)
REPLY_MS = (1000, 1500, 2000)
BUSY_MS = 300
SEARCH_MS = 600
SEARCH_EVERY_MS = 10_000

_FRESH_MS = const(120_000)
# Error codes for "ask again" (python-miio: user ack timeout, and busy).
_ASK_AGAIN = (-30001, -9999)
_MAX_NUMBER = const(9999)  # what every client stays below; a retry adds 100, as python-miio does
_RETRY_STEP = const(100)
_MAX_SEEN = const(128)
_LONG_MS = const(500_000_000)
# A reply whose stamp is so far behind the device's clock is an old one, sent again by somebody.
_OLD_S = const(60)
_MAX_TEXT = codec.MAX_PACKET - codec.HEADER - 17
_MIIO_PORT = const(54321)


class NoAnswerError(Exception):
    """A device did not answer: `args[0]` is OFFLINE, WRONG_TOKEN or SILENT."""


class Remote:
    """A device as the client knows it: where it is, its token, its clock.

    `peer` is its address and port now, `did` its number (0: not known yet); both follow the
    device, and are proven after each call that worked.
    """

    def __init__(self, address: str, port: int, did: int, token: bytes) -> None:
        self.peer = (address, port)
        self.did = did
        self.lock = asyncio.Lock()
        self.codec = codec.Codec(token)
        self.home = self.peer  # where it answered last with its token
        self.proven = False  # the token was right once
        self._stamp = -1
        self._stamp_ms = time.ticks_ms()
        self._number = random.randrange(1, _MAX_NUMBER)

    def next_number(self, step: int = 1) -> int:
        """The id of a new request."""
        self._number = (self._number + step - 1) % _MAX_NUMBER + 1
        return self._number

    def is_fresh(self) -> bool:
        """Whether the device's clock is known well enough to send a request."""
        return self._stamp >= 0 and _age_ms(self._stamp_ms) < _FRESH_MS

    def set_clock(self, stamp: int) -> None:
        """The device said its stamp just now; -1: it is not known any more."""
        self._stamp = stamp
        self._stamp_ms = time.ticks_ms()

    def stamp(self) -> int:
        """The stamp for a request: one more than the device's clock, as python-miio does."""
        return (self._stamp + _age_ms(self._stamp_ms) // 1000 + 1) & 0xFFFFFFFF


class _Waiting:
    """Somebody waits for a hello's answer (no number) or for a request's reply."""

    def __init__(self, remote: Remote, numbers: list) -> None:
        self.remote = remote
        self.numbers = numbers
        self.event = asyncio.Event()
        self.reply: Any = None
        self.unsigned = False  # something came that the token did not sign


class Client:
    """Calls methods of devices; knows no sockets.

    `send(packet, peer)` sends a datagram; `handle(packet, peer)` is to be called with what comes
    in. Requests to one device are made one after the other, those to several side by side.
    `broadcast` is where a device that went away is looked for, or "".
    """

    def __init__(
        self, send: Callable[[bytes, tuple], object], broadcast: str = "255.255.255.255"
    ) -> None:
        self._send = send
        self._broadcast = (broadcast, _MIIO_PORT) if broadcast else None
        self._waiting: list = []
        self._searched_ms = time.ticks_add(time.ticks_ms(), -SEARCH_EVERY_MS)
        self._seen: dict = {}  # did -> (address, port), of who answered the last search
        self.dropped = {"late": 0, "checksum": 0, "content": 0, "old": 0}

    async def call(
        self, remote: Remote, method: str, params: object, tries: int = 3, once: bool = False
    ) -> Any:
        """The result of a method.

        `once`: it must not be done twice, so a retry keeps the request's id, by which devices
        know a repeat; otherwise it gets a new one, since some devices ignore a repeat.
        Raises NoAnswerError, MiioError(code, message) as the device says it, ValueError for a
        request that is longer than a packet.
        """
        async with remote.lock:
            try:
                result = await self._try(remote, method, params, tries, once)
            except NoAnswerError:
                remote.peer = remote.home
                raise
            remote.home = remote.peer
            return result

    async def hello(self, remote: Remote) -> None:
        """Ask for the device's clock; NoAnswerError(OFFLINE) when it is nowhere."""
        for timeout_ms in HELLO_MS:
            if await self._exchange(_Waiting(remote, []), codec.HELLO, timeout_ms) is not None:
                return
        if not await self._follow(remote):
            raise NoAnswerError(OFFLINE)

    def handle(self, packet: bytes, peer: tuple) -> None:
        """Take a datagram from `peer` (address, port); what nobody waits for is dropped."""
        hello = codec.hello_fields(packet)
        if hello is not None:
            self._take_hello(hello, peer)
            return
        fields = codec.header(packet)
        if fields is None:
            self.dropped["content"] += 1
            return
        for waiting in self._waiting:
            remote = waiting.remote
            if waiting.numbers and peer == remote.peer and fields[0] == remote.did:
                self._take_reply(waiting, packet, fields[1])
                return
        self.dropped["late"] += 1

    def _take_hello(self, fields: tuple, peer: tuple) -> None:
        did, stamp = fields
        if _age_ms(self._searched_ms) < SEARCH_MS and len(self._seen) < _MAX_SEEN:
            self._seen[did] = peer
        for waiting in self._waiting:
            remote = waiting.remote
            # Another device may have this one's old address.
            if not waiting.numbers and peer == remote.peer and remote.did in {0, did}:
                remote.did = did
                remote.set_clock(stamp)
                waiting.reply = fields
                waiting.event.set()

    def _take_reply(self, waiting: _Waiting, packet: bytes, stamp: int) -> None:
        remote = waiting.remote
        if not remote.codec.is_signed(packet):
            # Not the end of the wait: anybody can send this in the device's name.
            waiting.unsigned = True
            self.dropped["checksum"] += 1
            return
        if stamp + _OLD_S < remote.stamp():
            self.dropped["old"] += 1
            return
        try:
            reply = json.loads(remote.codec.decrypt(packet))
        except (ValueError, RuntimeError):
            reply = None
        if not isinstance(reply, dict):
            self.dropped["content"] += 1
        elif reply.get("id") not in waiting.numbers or waiting.reply is not None:
            self.dropped["late"] += 1
        else:
            remote.set_clock(stamp)
            waiting.reply = reply
            waiting.event.set()

    async def _try(
        self, remote: Remote, method: str, params: object, tries: int, once: bool
    ) -> Any:
        waiting = _Waiting(remote, [remote.next_number()])
        wait_ms = iter(REPLY_MS)
        for attempt in range(tries):
            if not remote.is_fresh():
                await self.hello(remote)
            request = _request(waiting.numbers[-1], method, params)
            packet = remote.codec.encrypt(remote.did, remote.stamp(), request)
            reply = await self._exchange(waiting, packet, next(wait_ms, REPLY_MS[-1]))
            if reply is None:
                remote.set_clock(-1)
                if not once:
                    waiting.numbers.append(remote.next_number(_RETRY_STEP))
                continue
            remote.proven = True
            error = reply.get("error")
            if error is None:
                # python-miio's simulator leaves the wrapper of miIO.info out.
                return reply.get("result", reply)
            if _code(error) not in _ASK_AGAIN or attempt == tries - 1:
                raise MiioError(_code(error), _message(error))
            await asyncio.sleep_ms(BUSY_MS)
            waiting = _Waiting(remote, [remote.next_number()])
        await self.hello(remote)  # raises for a device that went away meanwhile
        wrong = waiting.unsigned or not remote.proven
        raise NoAnswerError(WRONG_TOKEN if wrong else SILENT)

    async def _follow(self, remote: Remote) -> bool:
        """Whether the device answers from another address, which `remote` has then."""
        if self._broadcast is None or not remote.did:
            return False
        if _age_ms(self._searched_ms) >= SEARCH_EVERY_MS:
            self._searched_ms = time.ticks_ms()
            self._seen = {}
            self._send(codec.HELLO, self._broadcast)
        # One search serves all who lost a device: a router that was restarted moves them all.
        await asyncio.sleep_ms(max(0, SEARCH_MS - _age_ms(self._searched_ms)))
        peer = self._seen.get(remote.did)
        if peer is None or peer == remote.peer:
            return False
        remote.peer = peer
        if await self._exchange(_Waiting(remote, []), codec.HELLO, HELLO_MS[0]) is not None:
            return True
        remote.peer = remote.home
        return False

    async def _exchange(self, waiting: _Waiting, packet: bytes, timeout_ms: int) -> Any:
        """Send to the device, and wait for what answers; None when nothing did."""
        waiting.event.clear()
        waiting.reply = None
        self._waiting.append(waiting)
        try:
            self._send(packet, waiting.remote.peer)
            await asyncio.wait_for_ms(waiting.event.wait(), timeout_ms)
        except asyncio.TimeoutError:
            pass
        finally:
            self._waiting = [other for other in self._waiting if other is not waiting]
        return waiting.reply


def _age_ms(then_ms: Any) -> int:
    """Time since a tick. The ticks wrap: what is longer ago than 6 days is just long ago."""
    age_ms = time.ticks_diff(time.ticks_ms(), then_ms)
    return age_ms if age_ms >= 0 else _LONG_MS


def _request(number: int, method: str, params: object) -> bytes:
    # The id first, as every client sends it; a dict here has no order.
    text = json.dumps(params, separators=(",", ":"))
    request = ('{"id":%d,"method":"%s","params":%s}' % (number, method, text)).encode()
    if len(request) > _MAX_TEXT:
        raise ValueError("the request is longer than a packet: ask for less at a time")
    return request


def _code(error: Any) -> int:
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else -1


def _message(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    return str(error.get("message", error.get("error", "")))  # python-miio's simulator says "error"
