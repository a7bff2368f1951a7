"""Lists of devices with their tokens, as other programs write them.

Read are CSV with a heading, and JSON: every object in it, at any depth, that has an address and a
token, whatever is around them. That takes the lists that token extractors and python-miio's cloud
interface write, and Home Assistant's ``core.config_entries``.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mynah.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEYS = {
    "name": ("name", "title"),
    "address": ("address", "ip", "localip", "host", "local_ip"),
    "token": ("token",),
    "model": ("model",),
    "room": ("room", "room_name"),
    "type": ("type",),
    "spec": ("spec",),
}
_TOKEN = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class Listed:
    """One device of a list."""

    name: str
    address: str
    token: bytes = field(repr=False)
    model: str = ""
    room: str = ""
    type: str = ""
    spec: str = ""
    """Path of its spec or description, from the list's folder."""


def read(path: Path) -> list[Listed]:
    """The devices in a list; those without an address or a token (Bluetooth, Zigbee) are left out.

    Raises:
        UsageError: the file cannot be read, or no device is in it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        items = list(_rows(text) if path.suffix.lower() == ".csv" else _objects(json.loads(text)))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{path.name}: {error}") from None
    found = [listed for item in items if (listed := _listed(item))]
    if not found:
        raise UsageError(f"{path.name}: no device with an address and a token of 32 hex digits")
    return _named_apart(found)


def token_of(text: str) -> bytes:
    """The token in what a user typed.

    Raises:
        UsageError: it is none; the message does not repeat it.
    """
    text = text.strip()
    if not _TOKEN.fullmatch(text):
        raise UsageError(f"a token has 32 hexadecimal digits; that has {len(text)} characters")
    return bytes.fromhex(text)


def _rows(text: str) -> Iterator[dict[str, Any]]:
    for row in csv.DictReader(io.StringIO(text), skipinitialspace=True):
        yield {str(key).strip().lower(): value for key, value in row.items()}


def _objects(data: Any, title: str = "") -> Iterator[dict[str, Any]]:
    """Every object in the data; Home Assistant keeps the name one level above the token."""
    if isinstance(data, dict):
        title = str(data.get("title") or title)
        yield {"title": title, **data}
        for value in data.values():
            yield from _objects(value, title)
    elif isinstance(data, list):
        for value in data:
            yield from _objects(value, title)


def _listed(item: dict[str, Any]) -> Listed | None:
    values = {key: _first(item, names) for key, names in _KEYS.items()}
    if not values["address"] or not _TOKEN.fullmatch(values["token"]):
        return None
    return Listed(
        name=values["name"] or values["model"] or values["address"],
        address=values["address"],
        token=bytes.fromhex(values["token"]),
        model=values["model"],
        room=values["room"],
        type=values["type"],
        spec=values["spec"],
    )


def _first(item: dict[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = item.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def _named_apart(found: list[Listed]) -> list[Listed]:
    """The same name twice becomes "name" and "name 2"."""
    from dataclasses import replace

    taken: set[str] = set()
    apart = []
    for listed in found:
        name, number = listed.name, 2
        while name in taken:
            name, number = f"{listed.name} {number}", number + 1
        taken.add(name)
        apart.append(replace(listed, name=name))
    return apart
