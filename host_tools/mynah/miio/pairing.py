"""Pair a new speaker: take its token, hand it the Wi-Fi, wait until it is there."""

from __future__ import annotations

import ipaddress
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mynah.errors import BoardError, BoardTimeoutError
from mynah.logs import clean
from mynah.miio import codec
from mynah.miio.client import MiioClient
from mynah.miio.codec import Hello, PacketError

if TYPE_CHECKING:
    from collections.abc import Callable

SET_UP_ADDRESS = "192.168.4.1"
"""Where a speaker is in its own set-up network (MicroPython's default for an access point)."""

TIMEOUT_S = 90.0
"""The board tries twice, up to 20 seconds each, and needs an address."""

_POLL_S = 0.3
_BROADCAST = "255.255.255.255"  # RFC 919: everybody in this network
_LOOPBACK_BROADCAST = "127.255.255.255"


@dataclass(frozen=True, slots=True)
class PairResult:
    """A speaker that is on the network now."""

    address: str
    token: bytes = field(repr=False)
    device_id: int
    mac: str
    model: str


def pair(
    address: str,
    ssid: str,
    password: str,
    *,
    timeout_s: float = TIMEOUT_S,
    talk: Callable[[str], None] | None = None,
) -> PairResult:
    """Give an unpaired speaker its Wi-Fi and wait until it answers there.

    This computer must be in the speaker's set-up network, and afterwards in the Wi-Fi.

    Args:
        address: where the speaker is in its set-up network, usually `SET_UP_ADDRESS`.
        ssid: name of the Wi-Fi.
        password: its password; empty for an open network.
        timeout_s: how long the speaker may take to get there.
        talk: called with a line for the user at each step.

    Raises:
        BoardTimeoutError: no speaker at the address, or it did not get there in time.
        BoardError: it is paired already, or could not join; the message has its reason.
    """
    say = talk or (lambda _: None)
    hello = _first_hello(address)
    if hello.token is None:
        raise BoardError(
            f"the speaker at {address} is paired already: `mynah control NAME restore`, or holding "
            "its BOOT button for five seconds, makes it forget its owner"
        )
    deadline = time.monotonic() + timeout_s
    with MiioClient(address, hello.token) as client:
        say("the speaker told its token; handing it the Wi-Fi")
        client.call("miIO.config_router", {"ssid": ssid, "passwd": password, "uid": 0})
        say(f"the speaker tries to join {ssid!r}")
        found = _wait_for_join(client, ssid, deadline)
    say(f"it joined; looking for it in {ssid!r}")
    return _meet(hello, found, whom_to_ask(address), deadline)


def whom_to_ask(address: str) -> tuple[str, int]:
    """Where to ask for a speaker that was set up at ``address``, to reach everybody who may be it.

    A virtual board is on this computer, so nobody else is asked for it.
    """
    try:
        is_here = ipaddress.ip_address(address).is_loopback
    except ValueError:  # a name
        is_here = False
    return (_LOOPBACK_BROADCAST if is_here else _BROADCAST), codec.PORT


def _first_hello(address: str) -> Hello:
    with MiioClient(address) as client:
        try:
            return client.hello()
        except BoardTimeoutError:
            raise BoardTimeoutError(
                f"no speaker answers at {address}: join its set-up network (its name starts with "
                "'mynah-speaker-') with this computer, then try again"
            ) from None


def _wait_for_join(client: MiioClient, ssid: str, deadline: float) -> str | None:
    """Ask until the speaker says how it went; its new address, None where it did not tell.

    Silence is no failure: the set-up network may move to the other's channel, or close.
    """
    misses = 0
    while time.monotonic() < deadline:
        try:
            state = client.call("miIO.wifi_assoc_state")
        except BoardTimeoutError:
            misses += 1
            if misses > 1 and _hello_of(client.address) is None:
                return None
            continue
        if state["trial"] == "ok":
            return _address_in(client)
        if state["trial"] == "failed":
            reason = clean(str(state.get("reason") or "it does not say why"))
            raise BoardError(f"the speaker could not join {ssid!r}: {reason}")
        time.sleep(_POLL_S)
    raise BoardTimeoutError(f"the speaker is still trying to join {ssid!r}: is it in reach?")


def _address_in(client: MiioClient) -> str | None:
    try:
        address: str = client.info()["netif"]["localIp"]
    except (BoardTimeoutError, KeyError, TypeError):
        return None
    return address


def _meet(
    hello: Hello, address: str | None, everybody: tuple[str, int], deadline: float
) -> PairResult:
    """Find the speaker in the Wi-Fi, at its address or by asking everybody, and check its token."""
    assert hello.token is not None
    while True:
        candidate = address or find(hello.device_id, everybody)
        if candidate:
            with MiioClient(candidate, hello.token, retries=0) as client:
                try:
                    return _result(candidate, hello.device_id, hello.token, client.info())
                except BoardTimeoutError:
                    address = find(hello.device_id, everybody)
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


def find(device_id: int, everybody: tuple[str, int], timeout_s: float = 1.0) -> str | None:
    """Say hello to everybody and give the address of the one with that id; None: it is silent.

    Args:
        device_id: the speaker's, from its hello.
        everybody: broadcast address and UDP port, as `whom_to_ask` gives them.
        timeout_s: how long to wait for it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        deadline = time.monotonic() + timeout_s
        try:
            asker.sendto(codec.hello_request(), everybody)
            while (left := deadline - time.monotonic()) > 0:
                asker.settimeout(left)
                data, (address, _) = asker.recvfrom(codec.HEADER_SIZE)
                if _is_from(data, device_id):
                    return str(address)
        except OSError:  # no network at the moment, or nobody
            return None
    return None


def _is_from(data: bytes, device_id: int) -> bool:
    try:
        return codec.parse_hello(data).device_id == device_id
    except PacketError:
        return False
