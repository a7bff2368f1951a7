"""Look for miIO devices by hello and by mDNS at once, and ask those that can be asked."""

from __future__ import annotations

import ipaddress
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mynah.errors import MynahError
from mynah.find.adverts import Advert, browsing
from mynah.find.hello import Answer, hellos
from mynah.logs import clean
from mynah.miio import codec
from mynah.miio.client import MiioClient
from mynah.miio.devices import client_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mynah.miio.devices import Device

HELLO, MDNS = "hello", "mdns"

TIMEOUT_S = 3.0
_ASK_S = 1.0
_TICK_S = 0.1
_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A device on the network."""

    address: str
    device_id: int | None = None
    """None: it is known from mDNS alone, and has not answered a hello."""
    name: str | None = None
    """What it is called here; None: it is not paired with this computer."""
    model: str | None = None
    host: str | None = None
    """Its name on the network, from mDNS."""
    paired: bool | None = None
    """Whether it has an owner; None: it has not answered a hello."""
    found_by: tuple[str, ...] = ()
    """`HELLO`, `MDNS` or both."""
    rssi: int | None = None
    """Signal strength in dBm as the device has it; None: it does not tell this computer."""
    moved_from: str | None = None
    """The address that was known for it here, if that is another, and it is verified to be it."""
    token: bytes | None = field(default=None, repr=False)
    """Told only by a device that has no owner yet."""

    def data(self) -> dict[str, Any]:
        """All but the token, for JSON."""
        return {key: value for key, value in asdict(self).items() if key != "token"}


_Event = tuple[str, Any]  # a kind and what came


def search(
    timeout_s: float = TIMEOUT_S,
    *,
    known: Mapping[str, Device] | None = None,
    on_change: Callable[[list[Found]], None] | None = None,
    until: Callable[[Found], bool] | None = None,
    port: int = codec.PORT,
) -> list[Found]:
    """Every device that is found, in the order of their addresses.

    Args:
        timeout_s: how long to look; a little more for what was found at the end.
        known: the devices of this computer by name; they are asked at their addresses too.
        on_change: called with the list so far whenever there is news.
        until: stop early when this is true of a device.
        port: UDP port that the devices listen on.
    """
    return _Search(known or {}, on_change, until, port).run(timeout_s)


class _Search:
    def __init__(
        self,
        known: Mapping[str, Device],
        on_change: Callable[[list[Found]], None] | None,
        until: Callable[[Found], bool] | None,
        port: int,
    ) -> None:
        self._known = known
        self._names = {device.device_id: name for name, device in known.items()}
        self._on_change = on_change or (lambda _: None)
        self._until = until or (lambda _: False)
        self._port = port
        self._done = threading.Event()
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._found: dict[str, Found] = {}
        self._asked: set[tuple[str, str]] = set()
        self._n_asked = 0

    def run(self, timeout_s: float) -> list[Found]:
        deadline = time.monotonic() + timeout_s
        listener = threading.Thread(target=self._listen, args=(timeout_s,), name="mynah-hello")
        with ThreadPoolExecutor(_WORKERS) as pool, browsing(self._report):
            listener.start()
            while (left := deadline - time.monotonic()) > 0 or self._n_asked:
                try:
                    event = self._events.get(timeout=left if left > 0 else _TICK_S)
                except queue.Empty:
                    continue
                self._take(event, pool)
                if any(map(self._until, self._found.values())):
                    break
            self._done.set()
        listener.join()
        return self._list()

    def _listen(self, timeout_s: float) -> None:
        addresses = {device.address for device in self._known.values()}
        for answer in hellos(timeout_s, addresses, port=self._port, stop=self._done):
            self._events.put(("answer", answer))

    def _report(self, advert: Advert) -> None:
        self._events.put(("advert", advert))

    def _list(self) -> list[Found]:
        return sorted(self._found.values(), key=lambda each: ipaddress.ip_address(each.address))

    def _take(self, event: _Event, pool: ThreadPoolExecutor) -> None:
        kind, what = event
        before = dict(self._found)
        if kind == "answer":
            self._take_answer(what, pool)
        elif kind == "advert":
            self._take_advert(what, pool)
        else:
            self._n_asked -= 1
            if what is not None and kind == "info":
                self._take_info(*what)
            elif what is not None:
                self._take_answer(what, pool)
        if self._found != before:
            self._on_change(self._list())

    def _take_answer(self, answer: Answer, pool: ThreadPoolExecutor) -> None:
        name = self._names.get(answer.device_id)
        at_home = name is not None and self._known[name].address == answer.address
        old = self._update(answer.address, HELLO)
        if old.device_id not in {
            None,
            answer.device_id,
        }:  # an advert of another: mDNS proves nothing
            old = Found(answer.address, found_by=(HELLO,))
        self._found[answer.address] = replace(
            old,
            device_id=answer.device_id,
            # Anybody may claim to have a number: elsewhere it has to prove that it has the token.
            name=name if at_home else old.name,
            paired=answer.token is None,
            token=answer.token,
        )
        known = replace(self._known[name], address=answer.address) if name else None
        if answer.token or known:
            self._ask(pool, "info", answer.address, lambda: _info(answer, known, self._port))

    def _take_advert(self, advert: Advert, pool: ThreadPoolExecutor) -> None:
        there = self._found.get(advert.address)
        is_other = there and HELLO in there.found_by and advert.device_id != there.device_id
        if advert.port != self._port or (is_other and advert.device_id is not None):
            return
        old = self._update(advert.address, MDNS)
        self._found[advert.address] = replace(
            old,
            device_id=old.device_id if advert.device_id is None else advert.device_id,
            model=old.model or advert.model or None,
            host=advert.host or None,
        )
        if HELLO not in old.found_by:
            self._ask(pool, "hello", advert.address, lambda: _hello(advert.address, self._port))

    def _take_info(self, answer: Answer, info: Mapping[str, Any]) -> None:
        """What a device told that proved to have the token."""
        old = self._found[answer.address]
        name = self._names.get(answer.device_id)
        last = self._known[name].address if name else answer.address
        model, link = info.get("model"), info.get("ap")
        rssi = link.get("rssi") if isinstance(link, dict) else None
        self._found[answer.address] = replace(
            old,
            name=name,
            model=clean(model) if isinstance(model, str) else old.model,
            rssi=rssi if isinstance(rssi, int) and rssi < 0 else None,
            moved_from=last if last != answer.address else None,
        )

    def _update(self, address: str, how: str) -> Found:
        old = self._found.get(address) or Found(address)
        return replace(old, found_by=tuple(sorted({*old.found_by, how})))

    def _ask(
        self, pool: ThreadPoolExecutor, kind: str, address: str, question: Callable[[], Any]
    ) -> None:
        """Have a worker ask a device something, once."""
        if (kind, address) in self._asked:
            return
        self._asked.add((kind, address))
        self._n_asked += 1

        def work() -> None:
            result = None
            try:
                result = question()
            finally:
                self._events.put((kind, result))

        pool.submit(work)


def _hello(address: str, port: int) -> Answer | None:
    with MiioClient(address, port=port, timeout_s=_ASK_S, retries=0) as client:
        try:
            hello = client.hello()
        except MynahError:
            return None
    return Answer(address, hello.device_id, hello.token)


def _info(answer: Answer, known: Device | None, port: int) -> tuple[Answer, dict[str, Any]] | None:
    if answer.token or known is None:
        client = MiioClient(answer.address, answer.token, port, timeout_s=_ASK_S, retries=0)
    else:
        client = client_of(known, port=port, timeout_s=_ASK_S, retries=0)
    with client:
        try:
            return answer, client.info()
        except (MynahError, TypeError, ValueError):  # it has another token by now, or is odd
            return None
