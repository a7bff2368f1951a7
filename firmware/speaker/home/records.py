"""Device records from the network, checked: what a device is, where, and how its roles are reached.

A record is what the host compiled from the device's MIoT spec (or wrote by hand for an old miIO
device); the firmware knows no model by name.
"""

import binascii
import json

from micropython import const

from speaker.util.hints import Any

TYPES = (
    "lamp",
    "plug",
    "fan",
    "air-conditioner",
    "thermostat",
    "curtain",
    "sensor",
    "lock",
)
MIIO_PORT = const(54321)

_FORMATS = (
    "bool",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int8",
    "int16",
    "int32",
    "int64",
    "float",
    "string",
)
_MAX_NAME = const(32)  # characters
_MAX_MODEL = const(64)
_MAX_ROLES = const(24)
_MAX_CHOICES = const(32)
# With its state it must fit a reply of the miIO server (home/service.py).
_MAX_TEXT = const(1100)
_MAX_AT_ONCE = const(32)
_FIELDS = ("name", "room", "type", "model", "address", "port", "did", "token", "roles", "n")
_NUMBERS = "0123456789"
_ROLE_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"


def check(record: Any) -> dict:
    """A copy of the record, complete and checked; ValueError says which field is wrong and how."""
    if not isinstance(record, dict):
        raise ValueError("a device record (an object) is wanted")
    for field in record:
        if field not in _FIELDS:
            raise ValueError("unknown field: %s" % _shown(field))
    name = _text(record, "name", _MAX_NAME)
    if not name:
        raise ValueError("name: one is wanted")
    if record.get("type") not in TYPES:
        raise ValueError("type: one of %s is wanted" % ", ".join(TYPES))
    checked = {
        "name": name,
        "room": _text(record, "room", _MAX_NAME),
        "type": record["type"],
        "model": _text(record, "model", _MAX_MODEL),
        "address": check_address(record.get("address")),
        "port": _whole(record, "port", MIIO_PORT, 1, 0xFFFF),
        "did": _whole(record, "did", 0, 0, 0xFFFFFFFE),
        "token": _token(record.get("token")),
        "roles": _roles(record.get("roles")),
    }
    if "n" in record:
        checked["n"] = _whole(record, "n", 1, 1, _MAX_AT_ONCE)
    n = len(json.dumps(checked, separators=(",", ":")).encode())
    if n > _MAX_TEXT:
        raise ValueError("%d bytes of at most %d: leave roles out" % (n, _MAX_TEXT))
    return checked


def check_address(address: Any) -> str:
    """The IPv4 address of one device; ValueError for anything else."""
    parts = address.split(".") if isinstance(address, str) else []
    numbers = [int(part) for part in parts if _is_number(part)]
    if len(parts) != 4 or len(numbers) != 4 or max(numbers) > 255 or not 0 < numbers[0] < 224:
        raise ValueError("address: an IPv4 address is wanted, four numbers with dots between")
    return address


def _is_number(part: str) -> bool:
    return 0 < len(part) <= 3 and all(c in _NUMBERS for c in part)


def _text(record: dict, field: str, longest: int) -> str:
    value = record.get(field, "")
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError("%s: a text of at most %d characters is wanted" % (field, longest))
    for character in value:
        if character < " " or character == "\x7f":
            raise ValueError("%s: it holds a control character" % field)
    return value.strip()


def _whole(record: dict, field: str, default: int, low: int, high: int) -> int:
    value = record.get(field, default)
    if not _is_whole(value) or not low <= value <= high:
        raise ValueError("%s: a whole number from %d to %d is wanted" % (field, low, high))
    return value


def _token(value: Any) -> str:
    try:
        token = binascii.unhexlify(value) if isinstance(value, str) else b""
    except ValueError:
        token = b""
    if len(token) != 16:
        # Never what was given: it may be most of a token.
        raise ValueError("token: 32 hexadecimal digits are wanted")
    return value.lower()


def _roles(value: Any) -> dict:
    if not isinstance(value, dict) or not 0 < len(value) <= _MAX_ROLES:
        raise ValueError("roles: an object of 1 to %d roles is wanted" % _MAX_ROLES)
    for role, entry in value.items():
        if not 0 < len(role) <= _MAX_NAME or not all(c in _ROLE_LETTERS for c in role):
            raise ValueError("roles: %s is no name of a role" % _shown(role))
        fault = _fault(entry)
        if fault:
            raise ValueError("roles: %s: %s" % (role, fault))
    return value


def _fault(entry: Any) -> str:
    """What is wrong with the entry of a role, or nothing."""
    if not isinstance(entry, dict):
        return "an object is wanted"
    if "p" in entry:
        return _property_fault(entry)
    if "x" in entry:
        if len(entry) == 1 and _is_pair(entry["x"]):
            return ""
        return 'an action is {"x":[siid,aiid]}'
    if "get" in entry or "set" in entry:
        return _old_fault(entry)
    return 'one of "p", "x", "get", "set" is wanted'


def _property_fault(entry: dict) -> str:
    for key in entry:
        if key not in {"p", "f", "a", "r", "w", "v"}:
            return "unknown key: %s" % _shown(key)
    if not _is_pair(entry["p"]):
        return '"p" is [siid,piid]'
    if "v" in entry:
        good = len(entry) == 2 and isinstance(entry["v"], (bool, int, float, str))
        return "" if good else 'what "v" does is {"p":[siid,piid],"v":value}'
    if entry.get("w", 0) not in {0, 1} or (entry.get("w") and entry.get("r")):
        return '"w" is 1 for write only'
    if entry.get("f") not in _FORMATS:
        return '"f" is one of %s' % ", ".join(_FORMATS)
    if entry.get("r", 0) not in {0, 1}:
        return '"r" is 1 for read only'
    return _allowed_fault(entry.get("a"))


def _old_fault(entry: dict) -> str:
    for key in entry:
        if key not in {"get", "set", "map", "a", "args"}:
            return "unknown key: %s" % _shown(key)
    setters = entry.get("set", "x")
    if isinstance(setters, list) and (len(setters) != 2 or "map" in entry or "args" in entry):
        return '"set" is a method, or two without parameters: for off and for on'
    for method in setters if isinstance(setters, list) else [setters, entry.get("get", "x")]:
        if not _is_method(method):
            return '"get" and "set" are names of a property and a method'
    if not isinstance(entry.get("args", []), list):
        return '"args" is the list of what follows the value'
    words = entry.get("map")
    if words is not None and not (isinstance(words, dict) and 0 < len(words) <= _MAX_CHOICES):
        return '"map" is an object of 1 to %d words' % _MAX_CHOICES
    for meaning in (words or {}).values():
        if not isinstance(meaning, (bool, int, float, str)):
            return '"map" gives a boolean, a number or a text for each word'
    return _allowed_fault(entry.get("a"), old=True)


def _allowed_fault(allowed: Any, old: bool = False) -> str:
    """What is wrong; an old device's values may be words."""
    if allowed is None:
        return ""
    if isinstance(allowed, dict):
        good = 0 < len(allowed) <= _MAX_CHOICES
        good = good and all(_is_number_(v) or (old and _is_word(v)) for v in allowed.values())
        return "" if good else '"a" names 1 to %d values' % _MAX_CHOICES
    good = isinstance(allowed, list) and len(allowed) == 3
    if not good or not all(_is_number_(v) for v in allowed):
        return '"a" is [low,high,step], an object of named numbers, or null'
    low, high, step = allowed
    return "" if low <= high and step > 0 else '"a": low must not exceed high, step must exceed 0'


def _is_method(name: Any) -> bool:
    return _is_word(name) and '"' not in name


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_NAME


def _is_pair(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    return all(_is_whole(number) and 0 < number < 0x10000 for number in value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number_(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(text: object) -> str:
    return str(text)[:_MAX_NAME]
