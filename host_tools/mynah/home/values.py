"""A role's value: from what the device says to what people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mynah.home.description import Entry

_UNITS = {
    "brightness": " %",
    "fan-speed": " %",
    "position": " %",
    "current-position": " %",
    "battery": " %",
    "humidity": " %",
    "target-humidity": " %",
    "colour-temperature": " K",
    "temperature": " °C",
    "target-temperature": " °C",
    "illumination": " lx",
    "power": " W",
    "pm25": " µg/m³",
    "co2": " ppm",
}
_WORDS = {
    "contact": ("open", "closed"),
    "motion": ("no motion", "motion"),
    "locked": ("unlocked", "locked"),
    "water": ("dry", "wet"),
}

_PERCENT = {"brightness", "position", "current-position", "fan-speed"}
# A colour temperature's range tells its unit: kelvins are thousands, mireds hundreds, and what is
# left is a percentage from warm to cold.
_LEAST_KELVIN = 1000
_LEAST_MIRED = 100
_MIRED = 1_000_000
_USUAL_KELVIN = (2700, 6500)


def decode(role: str, entry: Entry, raw: Any) -> Any:
    """The value as people say it (bool, number, value name) of what a device said.

    It is what the speaker's firmware (speaker/home/values.py) makes of it: per cent of the range
    for brightness and position, kelvins for a colour temperature in mireds or per cent.
    """
    if "map" in entry and isinstance(raw, str):
        raw = entry["map"].get(raw, raw)
    allowed = entry.get("a")
    if isinstance(allowed, dict):
        return next((name for name, value in allowed.items() if value == raw), raw)
    if isinstance(raw, str) and ("a" in entry or entry.get("f", "string") != "string"):
        raw = _number(raw)
    if not _is_number(raw):
        return raw
    if role == "on":
        return bool(raw)
    return _in_words(role, allowed, raw) if allowed else raw


def _in_words(role: str, allowed: list[float], raw: float) -> float:
    low, high, _ = allowed
    if role in _PERCENT and high > 100:
        return max(0, min(100, round(raw * 100 / high)))
    if role != "colour-temperature" or high >= _LEAST_KELVIN:
        return raw
    if low >= _LEAST_MIRED:
        return round(_MIRED / max(raw, 1))
    warm, cold = _USUAL_KELVIN
    return round(warm + (raw - low) * (cold - warm) / ((high - low) or 1))


def show(role: str, value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return "?"
    if isinstance(value, bool):
        return _WORDS.get(role, ("off", "on"))[value]
    if role == "colour" and isinstance(value, int):
        return f"#{value:06x}"
    if _is_number(value):
        return f"{value:g}{_UNITS.get(role, '')}"
    return str(value)


def takes(role: str, entry: Entry) -> str:
    """What a role can be set to, or is, in words."""
    allowed = entry.get("a")
    if "v" in entry or "x" in entry:
        return "does it"
    if isinstance(allowed, dict):  # in the device's order: the speaker's objects have none
        return ", ".join(sorted(allowed, key=lambda name: (_is_text(allowed[name]), allowed[name])))
    if role == "colour":
        return "#rrggbb"
    if isinstance(allowed, list):
        low, high = sorted(_in_words(role, allowed, end) for end in allowed[:2])
        return f"{low:g} to {high:g}{_UNITS.get(role, '')}"
    if entry.get("f") == "bool" or "map" in entry or role in {"on", "swing"}:
        return " or ".join(reversed(_WORDS.get(role, ("off", "on"))))
    return f"a number{_UNITS.get(role, '')}" if role in _UNITS else "text"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
