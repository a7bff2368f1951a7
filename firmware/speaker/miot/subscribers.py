"""Tells controllers that have subscribed of changed properties and of events.

Facts from ha_xiaomi_home's miot_lan.py: a controller asks with a probe now and then (its answer
says what it is subscribed to), subscribes with `miIO.sub`, and acknowledges each message with
`{"id", "result"}`. A message is sent again until then; a subscriber that stays silent is forgotten,
sees that in the answer to its next probe, and subscribes again.
"""

import asyncio
import json
import os
import time

from micropython import const

from speaker.miot.limits import N_SUBSCRIBERS
from speaker.miot.request import MAX_TEXT, whole
from speaker.miot.server import BUSY, INVALID_ARGUMENT, MiioError
from speaker.util.hints import Any, Callable

_N_OF_ONE = const(3)  # of one address
_N_EVENTS = const(8)  # that wait for one subscriber; the oldest goes

# Controllers probe every 10 to 50 s, three times before they take a device for lost.
_EXPIRY_S = const(180)
# A subscriber that is told something gets nothing more for so long: what changes meanwhile is
# told together, and a slider does not make a packet a step.
_PACE_MS = const(200)
_AGAIN_MS = (1000, 2000, 4000)  # until a message is sent again
_LAST_MS = const(4000)  # until it was in vain

_MAX_ID = const(0x3FFFFFFF)
_ALL = "."  # the one `sub_method`: properties and events
# What the answer to a probe says of the subscription.
_NONE = const(0)
_SUBSCRIBED = const(1)


class _Subscriber:
    """One controller, and what it has not been told yet."""

    def __init__(self, own: bytes, peer: tuple, at: int, heard_s: int) -> None:
        self.own = own  # its own id, 8 bytes
        self.peer = peer
        self.at = at
        self.heard_s = heard_s
        self.dirty: list = []
        self.events: list = []
        self.number = 0  # of the message under way; 0: none is
        self.text = b""
        self.n_sent = 0
        self.told_ms = self.due_ms = time.ticks_ms()


class Subscribers:
    """The table of subscribers, and the task that tells them.

    `push(text, peer)` sends JSON to a peer; False says that the peer is gone. `properties` maps
    (siid, piid) to a function that gives the value, `events` a name to (siid, eiid, piids), as
    the spec table has them.
    """

    def __init__(
        self,
        push: Callable[[bytes, tuple], object],
        did: int,
        properties: dict,
        events: dict,
        clock_s: Callable[[], int],
    ) -> None:
        self._push = push
        self._did = str(did)
        self._properties = properties
        self._events = events
        self._clock_s = clock_s
        self._table: list = []
        self._known: dict = {}  # what subscribers have been, or are about to be, told
        self._number = int.from_bytes(os.urandom(4), "big") & _MAX_ID
        self._wake = asyncio.Event()

    def methods(self) -> dict:
        """Name -> function(params, peer)."""
        return {"miIO.sub": self._subscribe, "miIO.unsub": self._unsubscribe}

    def probed(self, own: bytes, peer: tuple) -> tuple:
        """`(when it subscribed, kind)` for the answer to the probe of a controller."""
        for one in self._table:
            if one.own == own and one.peer[0] == peer[0]:
                one.heard_s = self._clock_s()
                return one.at, _SUBSCRIBED
        return 0, _NONE

    def acknowledged(self, number: int, peer: tuple) -> None:
        """A subscriber has got the message with this number."""
        for one in self._table:
            if one.number == number and one.peer == peer:
                one.heard_s = self._clock_s()
                one.number = 0
                one.text = b""
                one.due_ms = time.ticks_add(one.told_ms, _PACE_MS)
                self._wake.set()

    def changed(self) -> None:
        """Look which properties differ from what subscribers know, and tell them soon."""
        if not self._table:
            return
        for number, read in self._properties.items():
            value = read()
            if value != self._known.get(number):
                self._known[number] = value
                for one in self._table:
                    if number not in one.dirty:
                        one.dirty.append(number)
        self._wake.set()

    def event(self, name: str, *values: object) -> None:
        """Something happened: tell of it, with the values of its arguments."""
        siid, eiid, piids = self._events[name]
        arguments = [{"piid": piid, "value": value} for piid, value in zip(piids, values)]
        told = {"did": self._did, "siid": siid, "eiid": eiid, "arguments": arguments}
        for one in self._table:
            one.events.append(told)
            del one.events[:-_N_EVENTS]
        self._wake.set()

    async def follow(self, watch: Any) -> None:
        """Task: look whenever the store says that something has changed."""
        while True:
            await watch.changed()
            self.changed()

    async def run(self) -> None:
        """Task: tell whoever is to be told something, in time."""
        while True:
            self._wake.clear()
            wait_ms = self.step()
            try:
                await asyncio.wait_for_ms(self._wake.wait(), wait_ms)
            except asyncio.TimeoutError:
                pass

    def _subscribe(self, params: Any, peer: tuple) -> dict:
        own, at = _controller(params)
        now = self._clock_s()
        kept = [one for one in self._table if now - one.heard_s <= _EXPIRY_S]
        kept = [one for one in kept if (one.own, one.peer[0]) != (own, peer[0])]
        of_one = [one for one in kept if one.peer[0] == peer[0]]
        if len(of_one) >= _N_OF_ONE:
            oldest = min(of_one, key=lambda one: one.heard_s)
            kept = [one for one in kept if one is not oldest]
        if len(kept) >= N_SUBSCRIBERS:
            raise MiioError(BUSY, "no room for another subscriber")
        if not kept:
            self._known = {number: read() for number, read in self._properties.items()}
        kept.append(_Subscriber(own, peer, at, now))
        self._table = kept
        return {"code": 0}

    def _unsubscribe(self, params: Any, peer: tuple) -> dict:
        own, _ = _controller(params)
        self._table = [one for one in self._table if (one.own, one.peer[0]) != (own, peer[0])]
        return {"code": 0}

    def step(self) -> int:
        """Send what is due; how long until there may be more to do."""
        wait_ms = _EXPIRY_S * 1000
        now_s = self._clock_s()
        for one in self._table:
            left_ms = time.ticks_diff(one.due_ms, time.ticks_ms())
            if left_ms <= 0 and (one.number or one.events or one.dirty):
                is_there = now_s - one.heard_s <= _EXPIRY_S and self._tell(one)
                if not is_there:
                    self._table = [other for other in self._table if other is not one]
                    continue
                left_ms = time.ticks_diff(one.due_ms, time.ticks_ms())
            if one.number or one.events or one.dirty:
                wait_ms = min(wait_ms, max(left_ms, 1))
        return wait_ms

    def _tell(self, one: _Subscriber) -> bool:
        """Send a subscriber its next message, or the last one again; False: it is gone."""
        if not one.number:
            self._number = self._number % _MAX_ID + 1
            one.number = self._number
            one.text = self._message(one)
            one.n_sent = 0
            one.told_ms = time.ticks_ms()
        elif one.n_sent > len(_AGAIN_MS):
            return False
        delay_ms = _AGAIN_MS[one.n_sent] if one.n_sent < len(_AGAIN_MS) else _LAST_MS
        one.n_sent += 1
        one.due_ms = time.ticks_add(time.ticks_ms(), delay_ms)
        return self._push(one.text, one.peer) is not False

    def _message(self, one: _Subscriber) -> bytes:
        if one.events:
            return self._text(one.number, "event_occured", json.dumps(one.events.pop(0)))
        told: list = []
        while one.dirty:
            siid, piid = one.dirty[0]
            value = self._properties[one.dirty[0]]()
            item = {"did": self._did, "siid": siid, "piid": piid, "value": value}
            told.append(json.dumps(item, separators=(",", ":")))
            text = self._text(one.number, "properties_changed", "[" + ",".join(told) + "]")
            if len(text) > MAX_TEXT and len(told) > 1:
                told.pop()
                break
            one.dirty.pop(0)
        return self._text(one.number, "properties_changed", "[" + ",".join(told) + "]")

    def _text(self, number: int, method: str, params: str) -> bytes:
        return ('{"id":%d,"method":"%s","params":%s}' % (number, method, params)).encode()


def _controller(params: Any) -> tuple:
    """A controller's own id, as its probes have it, and the time that it gives."""
    if not isinstance(params, dict) or params.get("sub_method", _ALL) != _ALL:
        raise MiioError(INVALID_ARGUMENT, 'params: did, update_ts, sub_method "." are wanted')
    did = params.get("did")
    try:
        own = int(did) if isinstance(did, str) else whole(did)
        at = whole(params.get("update_ts", 0))
        return own.to_bytes(8, "big"), at & 0xFFFFFFFF  # type: ignore[union-attr, operator]
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise MiioError(INVALID_ARGUMENT, "did, update_ts: numbers are wanted") from None
