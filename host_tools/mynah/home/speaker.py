"""The speaker's list of devices, over its own miIO methods ``mynah.home.*``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mynah.errors import BoardError, UsageError
from mynah.home.vocabulary import in_order
from mynah.miio import MiioError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mynah.home.description import Record
    from mynah.miio import MiioClient

_UNKNOWN_METHOD = -10000
_MAX_PAGES = 200
_PATIENCE_S = 6.0
"""The speaker tells after 4.5 s who did not do it (firmware/speaker/home/runner.py)."""


@dataclass(frozen=True, slots=True)
class Known:
    """A device that the speaker knows, as it tells of it; it never tells the token."""

    name: str
    room: str
    type: str
    model: str
    address: str
    online: bool | None
    """None: the speaker has not asked it yet."""
    state: Mapping[str, Any]
    """Role -> last value that the speaker read."""
    roles: Mapping[str, Any]


def add(client: MiioClient, record: Record) -> None:
    """Store a device on the speaker; one of the same name is replaced.

    Raises:
        MiioError: the speaker refuses it; the message has the reason.
        BoardTimeoutError: the speaker does not answer.
    """
    _call(client, "mynah.home.add", record.data())


def remove(client: MiioClient, name: str) -> None:
    """Make the speaker forget a device.

    Raises:
        UsageError: the speaker has none of that name; the message lists those that there are.
        MiioError: the speaker answers with an error.
        BoardTimeoutError: the speaker does not answer.
    """
    find(client, name)
    _call(client, "mynah.home.remove", [name])


def known(client: MiioClient) -> list[Known]:
    """Every device that the speaker knows.

    Raises:
        MiioError: the speaker answers with an error.
        BoardTimeoutError: the speaker does not answer.
    """
    found: list[Known] = []
    start: int | None = 0
    for _ in range(_MAX_PAGES):
        page = _call(client, "mynah.home.list", {"from": start})
        if not isinstance(page, dict) or not isinstance(page.get("devices"), list):
            raise MiioError("the speaker told its devices in a way that is not known", 0)
        found += [_known(item) for item in page["devices"]]
        start = page.get("next")
        if start is None:
            break
    return found


def find(client: MiioClient, name: str) -> Known:
    """The device of that name.

    Raises:
        UsageError: there is none; the message lists those that there are.
        MiioError: the speaker answers with an error.
        BoardTimeoutError: the speaker does not answer.
    """
    devices = known(client)
    for device in devices:
        if device.name == name:
            return device
    there = ", ".join(device.name for device in devices)
    advice = f"there are: {there}" if there else "there are none: see `mynah home add --help`"
    raise UsageError(f"the speaker knows no device {name!r}; {advice}")


def do(client: MiioClient, text: str) -> dict[str, Any]:
    """Have the speaker do what a sentence says, as if it had been spoken.

    Returns:
        ``ok``; ``say``, what the speaker would answer; ``intent``, what it understood; ``results``,
        one a device; ``candidates``, where the name was ambiguous or unknown.

    Raises:
        MiioError: the speaker answers with an error.
        BoardTimeoutError: the speaker does not answer.
    """
    if not client.is_in_channel:  # a stale stamp would cost that patience
        client.hello()
    answer = _call(client, "mynah.home.do", {"text": text}, patience_s=_PATIENCE_S)
    if not isinstance(answer, dict):
        raise MiioError("the speaker answered in a way that is not known", 0)
    return answer


def _call(client: MiioClient, method: str, params: Any, *, patience_s: float = 0) -> Any:
    try:
        return client.call(method, params, patience_s=patience_s)
    except MiioError as error:
        if error.code == _UNKNOWN_METHOD:
            raise BoardError(
                "this speaker's firmware controls no devices yet: bring it up to date with "
                "`mynah deploy` or `mynah flash`"
            ) from None
        raise


def _known(item: Any) -> Known:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise MiioError("the speaker told of a device in a way that is not known", 0)
    return Known(
        name=item["name"],
        room=str(item.get("room", "")),
        type=str(item.get("type", "")),
        model=str(item.get("model", "")),
        address=str(item.get("address", "")),
        online=item.get("online"),
        state=_ordered(item.get("state")),
        roles=_ordered(item.get("roles")),
    )


def _ordered(by_role: Any) -> dict[str, Any]:
    """The speaker's objects have no order."""
    return {role: by_role[role] for role in in_order(by_role)} if isinstance(by_role, dict) else {}
