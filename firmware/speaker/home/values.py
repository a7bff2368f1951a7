"""A device's own numbers and words, and what people say: percent, kelvin, degrees, names.

Everything comes from the entry of the role in the device's record. What people say:
  on, locked, contact, motion ...   True or False
  brightness, position, fan-level   percent where the device has a range, a level's name else
  colour-temperature                kelvin
  colour                            0xRRGGBB
  target-temperature, temperature   degrees Celsius
  mode                              a name of the device's list
"""

from micropython import const

from speaker.util.hints import Any

# Roles whose range stands for 0..100 %.
PERCENT = ("brightness", "position", "current-position", "fan-level", "fan-speed")
_KELVIN = ("colour-temperature",)

# A colour temperature's range tells its unit: kelvin are thousands, mired hundreds, and what is
# left is a percentage from warm to cold (as python-miio's philips lamps have it).
_LEAST_KELVIN = const(1000)
_LEAST_MIRED = const(100)
_MIRED = const(1_000_000)
_WARMEST_K = const(2700)
_COLDEST_K = const(6500)
# A fan's range with so few steps is one of levels, not of percent.
MOST_LEVELS = const(12)

_ON_WORDS = ("on", "true", "yes", "open", "1")
_OFF_WORDS = ("off", "false", "no", "close", "closed", "0")


def to_device(role: str, entry: dict, value: Any) -> Any:
    """`value` as the device takes it; ValueError when it has no such value."""
    words = entry.get("map")
    if words:
        return _word_for(words, value)
    allowed = entry.get("a")
    if isinstance(allowed, dict):
        return allowed[_name_of(allowed, value)]
    if entry.get("f") == "bool" and not isinstance(value, bool):
        raise ValueError("on or off is wanted")
    if isinstance(value, bool):
        return value if entry.get("f", "bool") in {"bool", "string"} else int(value)
    if isinstance(value, str) or allowed is None:
        if isinstance(value, str) and entry.get("f", "string") != "string":
            raise ValueError("a number is wanted")
        return value
    low, high, step = allowed
    if role in PERCENT and not is_levels(role, entry):
        value = value * high / 100
    elif role in _KELVIN:
        value = _from_kelvin(value, low, high)
    return _snapped(value, low, high, step)


def from_device(role: str, entry: dict, raw: Any) -> Any:
    """What the device says, as people say it. Never fails: what is unknown stays as it is."""
    words = entry.get("map")
    if words:
        return words.get(_as_word(raw), raw)
    allowed = entry.get("a")
    if isinstance(allowed, dict):
        return next((name for name, number in allowed.items() if number == raw), raw)
    if isinstance(raw, str) and isinstance(allowed, list):
        raw = _number(raw)  # yeelight's lamps say "50"
    if not isinstance(raw, (int, float)) or isinstance(raw, bool):
        return raw
    if role == "on":
        return bool(raw)
    if allowed is None:
        return raw
    low, high, _ = allowed
    if role in PERCENT and not is_levels(role, entry):
        return max(0, min(100, int(raw * 100 / high + 0.5))) if high > 0 else raw
    if role in _KELVIN:
        return _to_kelvin(raw, low, high)
    return raw


def is_levels(role: str, entry: dict) -> bool:
    """Whether the role has a few steps rather than a percentage."""
    allowed = entry.get("a")
    if role != "fan-level" or allowed is None:
        return False
    return isinstance(allowed, dict) or allowed[1] <= MOST_LEVELS


def limits(role: str, entry: dict) -> tuple:
    """`(lowest, highest)` of a number as people say it, or ()."""
    allowed = entry.get("a")
    if not isinstance(allowed, list):
        return ()
    if role in PERCENT and not is_levels(role, entry):
        return (0, 100)
    ends = [from_device(role, entry, end) for end in allowed[:2]]
    return (min(ends), max(ends))


def _snapped(value: float, low: float, high: float, step: float) -> Any:
    """The nearest value of the range."""
    value = max(low, min(high, value))
    snapped = min(low + int((value - low) / step + 0.5) * step, high)
    whole = all(isinstance(number, int) for number in (low, high, step))
    # 16 + 3 * 0.1 is 16.299999: what is sent has as many digits as the steps have.
    return int(snapped) if whole else round(snapped, 3)


def _from_kelvin(kelvin: float, low: float, high: float) -> float:
    if high >= _LEAST_KELVIN:
        return kelvin
    if low >= _LEAST_MIRED:
        return _MIRED / max(kelvin, 1)
    return low + (kelvin - _WARMEST_K) * (high - low) / (_COLDEST_K - _WARMEST_K)


def _to_kelvin(raw: float, low: float, high: float) -> int:
    if high >= _LEAST_KELVIN:
        return int(raw)
    if low >= _LEAST_MIRED:
        return int(_MIRED / max(raw, 1) + 0.5)
    share = (raw - low) / (high - low) if high > low else 0
    return int(_WARMEST_K + share * (_COLDEST_K - _WARMEST_K) + 0.5)


def _word_for(words: dict, value: Any) -> Any:
    """The device's word that means `value`."""
    for word, meaning in words.items():
        if meaning == value and isinstance(meaning, bool) == isinstance(value, bool):
            return _as_value(word)
    raise ValueError("not one of %s" % ", ".join(sorted([str(w) for w in words.values()])))


def _as_word(raw: Any) -> str:
    """A device's value as the key that stands for it in the record: JSON keys are texts."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw)


def _as_value(word: str) -> Any:
    return word == "true" if word in {"true", "false"} else _number(word)


def _number(word: str) -> Any:
    """The number that a text is, or the text."""
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            pass
    return word


def _name_of(allowed: dict, value: Any) -> str:
    """The name in a device's list that is meant by a name, a truth or a number (a level)."""
    names = list(allowed)
    if isinstance(value, bool):
        wanted = _ON_WORDS if value else _OFF_WORDS
        found = [name for name in names if name.lower() in wanted]
    elif isinstance(value, str):
        found = find_names(names, value)
    else:
        number = str(int(value))
        found = [name for name in names if _digits(name) == number]
        found = found or [name for name in names if allowed[name] == value]
    if not found:
        raise ValueError("not one of %s" % ", ".join(sorted(names)))
    return found[0]


def find_names(names: list, wanted: str) -> list:
    """The names that are `wanted`, or else those that have it as their beginning."""
    wanted = plain(wanted)
    exact = [name for name in names if plain(name) == wanted]
    return exact or sorted([name for name in names if plain(name).startswith(wanted)])


def plain(name: str) -> str:
    """A name as names are compared: in lower case, without spaces, hyphens, underscores."""
    return "".join([c for c in name.lower() if c not in " -_"])


def _digits(name: str) -> str:
    return "".join([c for c in name if "0" <= c <= "9"])
