"""Which role of a device is meant. Roles alone say what a device can do, not types or models."""

from speaker.home import values
from speaker.home.device import Device
from speaker.home.meaning import Intent
from speaker.util.hints import Any

# What a value is for, the first role that the device has. A bare number is degrees where there is
# a temperature to set.
_ROLES_OF = {
    "percent": ("brightness", "position", "fan-speed", "fan-level", "target-humidity"),
    "degrees": ("target-temperature",),
    "kelvin": ("colour-temperature",),
    "colour": ("colour",),
    "mode": ("mode", "fan-level"),
    "level": ("fan-level", "fan-speed", "brightness"),
    "number": (
        "target-temperature",
        "brightness",
        "position",
        "fan-speed",
        "fan-level",
        "target-humidity",
    ),
    "end": ("brightness", "fan-speed", "fan-level", "position", "target-temperature"),
    "step": ("brightness", "target-temperature", "fan-speed", "fan-level", "position"),
}
# What is meant as well by a role that is spoken of.
_ALSO = {
    "temperature": ("target-temperature",),
    "humidity": ("target-humidity",),
    "fan-level": ("fan-speed",),
    "position": ("current-position",),
    "locked": ("door",),
    "contact": ("door",),
}


def also(role: str) -> tuple:
    """The role that is spoken of, and what may be meant by it as well."""
    return (role,) + _ALSO.get(role, ())


def first(what: str, value: Any) -> str:
    """The role that a value is for on most devices."""
    return roles_for(Intent("set", ""), what, value)[0]


def roles_for(intent: Intent, what: str, value: Any) -> tuple:
    """The roles that a value may be for, the likeliest first."""
    if intent.role and what in {"number", "percent", "level", "end", "step"}:
        return also(intent.role)
    if what != "step":
        return _ROLES_OF[what]
    direction = value.split(" ")[0]
    if direction in {"warmer", "colder"}:
        return "target-temperature", "colour-temperature"
    role = direction[1:]
    return also(role) if role else _ROLES_OF["step"]


def role_for(device: Device, intent: Intent, what: str, value: Any) -> str:
    """The role of the device that a value is for, or ""."""
    closing = intent.action in {"off", "close"}
    for role in roles_for(intent, what, value):
        if closing and role != "position":  # "close it to 30 percent" is for curtains
            continue
        if device.can_set(role) and (what != "mode" or found_name(device.roles[role], value)):
            return role
    return ""


def found_name(entry: dict, wanted: str) -> str:
    """The name in the role's list that is meant: the first that it has of `one/other/another`."""
    for name in wanted.split("/"):
        found = values.find_names(choices_of(entry), name)
        if found:
            return found[0]
    return ""


def choices_of(entry: dict) -> list:
    """The names that the role's value may have."""
    choices = entry.get("a") or entry.get("map")
    if not isinstance(choices, dict):
        return []
    return list(choices) if "a" in entry else [v for v in choices.values() if isinstance(v, str)]


def modes_of(devices: list) -> list:
    """The names of all modes that a device has, in lower case and without spaces."""
    entries = [device.roles["mode"] for device in devices if "mode" in device.roles]
    return [values.plain(name) for entry in entries for name in choices_of(entry)]


def is_truth(entry: dict) -> bool:
    """Whether the role is either so or not."""
    words = entry.get("map")
    if words:
        return all(isinstance(meaning, bool) for meaning in words.values())
    return entry.get("f") == "bool"
