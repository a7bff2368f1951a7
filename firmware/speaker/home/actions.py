"""Does what an intent says with one device."""

from speaker.home.device import READ_ONLY, Device, RefusedError
from speaker.home.goals import goal
from speaker.home.meaning import Intent
from speaker.home.roles import also, choices_of, first, is_truth, role_for, roles_for

_OPENED = ("contact", "door", "current-position", "position", "locked", "on")
# What a question without more is about.
_MAIN = ("on", "locked", "contact", "motion", "temperature", "humidity", "current-position")
_MAX_TOLD = 4

# Setting something of these means that they are to be on.
_TURNED_ON = ("lamp", "fan")


def can(device: Device, intent: Intent) -> bool:
    """Whether the device has what the intent is about."""
    if intent.action == "ask":
        return bool(_asked(device, intent))
    if intent.values:
        return all(role_for(device, intent, what, value) for what, value in intent.values)
    return _switch(device, intent)[0] != ""


def able(intent: Intent) -> list:
    """Its devices that can do it, and do it best.

    "The bedroom to 50 percent" means its lamps and not its curtain as well: of the roles that a
    value may be for, the first that any device has counts.
    """
    found = [device for device in intent.devices if can(device, intent)]
    if intent.action == "ask":
        return found
    for what, value in intent.values:
        roles = roles_for(intent, what, value)
        ranks = [roles.index(role_for(device, intent, what, value)) for device in found]
        best = min(ranks) if ranks else 0
        found = [device for device, rank in zip(found, ranks) if rank == best]
    return found


async def carry_out(device: Device, intent: Intent) -> list:
    """`(role, value)` of what is so now.

    Raises RefusedError, ValueError, NoAnswerError or MiioError.
    """
    if intent.action == "ask":
        return await _ask(device, intent)
    if not intent.values:
        return await _do(device, intent)
    wanted = []
    for what, value in intent.values:
        role = role_for(device, intent, what, value)
        if not role:
            raise RefusedError(_why_not(device, intent.role or first(what, value)))
        wanted.append((role, await goal(device, role, what, value)))
    done = list(wanted)
    if device.can_set("on") and (device.type in _TURNED_ON or intent.action == "on"):
        dark = [value for role, value in wanted if role == "brightness" and value == 0]
        wanted = [("on", False)] if dark else [("on", True)] + wanted
        done = wanted if dark else done
    await device.write(wanted)
    return [(role, device.state.get(role, value)) for role, value in done]


def _why_not(device: Device, role: str) -> str:
    if device.can_set(role):  # but not to that
        choices = choices_of(device.roles[role])
        return "only " + ", ".join(sorted(choices)) if choices else "cannot"
    if role in device.roles or device.type in {"lock", "sensor"}:
        return READ_ONLY
    return "no " + role


def _switch(device: Device, intent: Intent) -> tuple:
    """`(how, role, value)` of an action without a value: how is "write", "act" or ""."""
    role, full = intent.action, 100
    if intent.role and device.can_set(intent.role) and role in {"on", "off"}:
        # "turn off the swing of the fan" is not about the fan.
        how = "write" if is_truth(device.roles[intent.role]) else ""
        return how, intent.role, role == "on"
    if role in {"on", "off"}:
        if device.can_set("on"):
            return "write", "on", role == "on"
        role = "open" if role == "on" else "close"
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


async def _do(device: Device, intent: Intent) -> list:
    how, role, value = _switch(device, intent)
    if how == "act":
        await device.act(role)
        return []
    if how == "write":
        await device.write([(role, value)])
        return [(role, value)]
    raise RefusedError(READ_ONLY if device.type in {"lock", "sensor"} else "cannot")


def _asked(device: Device, intent: Intent) -> list:
    """The roles that a question is about."""
    if intent.role:
        roles = also(intent.role)
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
