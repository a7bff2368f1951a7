"""The bench file: which boards are on the desk, and what is wired to each of them.

A TOML file with one ``[[board]]`` table a board; ``docs/hil.md`` explains every key::

    [[board]]
    name = "kitchen"                      # what tests and reports call it
    type = "bread-compact"                # a board file: a name, or a path that ends in .toml
    port = "/dev/ttyUSB0"                 # or "rfc2217://host:4000", or "virtual"
    # serial_number = "5678901234"        # of its USB, instead of port: survives a re-plug
    power = { kind = "uhubctl", location = "1-1.4", port = 2 }
    audio = { kind = "soundcard", output = "USB Audio", input = "USB Audio" }
    buttons = { mute = { kind = "relay", port = "/dev/ttyUSB9", channel = 2 } }
    led = { kind = "command", read = "./colour-sensor 3" }   # prints #rrggbb, a line an LED
    second_radio = { kind = "nmcli", interface = "wlan1" }
    notes = "left desk, blue hub"
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mynah.errors import BenchFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mynah.hil.lending import Lender

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VIRTUAL = "virtual"
"""The ``port`` of a board that is started when the tests start."""
FAST = "virtual-fast"
"""The ``port`` of one whose time jumps while it waits."""
STARTED = frozenset({VIRTUAL, FAST})

_BAUD = 115200

# What each kind of equipment is told: key to type, those that may be left out in the second table.
_Keys = dict[str, type]
_RELAY: tuple[_Keys, _Keys] = ({"port": str}, {"channel": int, "contact": str})
_COMMAND: tuple[_Keys, _Keys] = ({"on": str, "off": str}, {})
_NONE: tuple[_Keys, _Keys] = ({}, {})
_KINDS: dict[str, dict[str, tuple[_Keys, _Keys]]] = {
    "power": {
        "none": _NONE,
        "uhubctl": ({"location": str, "port": int}, {}),
        "relay": _RELAY,
        "command": _COMMAND,
    },
    "audio": {
        "none": _NONE,
        "feed": _NONE,
        "soundcard": ({}, {"output": str, "input": str, "rate": int}),
    },
    "led": {"none": _NONE, "command": ({"read": str}, {})},
    "second_radio": {"none": _NONE, "nmcli": ({"interface": str}, {})},
    "buttons": {"relay": _RELAY, "command": _COMMAND},
}
_PLAIN: _Keys = {
    "name": str,
    "type": str,
    "port": str,
    "serial_number": str,
    "baud": int,
    "address": str,
    "features": list,
    "firmware": str,
    "ready": str,
    "notes": str,
}


@dataclass(frozen=True, slots=True)
class Equipment:
    """Something that is wired to a board: what ``kind``, and that kind's own settings."""

    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BenchBoard:
    """One board of the bench."""

    name: str
    """What tests, logs and reports call it."""
    type: str | None = None
    """Its board file: a name or a path; None where nobody said what it is."""
    port: str | None = None
    """Device path, ``rfc2217://host:port``, or "virtual"; None: found by ``serial_number``."""
    serial_number: str | None = None
    """Of its USB, as ``mynah ports`` shows it."""
    baud: int = _BAUD
    """Of its console."""
    power: Equipment | None = None
    """What switches its supply: "uhubctl", "relay" or "command"."""
    audio: Equipment | None = None
    """How sound gets in and out: "feed" (over its console) or "soundcard"."""
    buttons: Mapping[str, Equipment] = field(default_factory=dict)
    """What presses a button, by its name in the board file."""
    led: Equipment | None = None
    """What sees its LEDs: "command"."""
    second_radio: Equipment | None = None
    """What opens Wi-Fi networks for it: "nmcli"."""
    address: str | None = None
    """Its IPv4 address, where it is fixed."""
    features: tuple[str, ...] = ()
    """What it has beside what its board file says."""
    notes: str = ""
    firmware: str | None = None
    """What runs on it, as ``--firmware`` has it; None: what the project's settings say."""
    ready: str | None = None
    """The line by which that firmware tells that it is ready, as ``--board-ready`` has it."""
    lender: Lender | None = None
    """Who lends it, where it is one of a farm: its port is known while it is lent."""

    @property
    def is_virtual(self) -> bool:
        """Whether it is a virtual board that the tests start themselves."""
        return self.port in STARTED

    @property
    def is_fast(self) -> bool:
        """Whether time jumps while that board waits (`mynah.virtual.clock`)."""
        return self.port == FAST


def load(path: Path) -> list[BenchBoard]:
    """The boards of a bench file, in its order.

    Raises:
        BenchFileError: there is no such file, or it breaks a rule; the message says which.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return parse(table)
    except OSError as error:
        raise BenchFileError(f"bench file {path}: {error.strerror}") from None
    except (ValueError, BenchFileError) as error:  # ValueError: not TOML, or not UTF-8
        raise BenchFileError(f"{path.name}: {error}") from None


def parse(table: Mapping[str, Any]) -> list[BenchBoard]:
    """The boards of a bench file's content; raises as `load`."""
    rows = table.get("board")
    if set(table) - {"board"} or not isinstance(rows, list) or not rows:
        raise BenchFileError("it must hold [[board]] tables, and nothing else")
    found = [_board(row, index) for index, row in enumerate(rows, 1)]
    for what in ("name", "port", "serial_number"):
        values = [getattr(board, what) for board in found]
        twice = {v for v in values if values.count(v) > 1} - {None, *STARTED}
        if twice:
            raise BenchFileError(f"two boards have the {what} {min(twice)!r}")
    return found


def _board(row: Mapping[str, Any], index: int) -> BenchBoard:
    where = f"board {row.get('name', index)}"
    values: dict[str, Any] = {}
    for key, value in row.items():
        if key in _PLAIN:
            _check_type(value, _PLAIN[key], f"{where}: {key}")
            values[key] = value
        elif key == "buttons":
            _check_type(value, dict, f"{where}: {key}")
            values[key] = {
                name: _equipment(press, "buttons", f"{where}: buttons.{name}")
                for name, press in value.items()
            }
        elif key in _KINDS:
            values[key] = _equipment(value, key, f"{where}: {key}")
        else:
            raise BenchFileError(f"{where}: unknown key {key}")
    if not values.get("name"):
        raise BenchFileError(f"{where}: name is missing")
    if ("port" in values) == ("serial_number" in values):
        raise BenchFileError(f"{where}: give its port or its serial_number")
    features = values.get("features", [])
    if not all(isinstance(feature, str) for feature in features):
        raise BenchFileError(f"{where}: features must be a list of strings")
    values["features"] = tuple(features)
    return BenchBoard(**values)


def _equipment(value: Any, what: str, where: str) -> Equipment:
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise BenchFileError(f'{where} must be a table with a kind, as {{ kind = "..." }}')
    settings = dict(value)
    kind = settings.pop("kind")
    if kind not in _KINDS[what]:
        known = ", ".join(sorted(_KINDS[what]))
        raise BenchFileError(f"{where}: kind {kind!r} is none of {known}")
    required, optional = _KINDS[what][kind]
    for key in required:
        if key not in settings:
            raise BenchFileError(f"{where}: {kind} needs {key}")
    for key, setting in settings.items():
        if key not in required and key not in optional:
            raise BenchFileError(f"{where}: {kind} takes no {key}")
        _check_type(setting, (required | optional)[key], f"{where}.{key}")
    return Equipment(kind, settings)


def _check_type(value: Any, wanted: type, where: str) -> None:
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise BenchFileError(f"{where} must be a {wanted.__name__}")
