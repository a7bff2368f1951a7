"""The value that a role is to have: percents, levels, the most and the least, steps from now."""

from speaker.home import values
from speaker.home.device import Device, RefusedError
from speaker.home.roles import found_name
from speaker.util.hints import Any

# A small, a usual, a large step.
_STEPS = {
    "target-temperature": (1, 1, 3),
    "colour-temperature": (300, 700, 1500),
    "fan-level": (1, 1, 2),
}
_PERCENT_STEPS = (10, 20, 40)
_SIZES = ("small", "", "large")
# Levels by name: where between the lowest and the highest.
_LEVELS = {"low": 0, "medium": 0.5, "high": 1}


async def goal(device: Device, role: str, what: str, value: Any) -> Any:
    """The value that a role is to have.

    Raises RefusedError where there is none; a step asks the device, see Device.read.
    """
    entry = device.roles[role]
    if what == "step":
        return await _stepped(device, role, entry, value)
    if what == "mode":
        return found_name(entry, value)
    if what == "end":
        ends = _ends(role, entry)
        return ends[value == "max"]
    if what == "level" and isinstance(value, str):
        return _named_level(role, entry, value)
    if what == "percent" and values.is_levels(role, entry):
        return _share(role, entry, value / 100)
    if what in {"percent", "number", "degrees", "level"}:
        _check_range(role, entry, value)
    return value


def _check_range(role: str, entry: dict, value: float) -> None:
    """What is no value of the role is refused, not done differently."""
    limits = values.limits(role, entry)
    if limits and not limits[0] - 1 < value < limits[1] + 1:
        raise RefusedError("only %s - %s" % limits)


def _ends(role: str, entry: dict) -> tuple:
    limits = values.limits(role, entry)
    if limits:
        return _lit(role, limits[0]), limits[1]
    names = _levels(entry)
    if not names:
        raise RefusedError("cannot")
    return names[0], names[-1]


def _levels(entry: dict) -> list:
    """The names of a list of levels, from the lowest; one that is automatic is none."""
    choices = entry.get("a")
    if not isinstance(choices, dict):
        return []
    names = [name for name in choices if not name.lower().startswith("auto")]
    return sorted(names, key=lambda name: choices[name])


def _named_level(role: str, entry: dict, level: str) -> Any:
    choices = entry.get("a")
    if isinstance(choices, dict):
        found = values.find_names(list(choices), level)
        if found:
            return found[0]
    return _share(role, entry, _LEVELS[level])


def _share(role: str, entry: dict, share: float) -> Any:
    """What lies so far between the lowest and the highest."""
    names = _levels(entry)
    if names:
        return names[int(share * (len(names) - 1) + 0.5)]
    low, high = values.limits(role, entry) or (0, 100)
    low = max(low, 20) if role == "brightness" else low  # low is not off
    return int(low + share * (high - low) + 0.5)


async def _stepped(device: Device, role: str, entry: dict, step: str) -> Any:
    """The value after a step from what the device has now."""
    direction, size = step.split(" ")
    upwards = "colder" if role == "colour-temperature" else "warmer"
    up = direction[0] == "+" or direction == upwards
    if role == "position" and not size:  # "raise the blinds": all the way
        return 100 if up else 0
    now = (await device.read([role])).get(role)
    amount = _amount(role, entry, size) * (1 if up else -1)
    names = _levels(entry)
    if names:
        index = names.index(now) if now in names else 0
        return names[max(0, min(len(names) - 1, index + int(amount)))]
    if not isinstance(now, (int, float)) or isinstance(now, bool):
        raise RefusedError("cannot")
    limits = values.limits(role, entry)
    stepped = now + amount
    return max(_lit(role, limits[0]), min(limits[1], stepped)) if limits else stepped


def _lit(role: str, lowest: float) -> float:
    """The lowest that is not off: off is said otherwise."""
    return max(lowest, 1) if role == "brightness" else lowest


def _amount(role: str, entry: dict, size: str) -> float:
    """How far a step goes: as far as was said, or as its size has it for that role."""
    if size not in _SIZES:
        return float(size)
    if role == "fan-level" and not values.is_levels(role, entry):
        return _PERCENT_STEPS[_SIZES.index(size)]
    return _STEPS.get(role, _PERCENT_STEPS)[_SIZES.index(size)]
