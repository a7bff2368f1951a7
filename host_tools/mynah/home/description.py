"""What a device can do, and how it is told: roles, whatever protocol they are spoken in.

A role is what people talk of: on, brightness, target-temperature. Its entry says how the device
words it. The speaker's firmware reads entries of these kinds, and knows no model by name:

==============================================  ====================================================
``{"p": [siid, piid], "f": format, ...}``       a MIoT property
``{"p": [siid, piid], "v": value}``             writing that value does it: open, close, stop
``{"x": [siid, aiid]}``                         a MIoT action without arguments does it
``{"get": name, "set": method, ...}``           a property of an old miIO device
==============================================  ====================================================

Further keys: ``a`` what is allowed, in the device's own numbers: ``[low, high, step]`` or
``{"value name": value}``; ``r`` read only; ``w`` write only; ``map`` the device's word -> ours;
``args`` what follows the value in an old device's call. ``set`` may be a list of two methods
without arguments: off, on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mynah.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Entry = dict[str, Any]
"""How a device words one role; JSON."""

MAX_RECORD_BYTES = 1050
"""The speaker tells record and state in one packet of at most 1,400 bytes."""
MAX_CHOICES = 32
"""Named values that the speaker keeps of one role."""


class DescriptionError(UsageError):
    """A spec or a description of a device cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a kind of device can do."""

    type: str
    """One of `mynah.home.vocabulary.TYPES`."""
    roles: Mapping[str, Entry]
    """Role -> entry, the most important first."""
    names_per_call: int | None = None
    """For an old device: how many names one ``get_prop`` may ask for."""
    notes: tuple[str, ...] = ()
    """What the user should know: what was left out, and why."""


@dataclass(frozen=True, slots=True)
class Record:
    """One device as the speaker keeps it."""

    name: str
    room: str
    model: str
    address: str
    token: bytes = field(repr=False)
    device_id: int
    description: Description
    port: int = 54321

    def data(self) -> dict[str, Any]:
        """The record as JSON, with the token.

        Raises:
            DescriptionError: it does not fit into a packet even without the lesser roles.
        """
        roles = list(self.description.roles)
        while len(_text(record := self._with(roles))) > MAX_RECORD_BYTES:
            if len(roles) == 1:
                raise DescriptionError(f"{self.name}: name, room or values are too long")
            roles.pop()
        return record

    def left_out(self) -> list[str]:
        """Roles that do not fit into a packet."""
        kept = self.data()["roles"]
        return [role for role in self.description.roles if role not in kept]

    def _with(self, roles: list[str]) -> dict[str, Any]:
        data: dict[str, Any] = {
            "name": self.name,
            "room": self.room,
            "type": self.description.type,
            "model": self.model,
            "address": self.address,
            "did": self.device_id,
            "token": self.token.hex(),
            "roles": {role: self.description.roles[role] for role in roles},
        }
        if self.port != 54321:
            data["port"] = self.port
        if self.description.names_per_call:
            data["n"] = self.description.names_per_call
        return data


def is_readable(entry: Entry) -> bool:
    """Whether the role has a value that the device tells."""
    if "p" in entry:
        return "v" not in entry and not entry.get("w")
    return "get" in entry


def is_writable(entry: Entry) -> bool:
    """Whether the role can be set, or done."""
    return "x" in entry or "set" in entry or ("p" in entry and not entry.get("r"))


def _text(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
