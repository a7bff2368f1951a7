"""Compile a device's MIoT spec v2 instance into roles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mynah.home.description import MAX_CHOICES, Description, DescriptionError, Entry
from mynah.home.vocabulary import (
    HELPERS,
    LIGHT_ROLES,
    MAIN_SERVICES,
    MOTOR_ROLES,
    ROLE_IN_SERVICE,
    ROLE_OF_PROPERTY,
    TYPE_OF_DEVICE,
    TYPES,
    in_order,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Json = dict[str, Any]

_READ_ONLY = {
    "current-position",
    "temperature",
    "humidity",
    "contact",
    "motion",
    "water",
    "illumination",
    "pm25",
    "co2",
    "power",
    "locked",
    "door",
    "battery",
}
_LEVEL = re.compile(r"(?:.*level|gear|speed|档位?)?\s*(\d+)\s*(?:档)?", re.IGNORECASE)
_STEPLESS_FROM = 20  # more steps than any fan has gears


def compile_instance(
    instance: Json, *, kind: str | None = None, service: int | None = None
) -> Description:
    """What the device of a MIoT spec v2 instance can do.

    Args:
        instance: the instance's JSON, as miot-spec.org gives it.
        kind: take it for this type; None: what its URN says, or else its services.
        service: number (siid) of the main service, for a device with several of a kind, as a
            switch with three keys; None: the first.

    Raises:
        DescriptionError: it is no such instance, of no type that the speaker knows, or has nothing
            to tell or to set.
    """
    services = _services(instance)
    kind = kind or _type_of(instance, services)
    if kind not in TYPES:
        raise DescriptionError(f"type {kind!r} is not known; there are: {', '.join(TYPES)}")
    names = MAIN_SERVICES[kind]
    alike = [each for each in services if _name(each) in names]
    alike.sort(key=lambda each: names.index(_name(each)))
    main = _main(services, alike, service)
    notes: list[str] = []
    roles: dict[str, Entry] = {}
    for each in _in_order(services, main):
        for role, entry in _roles_in(each, notes):
            wanted = each is main or role in HELPERS.get(_name(each), ())
            if wanted and role not in roles:
                roles[role] = entry
    if kind == "lock":  # an unlocked door is worth more than a voice can prove
        roles = {role: _read_only(entry) for role, entry in roles.items() if _tells(entry)}
    if not roles:
        raise DescriptionError(f"nothing in this spec is of use for a {kind}")
    same = [each for each in alike if _name(each) == _name(main)]
    if len(same) > 1 and service is None:
        others = ", ".join(f"{each['iid']} ({_text_of(each)})" for each in same)
        notes.append(
            f"it has {len(same)} of a kind, {others}: this is the first; --service N takes another"
        )
    return Description(
        kind, {role: roles[role] for role in in_order(roles)}, notes=tuple(dict.fromkeys(notes))
    )


def _services(instance: Json) -> list[Json]:
    try:
        services = list(instance["services"])
        for service in services:
            _name(service)
            for item in (*service.get("properties", ()), *service.get("actions", ())):
                _name(item)
                int(item["iid"])
            int(service["iid"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise DescriptionError(
            "this is no MIoT spec v2 instance: it wants services with iid, type and properties"
        ) from None
    return services


def _type_of(instance: Json, services: list[Json]) -> str:
    named = TYPE_OF_DEVICE.get(_name(instance)) if isinstance(instance.get("type"), str) else None
    if named:
        return named
    names = {_name(service) for service in services}
    for kind, main in MAIN_SERVICES.items():
        if names.intersection(main):
            return kind
    raise DescriptionError(
        "none of its services is a lamp's, a plug's, a fan's, an air conditioner's, a "
        "thermostat's, a curtain's, a sensor's or a lock's"
    )


def _main(services: list[Json], alike: list[Json], number: int | None) -> Json:
    if number is not None:
        for service in services:
            if service["iid"] == number:
                return service
        there = ", ".join(f"{each['iid']} ({_name(each)})" for each in services)
        raise DescriptionError(f"there is no service {number}; there are: {there}")
    if not alike:
        raise DescriptionError("it has no service of that type: leave --type out, or take another")
    return alike[0]


def _in_order(services: list[Json], main: Json) -> Iterator[Json]:
    yield main
    yield from (each for each in services if each is not main)


def _roles_in(service: Json, notes: list[str]) -> Iterator[tuple[str, Entry]]:
    for item in service.get("properties", ()):
        name, access = _name(item), set(item.get("access", ()))
        numbers = [service["iid"], item["iid"]]
        if name == "motor-control" and "write" in access:
            yield from _motor(numbers, item)
            continue
        role = ROLE_IN_SERVICE.get((_name(service), name), ROLE_OF_PROPERTY.get(name, ""))
        if not role or not access.intersection({"read", "write"}):
            continue
        if role in LIGHT_ROLES and _name(service) not in MAIN_SERVICES["lamp"]:
            continue
        if role == "fan-level" and _n_steps(item) >= _STEPLESS_FROM:
            role = "fan-speed"
        entry: Entry = {"p": numbers, "f": item.get("format", "string")}
        if not _limit(entry, role, item, notes):
            continue
        if "write" not in access or role in _READ_ONLY:
            entry["r"] = 1
        elif "read" not in access:
            entry["w"] = 1
        yield role, entry
    for item in service.get("actions", ()):
        done = MOTOR_ROLES.get(_name(item))
        if done and not item.get("in"):
            yield done, {"x": [service["iid"], item["iid"]]}


def _motor(numbers: list[int], item: Json) -> Iterator[tuple[str, Entry]]:
    for choice in item.get("value-list", ()):
        role = MOTOR_ROLES.get(str(choice["description"]).strip().lower())
        if role:
            yield role, {"p": numbers, "v": choice["value"]}


def _limit(entry: Entry, role: str, item: Json, notes: list[str]) -> bool:
    """Add what is allowed; False: the property cannot have this role."""
    unit = item.get("unit")
    if item.get("value-list"):
        entry["a"] = _choices(item["value-list"], numbered=role == "fan-level")
        return True
    limits = item.get("value-range")
    if role in {"temperature", "target-temperature"} and unit in {"fahrenheit", "kelvin"}:
        notes.append(f"{role} is left out: the device has it in {unit}")
        return False
    if limits and role != "colour":  # every colour has the same: 0xRRGGBB
        entry["a"] = [limits[0], limits[1], limits[2] if len(limits) > 2 else 1]
        if role == "colour-temperature" and unit == "percentage":
            notes.append("its colour temperature is in per cent: kelvins are a guess")
    return True


def _choices(values: list[Json], *, numbered: bool) -> Any:
    """Names to numbers; ``[low, high, 1]`` where levels are only numbered."""
    named: dict[str, Any] = {}
    for choice in values:
        name = str(choice.get("description") or choice["value"]).strip().lower()
        level = _LEVEL.fullmatch(name) if numbered else None
        if len(named) < MAX_CHOICES:
            named.setdefault(level[1] if level else name, choice["value"])
    numbers = list(named.values())
    is_range = numbered and list(named) == [str(number) for number in numbers]
    if is_range and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return [numbers[0], numbers[-1], 1]
    return named


def _n_steps(item: Json) -> float:
    limits = item.get("value-range")
    return (limits[1] - limits[0]) / (limits[2] or 1) if limits and len(limits) > 2 else 0


def _tells(entry: Entry) -> bool:
    return "p" in entry and "v" not in entry and "w" not in entry


def _read_only(entry: Entry) -> Entry:
    return entry | {"r": 1}


def _name(item: Mapping[str, Any]) -> str:
    """The name in ``urn:<namespace>:<type>:<name>:<value>...``."""
    return str(item["type"].split(":")[3])


def _text_of(service: Json) -> str:
    return str(service.get("description") or _name(service))
