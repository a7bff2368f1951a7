"""Describe devices that speak miIO, but not MIoT: small TOML or JSON files, some of them shipped.

The format is documented in host_tools/docs/home.md. The shipped files in ``devices/`` hold facts of
public protocol descriptions; each names its source.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mynah.home.description import Description, DescriptionError, Entry
from mynah.home.vocabulary import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FOLDER = Path(__file__).with_name("devices")
_TOP = {"type", "source", "models", "names_per_call", "roles", "device"}
_DEVICE = {"models", "roles", "allowed", "names_per_call"}
_ROLE = {"get", "set", "map", "allowed", "arguments"}


def shipped(model: str) -> Description | None:
    """The description of a model that Mynah knows, or None."""
    return _shipped().get(model)


def models() -> list[str]:
    """Every model that Mynah has a description of, sorted."""
    return sorted(_shipped())


def read(path: Path, model: str = "") -> Description:
    """The description in a file of the user's; where it has several devices, that of ``model``.

    Raises:
        DescriptionError: it cannot be read, breaks a rule, or does not have the model.
    """
    try:
        text = path.read_text(encoding="utf-8")
        table = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise DescriptionError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise DescriptionError(f"{path.name}: {error}") from None
    return choose(table, model, path.name)


def choose(table: Any, model: str, where: str) -> Description:
    """The description for ``model`` in what a file holds; ``where`` names it in errors.

    Raises:
        DescriptionError: it breaks a rule, or has several devices and none is that model.
    """
    try:
        found = list(parse(table))
    except DescriptionError as error:
        raise DescriptionError(f"{where}: {error}") from None
    for names, description in found:
        if model in names:
            return description
    if len(found) == 1:
        return found[0][1]
    known = ", ".join(name for names, _ in found for name in names)
    raise DescriptionError(f"{where}: no model {model!r}; there are: {known}")


def parse(table: Any) -> Iterable[tuple[tuple[str, ...], Description]]:
    """Every device of a file: its models and its description.

    Raises:
        DescriptionError: the file breaks a rule.
    """
    _check_keys(table, _TOP, "the file")
    kind = table.get("type")
    if kind not in TYPES:
        raise DescriptionError(f"type must be one of {', '.join(TYPES)}")
    shared = {role: _entry(role, item) for role, item in _table(table, "roles").items()}
    if not shared:
        raise DescriptionError("[roles.NAME] is missing")
    for device in table.get("device", [{"models": table.get("models", [])}]):
        _check_keys(device, _DEVICE, "[[device]]")
        roles = {role: dict(shared[_known(role, shared)]) for role in device.get("roles", shared)}
        for role, allowed in _table(device, "allowed").items():
            _check_allowed(allowed, f"[[device]] allowed.{role}")
            roles[_known(role, roles)]["a"] = allowed
        per_call = device.get("names_per_call", table.get("names_per_call"))
        if per_call is not None and (type(per_call) is not int or per_call < 1):
            raise DescriptionError("names_per_call must be a number from 1")
        yield tuple(device.get("models", ())), Description(kind, roles, per_call)


def _entry(role: str, item: Any) -> Entry:
    where = f"roles.{role}"
    _check_keys(item, _ROLE, where)
    getter, setter = item.get("get"), item.get("set")
    if not (getter or setter):
        raise DescriptionError(f"{where}: get or set is missing")
    if getter is not None and not isinstance(getter, str):
        raise DescriptionError(f"{where}.get must be the name of a property")
    if not (setter is None or isinstance(setter, str) or _is_pair(setter)):
        raise DescriptionError(f"{where}.set must be a method, or two: [off, on]")
    entry: Entry = {}
    for key, short in (
        ("get", "get"),
        ("set", "set"),
        ("map", "map"),
        ("allowed", "a"),
        ("arguments", "args"),
    ):
        if key in item:
            entry[short] = item[key]
    _check_allowed(entry.get("a"), where)
    return entry


def _check_allowed(allowed: Any, where: str) -> None:
    numbers = isinstance(allowed, list) and [type(each) in {int, float} for each in allowed]
    if not (allowed is None or isinstance(allowed, dict) or numbers == [True] * 3):
        raise DescriptionError(f"{where}.allowed must be [low, high, step], or names and values")


def _is_pair(setter: Any) -> bool:
    return (
        isinstance(setter, list)
        and len(setter) == 2
        and all(isinstance(each, str) for each in setter)
    )


def _known(role: str, roles: Mapping[str, Entry]) -> str:
    if role not in roles:
        raise DescriptionError(f"[[device]] names the role {role!r}, which [roles] does not have")
    return role


def _table(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise DescriptionError(f"{key} must be a table")
    return value


def _check_keys(table: Any, known: set[str], where: str) -> None:
    if not isinstance(table, dict):
        raise DescriptionError(f"{where} must be a table")
    unknown = set(table) - known
    if unknown:
        raise DescriptionError(f"{where} has no key {min(unknown)!r}")


@cache
def _shipped() -> dict[str, Description]:
    found: dict[str, Description] = {}
    for path in sorted(_FOLDER.glob("*.toml")):
        for names, description in parse(tomllib.loads(path.read_text(encoding="utf-8"))):
            found.update(dict.fromkeys(names, description))
    return found
