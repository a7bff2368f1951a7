"""Read board files and refuse those that break a rule."""

from __future__ import annotations

import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mynah.boards.model import Amplifier, Board, Led, Microphone, Part, Psram, Wire
from mynah.boards.pins import check_pins
from mynah.boards.wiring import check_wiring
from mynah.errors import BoardFileError
from mynah.paths import BOARDS_DIR

if TYPE_CHECKING:
    from collections.abc import Mapping

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_Section = TypeVar("_Section", Microphone, Amplifier, Led, Psram, Part, Wire)

_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "int | None": (int,),
    "float": (int, float),
}
_CHOICES = {
    "chip": {"esp32s3"},
    "psram.kind": {"quad", "octal"},
    "led.kind": {"ws2812", "apa102", "none"},
    "usb": {"uart", "native"},
}
_SECTIONS = {"microphone": Microphone, "amplifier": Amplifier, "psram": Psram, "led": Led}
_LISTS = ("usb", "features", "notes", "sources")
_PIN_TABLES = ("buttons", "taken")


def names() -> list[str]:
    """The names of the boards that Mynah knows, sorted."""
    return sorted(path.stem for path in BOARDS_DIR.glob("*.toml"))


def load(name_or_path: str | Path) -> Board:
    """The board with this name, or the one that this TOML file describes.

    Raises:
        BoardFileError: there is none, or it breaks a rule; the message holds every reason.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = BOARDS_DIR / f"{name_or_path}.toml"
        if path.stem not in names():
            known = ", ".join(names())
            raise BoardFileError(f"no board {str(name_or_path)!r}; there are: {known}")
    try:
        board = _board(tomllib.loads(path.read_text(encoding="utf-8")))
        _refuse_bad_pins(board)
    except OSError as error:
        raise BoardFileError(f"{path}: {error.strerror}") from None
    except (ValueError, BoardFileError) as error:  # ValueError: not TOML, or not UTF-8
        raise BoardFileError(f"{path.name}: {error}") from None
    return board


def _refuse_bad_pins(board: Board) -> None:
    errors = [finding.text for finding in check_pins(board) if finding.error]
    if errors:
        raise BoardFileError("; ".join(errors))


def _board(table: dict[str, Any]) -> Board:
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in _SECTIONS:
            values[key] = _section(_SECTIONS[key], value, key)
        elif key in _LISTS:
            values[key] = _strings(value, key)
        elif key in _PIN_TABLES:
            values[key] = _pin_table(value, key)
        elif key == "parts":
            values[key] = _tables(Part, value, key)
        else:
            values[key] = value
    _check_fields(Board, values, "")
    _check_choices(values)
    for part in (values["microphone"], values["amplifier"]):
        check_wiring(part)
    return Board(**values)


def _section(kind: type[_Section], value: Any, where: str) -> _Section:
    if not isinstance(value, dict):
        raise BoardFileError(f"[{where}] must be a table")
    if "wiring" in value:
        value = value | {"wiring": _tables(Wire, value["wiring"], f"{where}.wiring")}
    _check_fields(kind, value, f"{where}.")
    return kind(**value)


def _tables(kind: type[_Section], value: Any, where: str) -> tuple[_Section, ...]:
    if not isinstance(value, list):
        raise BoardFileError(f"{where} must be a list of tables, as [[{where}]]")
    return tuple(_section(kind, table, where) for table in value)


def _strings(value: Any, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BoardFileError(f"{key} must be a list of strings")
    unknown = set(value) - _CHOICES.get(key, set(value))
    if unknown:
        raise BoardFileError(f"{key} cannot be {', '.join(sorted(unknown))}")
    return tuple(value)


def _pin_table(value: Any, key: str) -> dict[str, int]:
    if not isinstance(value, dict) or not all(type(pin) is int for pin in value.values()):
        raise BoardFileError(f"[{key}] must map names to GPIO numbers")
    return value


def _check_fields(kind: type, values: Mapping[str, Any], prefix: str) -> None:
    """Every required field is there, of the right type, and nothing else is."""
    known = {field.name: field for field in fields(kind)}
    unknown = set(values) - set(known)
    if unknown:
        raise BoardFileError(f"unknown key {prefix}{min(unknown)}")
    for name, field in known.items():
        if name not in values:
            if field.default is MISSING and field.default_factory is MISSING:
                raise BoardFileError(f"{prefix}{name} is missing")
            continue
        types = _TYPES.get(str(field.type))
        value = values[name]
        if types and (not isinstance(value, types) or isinstance(value, bool)):
            raise BoardFileError(f"{prefix}{name} must be a {types[0].__name__}")


def _check_choices(values: Mapping[str, Any]) -> None:
    psram, led = values.get("psram"), values.get("led", Led())
    chosen = {"chip": values["chip"], "led.kind": led.kind}
    if psram:
        chosen["psram.kind"] = psram.kind
    for key, value in chosen.items():
        if value not in _CHOICES[key]:
            raise BoardFileError(f"{key} must be one of {', '.join(sorted(_CHOICES[key]))}")
    if values["flash_mb"] not in {4, 8, 16, 32}:
        raise BoardFileError("flash_mb must be 4, 8, 16 or 32")
    if led.kind != "none" and (led.pin is None or led.count < 1):
        raise BoardFileError("led needs a pin and a count")
    if (led.kind == "apa102") != (led.clock is not None):
        raise BoardFileError("led.clock goes with apa102, and only with it")
