"""Does what an intent says with one device: which of its roles is meant, and what is sent.

What a device can do comes from its roles alone; no type and no model has code of its own.
"""

from speaker.home import values
from speaker.home.device import READ_ONLY, Device, RefusedError
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
_OPENED = ("contact", "door", "current-position", "position", "locked", "on")
# What a question without more is about.
_MAIN = ("on", "locked", "contact", "motion", "temperature", "humidity", "current-position")
_MAX_TOLD = 4

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
# Setting something of these means that they are to be on.
_TURNED_ON = ("lamp", "fan")


def can(device: Device, intent: Intent) -> bool:
    """Whether the device has what the intent is about."""
    if intent.action == "ask":
        return bool(_asked(device, intent))
    if intent.values:
        return all(_role_for(device, intent, what, value) for what, value in intent.values)
    return _switch(device, intent.action)[0] != ""


def able(intent: Intent) -> list:
    """Its devices that can do it, and do it best.

    "The bedroom to 50 percent" means its lamps and not its curtain as well: of the roles that a
    value may be for, the first that any device has counts.
    """
    found = [device for device in intent.devices if can(device, intent)]
    if intent.action == "ask":
        return found
    for what, value in intent.values:
        roles = _roles_for(intent, what, value)
        ranks = [roles.index(_role_for(device, intent, what, value)) for device in found]
        best = min(ranks) if ranks else 0
        found = [device for device, rank in zip(found, ranks) if rank == best]
    return found


def modes_of(devices: list) -> list:
    """The names of all modes that a device has, in lower case and without spaces."""
    entries = [device.roles["mode"] for device in devices if "mode" in device.roles]
    return [values.plain(name) for entry in entries for name in _choices(entry)]


async def carry_out(device: Device, intent: Intent) -> list:
    """`(role, value)` of what is so now.

    Raises RefusedError, ValueError, NoAnswerError or MiioError.
    """
    if intent.action == "ask":
        return await _ask(device, intent)
    if not intent.values:
        return await _do(device, intent.action)
    wanted = []
    for what, value in intent.values:
        role = _role_for(device, intent, what, value)
        if not role:
            raise RefusedError(_why_not(device, intent.role or _ROLES_OF[_base(what, value)][0]))
        wanted.append((role, await _target(device, role, what, value)))
    done = list(wanted)
    if device.can_set("on") and (device.type in _TURNED_ON or intent.action == "on"):
        dark = [value for role, value in wanted if role == "brightness" and value == 0]
        wanted = [("on", False)] if dark else [("on", True)] + wanted
        done = wanted if dark else done
    await device.write(wanted)
    return [(role, device.state.get(role, value)) for role, value in done]


def _why_not(device: Device, role: str) -> str:
    if device.can_set(role):  # but not to that
        return "only " + ", ".join(sorted(_choices(device.roles[role])))
    if role in device.roles or device.type in {"lock", "sensor"}:
        return READ_ONLY
    return "no " + role


def _switch(device: Device, action: str) -> tuple:
    """`(how, role, value)` of an action without a value: how is "write", "act" or ""."""
    role, full = action, 100
    if action in {"on", "off"}:
        if device.can_set("on"):
            return "write", "on", action == "on"
        role = "open" if action == "on" else "close"
    if device.can_act(role):
        return "act", role, None
    if role == "close":
        full = 0
    if role in {"open", "close"} and device.can_set("position"):
        return "write", "position", full
    # "open the lamp", "stop the fan"
    if device.can_set("on") and (role != "stop" or not device.can_set("position")):
        return "write", "on", role == "open"
    return "", role, None


async def _do(device: Device, action: str) -> list:
    how, role, value = _switch(device, action)
    if how == "act":
        await device.act(role)
        return []
    if how == "write":
        await device.write([(role, value)])
        return [(role, value)]
    raise RefusedError(READ_ONLY if device.type in {"lock", "sensor"} else "cannot")


def _base(what: str, value: Any) -> str:
    """The kind of a step that says which role it is about: warmer and colder are degrees."""
    return "step" if what == "step" and value[0] in "+-" else "degrees" if what == "step" else what


def _roles_for(intent: Intent, what: str, value: Any) -> tuple:
    """The roles that a value may be for, the likeliest first."""
    if intent.role and what in {"number", "percent", "level", "end", "step"}:
        return (intent.role,) + _ALSO.get(intent.role, ())
    if what != "step":
        return _ROLES_OF[what]
    direction = value.split(" ")[0]
    if direction in {"warmer", "colder"}:
        return "target-temperature", "colour-temperature"
    role = direction[1:]
    return (role,) + _ALSO.get(role, ()) if role else _ROLES_OF["step"]


def _role_for(device: Device, intent: Intent, what: str, value: Any) -> str:
    """The role of the device that a value is for, or ""."""
    for role in _roles_for(intent, what, value):
        if device.can_set(role) and (what != "mode" or _has_name(device.roles[role], value)):
            return role
    return ""


def _has_name(entry: dict, wanted: str) -> bool:
    return bool(_found_name(entry, wanted))


def _found_name(entry: dict, wanted: str) -> str:
    """The name in the role's list that is meant: the first that it has of `one/other/another`."""
    for name in wanted.split("/"):
        found = values.find_names(_choices(entry), name)
        if found:
            return found[0]
    return ""


def _choices(entry: dict) -> list:
    """The names that the role's value may have."""
    choices = entry.get("a") or entry.get("map")
    if not isinstance(choices, dict):
        return []
    return list(choices) if "a" in entry else [v for v in choices.values() if isinstance(v, str)]


async def _target(device: Device, role: str, what: str, value: Any) -> Any:
    """The value that a role is to have."""
    entry = device.roles[role]
    if what == "step":
        return await _stepped(device, role, entry, value)
    if what == "mode":
        return _found_name(entry, value)
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
    """Half a step beyond the range is rounded; more is refused, not done differently."""
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


def _asked(device: Device, intent: Intent) -> list:
    """The roles that a question is about."""
    if intent.role:
        roles = (intent.role,) + _ALSO.get(intent.role, ())
    elif intent.asked in {"on", "off"}:
        roles = ("on", "current-position", "position")
    elif intent.asked in {"open", "close"}:
        roles = _OPENED
    else:
        main = [role for role in _MAIN if device.can_read(role)]
        others = [role for role in device.roles if role not in _MAIN and device.can_read(role)]
        return (main + others)[:_MAX_TOLD]
    return [role for role in roles if device.can_read(role)][:1]


async def _ask(device: Device, intent: Intent) -> list:
    roles = _asked(device, intent)
    if not roles:
        raise RefusedError("no " + (intent.role or intent.asked or "state"))
    state = await device.read(roles)
    return [(role, state[role]) for role in roles if role in state]
