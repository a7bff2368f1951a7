"""Look at a device from this computer: who it is, whether the token is right, what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mynah.errors import BoardError, BoardTimeoutError
from mynah.home.description import Description, Entry, is_readable
from mynah.home.values import decode
from mynah.logs import clean
from mynah.miio import MiioClient, MiioError

if TYPE_CHECKING:
    from mynah.miio.codec import Hello

_PROPERTIES_PER_CALL = 10
TIMEOUT_S = 0.7
"""How long an answer may take, before the packet is sent again."""
_RETRIES = 1


class WrongTokenError(BoardError):
    """The device answers a hello, but nothing that is signed with this token."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device says that it is."""

    device_id: int
    model: str
    mac: str


def hello(address: str, port: int) -> Hello:
    """The device's answer to a hello; a device that nobody has set up shows its token in it.

    Raises:
        BoardTimeoutError: nobody answers there.
    """
    with _client(address, port) as client:
        try:
            return client.hello()
        except BoardTimeoutError:
            raise BoardTimeoutError(
                f"no device answers at {address}: is it on, in this network, and is that its "
                "address? (--unchecked stores one that only the speaker can reach)"
            ) from None


def identify(address: str, port: int, token: bytes) -> Identity:
    """Ask a device who it is.

    Raises:
        BoardTimeoutError: nobody answers there.
        WrongTokenError: it answers a hello, but not this token.
        MiioError: it answers with an error.
    """
    found = hello(address, port)
    with _client(address, port, token) as client:
        try:
            info = client.info()
        except BoardTimeoutError:
            raise WrongTokenError(
                f"the device at {address} answers a hello, but not this token: take a new one "
                "from where you have it (resetting a device or adding it to another account "
                "changes its token)"
            ) from None
    return Identity(
        found.device_id, clean(str(info.get("model", ""))), clean(str(info.get("mac", "")))
    )


def read(address: str, port: int, token: bytes, description: Description) -> dict[str, Any]:
    """Every role that the device tells, with its value in our terms; None: it did not tell.

    Raises:
        BoardTimeoutError: it does not answer.
        MiioError: it does not understand the question: the description is another device's.
    """
    readable = {role: entry for role, entry in description.roles.items() if is_readable(entry)}
    miot = {role: entry for role, entry in readable.items() if "p" in entry}
    old = {role: entry for role, entry in readable.items() if "get" in entry}
    values: dict[str, Any] = {}
    with _client(address, port, token) as client:
        for some in _chunks(miot, _PROPERTIES_PER_CALL):
            values |= _read_miot(client, some)
        for some in _chunks(old, description.names_per_call or _PROPERTIES_PER_CALL):
            values |= _read_old(client, some)
    return {role: values[role] for role in readable}


def _client(address: str, port: int, token: bytes | None = None) -> MiioClient:
    return MiioClient(address, token, port, timeout_s=TIMEOUT_S, retries=_RETRIES)


def _chunks(entries: dict[str, Entry], size: int) -> list[dict[str, Entry]]:
    items = list(entries.items())
    return [dict(items[start : start + size]) for start in range(0, len(items), size)]


def _read_miot(client: MiioClient, entries: dict[str, Entry]) -> dict[str, Any]:
    numbers = [(role, *entry["p"]) for role, entry in entries.items()]
    params = [{"did": role, "siid": siid, "piid": piid} for role, siid, piid in numbers]
    answer = _listed(client.call("get_properties", params), "get_properties")
    said = {
        (item.get("siid"), item.get("piid")): item.get("value")
        for item in answer
        if isinstance(item, Mapping) and item.get("code", 0) == 0
    }
    return {
        role: _value(role, entry, said.get(tuple(entry["p"]))) for role, entry in entries.items()
    }


def _read_old(client: MiioClient, entries: dict[str, Entry]) -> dict[str, Any]:
    names = [entry["get"] for entry in entries.values()]
    answer = _listed(client.call("get_prop", names), "get_prop")
    padded = [*answer, *[None] * len(names)]
    return {
        role: _value(role, entry, raw)
        for (role, entry), raw in zip(entries.items(), padded, strict=False)
    }


def _value(role: str, entry: Entry, raw: Any) -> Any:
    return None if raw is None else decode(role, entry, raw)


def _listed(answer: Any, method: str) -> list[Any]:
    if not isinstance(answer, list):
        raise MiioError(f"the device answered {method} with something else", 0)
    return answer
