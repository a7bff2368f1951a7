"""What a speaker tells of its own accord: changed properties and events, as they happen."""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mynah.errors import BoardTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mynah.miio.client import MiioClient
    from mynah.miio.spec import Spec

PROBE_S = 20.0
"""How often the speaker is told that somebody still listens; it forgets who is silent for 180 s."""

_DONE = {"code": 0}
_N_SEEN = 64  # ids of messages that are remembered, as the speaker repeats what it gets no word of


@dataclass(frozen=True, slots=True)
class Change:
    """A property has another value."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Happened:
    """An event, with the values of its arguments by name."""

    name: str
    arguments: Mapping[str, Any]


def watch(
    client: MiioClient,
    *,
    timeout_s: float | None = None,
    talk: Callable[[str], None] | None = None,
) -> Iterator[Change | Happened]:
    """Subscribe to a speaker and give what it tells, until ``timeout_s`` have passed.

    A speaker that restarts or goes out of reach is subscribed to again as soon as it is back; what
    has changed meanwhile is told then.

    Args:
        client: the speaker, with its token.
        timeout_s: when to stop; None: never.
        talk: called with a line when the speaker goes away and comes back.

    Raises:
        BoardTimeoutError: it does not answer at the start.
        MiioError: it takes no subscription.
    """
    subscription = _Subscription(client)
    say = talk or (lambda _: None)
    end = time.monotonic() + (float("inf") if timeout_s is None else timeout_s)
    yield from subscription.renew()
    try:
        is_there = True
        due = time.monotonic() + PROBE_S
        while (now := time.monotonic()) < end:
            if now >= due:
                changes, answers = subscription.check()
                if answers != is_there:
                    is_there = answers
                    what = "is back" if answers else "does not answer; it is asked again and again"
                    say(f"{client.address} {what}")
                yield from changes
                due = time.monotonic() + PROBE_S
            message = client.next_message(max(0.01, min(due, end) - now))
            if message is not None:
                yield from subscription.take(message)
    finally:
        subscription.end()


class _Subscription:
    """One subscription, and what is known of the properties that it is about."""

    def __init__(self, client: MiioClient) -> None:
        self._client = client
        self._own_id = secrets.randbits(63)
        self._at = 0
        self._names = _Names(client.spec)
        self._values: dict[str, Any] = {}
        self._seen: list[Any] = []

    def renew(self) -> Iterator[Change]:
        """Subscribe, and give what has changed since the last time that anything was known."""
        self._at = int(time.time())
        self._client.call("miIO.sub", self._params())
        values = self._client.get_all(self._names.told)
        changed = {name: value for name, value in values.items() if value != self._values.get(name)}
        is_first = not self._values
        self._values = values
        if not is_first:
            yield from (Change(name, value) for name, value in changed.items())

    def check(self) -> tuple[list[Change], bool]:
        """Say that somebody listens; what that brought to light, and whether it was answered."""
        probed = self._client.probe(self._own_id)
        if probed is None:
            return [], False
        if probed.subscribed_at == self._at:
            if self._client.is_in_channel:  # a word that keeps the session
                self._client.tell({"id": 0, "result": _DONE})
            return [], True
        try:
            return list(self.renew()), True
        except BoardTimeoutError:
            return [], False

    def take(self, message: Mapping[str, Any]) -> Iterator[Change | Happened]:
        """Acknowledge a message, and give what it tells unless it was told before."""
        number = message["id"]
        self._client.tell({"id": number, "result": _DONE})
        if number in self._seen:
            return
        self._seen = [*self._seen[1 - _N_SEEN :], number]
        params = message.get("params")
        if message["method"] == "properties_changed" and isinstance(params, list):
            for change in filter(None, map(self._names.change, params)):
                self._values[change.name] = change.value
                yield change
        elif message["method"] == "event_occured" and (event := self._names.event(params)):
            yield event

    def end(self) -> None:
        """Unsubscribe, without waiting for an answer."""
        with contextlib.suppress(OSError):
            self._client.tell({"id": 1, "method": "miIO.unsub", "params": self._params()})

    def _params(self) -> dict[str, Any]:
        return {
            "version": "2.0",
            "did": str(self._own_id),
            "update_ts": self._at,
            "sub_method": ".",
        }


class _Names:
    """What the numbers in a speaker's messages mean."""

    def __init__(self, spec: Spec) -> None:
        properties = spec.properties.values()
        self._properties = {(item.siid, item.piid): item.name for item in properties}
        self._events = {(item.siid, item.eiid): item.name for item in spec.events.values()}
        self.told = [item.name for item in properties if {"notify", "read"} <= item.access]

    def change(self, item: Any) -> Change | None:
        try:
            number = item["siid"], item["piid"]
            return Change(self._properties.get(number) or _plain(number), item["value"])
        except (TypeError, KeyError):
            return None

    def event(self, params: Any) -> Happened | None:
        try:
            number = params["siid"], params["eiid"]
            arguments = {
                self._argument(number[0], each["piid"]): each["value"]
                for each in params.get("arguments", ())
            }
        except (TypeError, KeyError, AttributeError):
            return None
        return Happened(self._events.get(number) or _plain(number), arguments)

    def _argument(self, siid: int, piid: int) -> str:
        """The property's name without the service's, which the event has already."""
        return self._properties.get((siid, piid), f".{piid}").partition(".")[2]


def _plain(number: tuple[Any, Any]) -> str:
    return f"{number[0]}.{number[1]}"
