"""What a speaker's properties, actions and events are called, and their values (MIoT spec v2)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mynah.errors import UsageError
from mynah.paths import FIRMWARE_DIR

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = FIRMWARE_DIR / "spec" / "mynah-speaker.json"
_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_TRUE, _FALSE = {"true", "on", "yes", "1"}, {"false", "off", "no", "0"}

# MIoT spec v2: the codes that devices give to each property and action on the LAN.
CODES = {
    -4001: "cannot be read",
    -4002: "cannot be written",
    -4003: "does not exist",
    -4004: "failed inside the device",
    -4005: "does not take that value",
    -4006: "does not take those arguments",
    -4007: "is for another device",
}


@dataclass(frozen=True, slots=True)
class Property:
    """One property: its name as "speaker.volume", its numbers, and what it takes."""

    name: str
    siid: int
    piid: int
    format: str
    access: frozenset[str]
    unit: str = ""
    value_range: tuple[float, float] | None = None
    values: Mapping[int, str] | None = None
    description: str = ""

    @property
    def is_colour(self) -> bool:
        """Whether it is a colour, 0xRRGGBB (MIoT spec v2, unit "rgb")."""
        return self.unit == "rgb"

    def show(self, value: object) -> str:
        """A value as a person reads it and `parse` takes it."""
        if isinstance(value, bool):
            return "on" if value else "off"
        if self.is_colour and isinstance(value, int):
            return f"#{value:06x}"
        return str(value)

    def parse(self, text: str) -> bool | int | float | str:
        """The value that a word on the command line means.

        Raises:
            UsageError: it means none; the message says what would.
        """
        if self.format == "bool":
            return self._parse_bool(text)
        if self.format == "string":
            return text
        for value, description in (self.values or {}).items():
            if text.lower() == description.lower():
                return value
        if self.is_colour and _COLOUR.fullmatch(text):
            return int(text[1:], 16)
        try:
            number: int | float = float(text) if self.format == "float" else int(text, 0)
        except ValueError:
            raise UsageError(f"{self.name} takes {self.takes()}, not {text!r}") from None
        low, high = self.value_range or (number, number)
        if not low <= number <= high or (self.values and number not in self.values):
            raise UsageError(f"{self.name} takes {self.takes()}, not {text}")
        return number

    def takes(self) -> str:
        """The values that it takes, in words."""
        if self.format == "bool":
            return "on or off"
        if self.values:
            return ", ".join(f"{value} ({text})" for value, text in self.values.items())
        if self.is_colour:
            return "#rrggbb"
        if self.value_range:
            low, high = self.value_range
            return f"{low} to {high}"
        return f"a {self.format}"

    def _parse_bool(self, text: str) -> bool:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise UsageError(f"{self.name} takes {self.takes()}, not {text!r}")


@dataclass(frozen=True, slots=True)
class Action:
    """One action: its name as "play-control.play", its numbers, and the properties it takes."""

    name: str
    siid: int
    aiid: int
    arguments: tuple[Property, ...]
    results: tuple[Property, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name as "wake.heard", its numbers, and the properties that come with it."""

    name: str
    siid: int
    eiid: int
    arguments: tuple[Property, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Spec:
    """Every property, action and event of a kind of device, by name."""

    properties: Mapping[str, Property]
    actions: Mapping[str, Action]
    events: Mapping[str, Event]

    def property(self, name: str) -> Property:
        """The property of that name.

        Raises:
            UsageError: there is none; the message lists those that there are.
        """
        if name not in self.properties:
            known = ", ".join(self.properties)
            raise UsageError(f"no property {name!r}; there are: {known}")
        return self.properties[name]

    def action(self, name: str) -> Action:
        """The action of that name.

        Raises:
            UsageError: there is none; the message lists those that there are.
        """
        if name not in self.actions:
            raise UsageError(f"no action {name!r}; there are: {', '.join(self.actions)}")
        return self.actions[name]


@cache
def speaker() -> Spec:
    """The specification of Mynah's own speaker."""
    return parse(json.loads(_FILE.read_text(encoding="utf-8")))


def explain(code: int) -> str:
    """What a device means by a result code, as the end of a sentence."""
    return CODES.get(code, f"failed with code {code}")


def parse(instance: Mapping[str, Any]) -> Spec:
    """Read an instance description, as the MIoT spec v2 has them in JSON."""
    properties: dict[str, Property] = {}
    actions: dict[str, Action] = {}
    events: dict[str, Event] = {}
    for service in instance["services"]:
        siid, service_name = service["iid"], _name(service["type"])
        by_piid = {}
        for item in service.get("properties", ()):
            found = _property(item, siid, service_name)
            properties[found.name] = by_piid[found.piid] = found
        for item in service.get("actions", ()):
            name = f"{service_name}.{_name(item['type'])}"
            takes = tuple(by_piid[piid] for piid in item.get("in", ()))
            gives = tuple(by_piid[piid] for piid in item.get("out", ()))
            actions[name] = Action(
                name, siid, item["iid"], takes, gives, item.get("description", "")
            )
        for item in service.get("events", ()):
            name = f"{service_name}.{_name(item['type'])}"
            brings = tuple(by_piid[piid] for piid in item.get("arguments", ()))
            events[name] = Event(name, siid, item["iid"], brings, item.get("description", ""))
    return Spec(properties, actions, events)


def _property(item: Mapping[str, Any], siid: int, service: str) -> Property:
    limits, values = item.get("value-range"), item.get("value-list")
    return Property(
        name=f"{service}.{_name(item['type'])}",
        siid=siid,
        piid=item["iid"],
        format=item["format"],
        access=frozenset(item["access"]),
        unit=item.get("unit", ""),
        value_range=(limits[0], limits[1]) if limits else None,
        values={each["value"]: each["description"] for each in values} if values else None,
        description=item.get("description", ""),
    )


def name_of(item: Mapping[str, Any]) -> str:
    """The name of a service, property, action or event of an instance."""
    return _name(item["type"])


def _name(urn: str) -> str:
    """The name in ``urn:<namespace>:<type>:<name>:<value>...``."""
    return urn.split(":")[3]
