"""Pair a new speaker: take its token, hand it the Wi-Fi, wait until it is there."""

from __future__ import annotations

import contextlib
import ipaddress
import time
from typing import TYPE_CHECKING, Any

from mynah.errors import BoardError, BoardTimeoutError
from mynah.logs import clean
from mynah.miio import devices
from mynah.miio.client import MiioClient
from mynah.miio.door import JoinError, Nearby, PairResult, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Self

    from mynah.find.interfaces import Interface
    from mynah.miio.codec import Hello

SET_UP_ADDRESS = "192.168.4.1"
"""Where a speaker is in its own set-up network (MicroPython's default for an access point)."""

TIMEOUT_S = 90.0
"""The board tries twice, up to 20 seconds each, and needs an address."""

STEPS = {
    "scanning": "it listens for the network",
    "associating": "it talks to the access point",
    "address": "it is connected and waits for an address",
    "online": "it is online",
}
"""What the speaker's steps (firmware/speaker/net/provisioning.py) mean to its user."""

_POLL_S = 0.3
_SCAN_S = 20.0
_AUTH_OPEN = 0


class NetworkDoor:
    """A speaker on its own set-up network, which this computer must be in; a context manager.

    Args:
        address: where the speaker is there, usually `SET_UP_ADDRESS`.
        timeout_s: how long the speaker may take to get into a network.

    Raises:
        BoardTimeoutError: no speaker at the address.
        BoardError: it has an owner, whose token this computer does not know.
    """

    def __init__(self, address: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._hello = _first_hello(address)
        self._token = self._hello.token or _known_token(self._hello.device_id)
        if self._token is None:
            raise BoardError(
                f"the speaker at {address} is paired already: `mynah control NAME restore`, or "
                "holding its BOOT button for ten seconds, makes it forget its owner"
            )
        self._client = MiioClient(address, self._token)
        self._found: str | None = None
        self._deadline = time.monotonic() + timeout_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the socket."""
        self._client.close()

    def scan(self) -> list[Nearby]:
        """The networks that the speaker hears, the strongest first.

        It listens on other channels meanwhile, so it may be silent for a while.
        """
        deadline = time.monotonic() + _SCAN_S
        while True:
            with contextlib.suppress(BoardTimeoutError):
                page = self._client.call("mynah.wifi.scan", {"from": 0})
                if not page["scanning"]:
                    break
            if time.monotonic() > deadline:
                raise BoardTimeoutError(
                    "the speaker does not tell what networks it hears: name one with --ssid"
                )
            time.sleep(_POLL_S)
        rows = list(page["networks"])
        while page["next"] is not None:
            page = self._client.call("mynah.wifi.scan", {"from": page["next"]})
            rows += page["networks"]
        return [_nearby(row) for row in rows]

    def join(self, ssid: bytes, password: str, country: str, tell: Callable[[str], None]) -> None:
        """Have the speaker try a network; as `mynah.miio.door.Door` says."""
        self._deadline = time.monotonic() + self._timeout_s
        params: dict[str, Any] = {"passwd": password, "uid": 0}
        try:
            params["ssid"] = ssid.decode()
        except UnicodeDecodeError:
            params["ssid_hex"] = ssid.hex()
        if country:
            params["country_domain"] = country
        self._client.call("miIO.config_router", params)
        self._found = _wait_for_join(self._client, ssid, self._deadline, tell)

    def cancel(self) -> None:
        """Have the speaker give up what it tries; never raises."""
        with contextlib.suppress(BoardError, BoardTimeoutError):
            self._client.call("mynah.wifi.cancel")

    def finish(self) -> PairResult:
        """The speaker in its network: at its address, or where it answers everybody's question."""
        assert self._token is not None
        networks = networks_to_ask(self._address)
        return _meet(self._hello.device_id, self._token, self._found, networks, self._deadline)

    def confirm(self) -> None:
        """Nothing: who got a speaker into a network this way is its owner."""


def pair(
    address: str,
    ssid: str | bytes,
    password: str,
    *,
    country: str = "",
    timeout_s: float = TIMEOUT_S,
    talk: Callable[[str], None] | None = None,
) -> PairResult:
    """Give an unpaired speaker its Wi-Fi and wait until it answers there.

    This computer must be in the speaker's set-up network, and afterwards in the Wi-Fi.

    Args:
        address: where the speaker is in its set-up network, usually `SET_UP_ADDRESS`.
        ssid: name of the Wi-Fi.
        password: its password; empty for an open network.
        country: where the speaker is (ISO 3166); empty: not known.
        timeout_s: how long the speaker may take to get there.
        talk: called with a line for the user at each step.

    Raises:
        BoardTimeoutError: no speaker at the address, or it did not get there in time.
        BoardError: it is paired already, or could not join (`JoinError`).
    """
    say = talk or (lambda _: None)
    name = ssid.encode() if isinstance(ssid, str) else ssid
    with NetworkDoor(address, timeout_s=timeout_s) as door:
        say("the speaker told its token; handing it the Wi-Fi")
        door.join(name, password, country, say)
        say(f"it joined; looking for it in {shown(name)!r}")
        return door.finish()


def networks_to_ask(address: str) -> list[Interface]:
    """In which networks to ask everybody for a speaker that was set up at ``address``.

    A virtual board is on this computer, so nobody else is asked for it.
    """
    from mynah.find.interfaces import interfaces

    try:
        is_here = ipaddress.ip_address(address).is_loopback
    except ValueError:  # a name
        is_here = False
    return [each for each in interfaces() if each.is_loopback == is_here]


def _first_hello(address: str) -> Hello:
    with MiioClient(address) as client:
        try:
            return client.hello()
        except BoardTimeoutError:
            raise BoardTimeoutError(
                f"no speaker answers at {address}: join its set-up network (its name starts with "
                "'mynah-speaker-') with this computer, then try again"
            ) from None


def _known_token(device_id: int) -> bytes | None:
    """The token of a speaker that this user has paired: an owner may move it to another Wi-Fi."""
    for device in devices.known().values():
        if device.device_id == device_id:
            return bytes.fromhex(device.token)
    return None


def _nearby(row: dict[str, Any]) -> Nearby:
    name = bytes.fromhex(row["ssid_hex"]) if "ssid_hex" in row else str(row["ssid"]).encode()
    return Nearby(name, int(row["rssi"]), row.get("auth") != _AUTH_OPEN)


def _wait_for_join(
    client: MiioClient, ssid: bytes, deadline: float, tell: Callable[[str], None]
) -> str | None:
    """Ask until the speaker says how it went; its new address, None where it did not tell.

    Silence is no failure: the set-up network may move to the other's channel, or close.
    """
    misses = 0
    told = None
    while time.monotonic() < deadline:
        try:
            report = client.call("miIO.wifi_assoc_state")
        except BoardTimeoutError:
            misses += 1
            if misses > 1 and _hello_of(client.address) is None:
                return None
            continue
        if report["trial"] == "ok":
            return _address_in(client)
        if report["trial"] == "failed":
            raise JoinError(ssid, str(report.get("reason") or ""))
        state = clean(str(report["state"])).lower()
        if state != told:
            told = state
            tell(STEPS.get(state, f"it is {state}"))
        time.sleep(_POLL_S)
    raise BoardTimeoutError(f"the speaker is still trying to join {shown(ssid)!r}: is it in reach?")


def _address_in(client: MiioClient) -> str | None:
    try:
        address: str = client.info()["netif"]["localIp"]
    except (BoardTimeoutError, KeyError, TypeError):
        return None
    return address


def _meet(
    device_id: int,
    token: bytes,
    address: str | None,
    networks: Iterable[Interface],
    deadline: float,
) -> PairResult:
    """Find the speaker in the Wi-Fi, at its address or by asking everybody, and check its token."""
    while True:
        candidate = address or find(device_id, networks)
        if candidate:
            with MiioClient(candidate, token, retries=0) as client:
                try:
                    return _result(candidate, device_id, token, client.info())
                except BoardTimeoutError:
                    address = find(device_id, networks)
        if time.monotonic() > deadline:
            raise BoardTimeoutError(
                "the speaker has joined, but cannot be found: join the same Wi-Fi with this "
                "computer and try again; if it stays away, reset the speaker and pair it again"
            )
        time.sleep(_POLL_S)


def _result(address: str, device_id: int, token: bytes, info: dict[str, Any]) -> PairResult:
    return PairResult(address, token, device_id, str(info.get("mac")), str(info.get("model")))


def _hello_of(address: str) -> Hello | None:
    with MiioClient(address, retries=0) as client:
        try:
            return client.hello()
        except BoardTimeoutError:
            return None


def find(
    device_id: int,
    networks: Iterable[Interface],
    addresses: Iterable[str] = (),
    *,
    timeout_s: float = 1.0,
) -> str | None:
    """Say hello to everybody and give the address of the one with that id; None: it is silent.

    Args:
        device_id: the speaker's, from its hello.
        networks: where to ask everybody.
        addresses: whom to ask besides.
        timeout_s: how long to wait for it.
    """
    from mynah.find.hello import hellos  # not at the top: it imports this package

    for answer in hellos(timeout_s, addresses, among=networks):
        if answer.device_id == device_id:
            return answer.address
    return None
