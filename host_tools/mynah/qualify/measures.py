"""What a scorecard tells, and how values are judged: `measures.toml` as data."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from mynah.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GOOD, WEAK, BAD, TOLD, OPEN = "good", "weak", "bad", "told", "not measured"
"""How a value is judged: ``TOLD`` has no limits, ``OPEN`` has no value."""

MORE, LESS = "more", "less"

SECTIONS: Mapping[str, str] = {
    "boot": "Boot",
    "flash": "Flash",
    "memory": "Memory",
    "speaker": "Loudspeaker",
    "microphone": "Microphone",
    "wake": "Wake word",
    "wifi": "Wi-Fi",
    "controls": "Light and buttons",
    "power": "Power",
    "price": "Price",
}
"""The sections that the package's own suite fills, in the card's order, and their titles."""

NOT_REACHED = "the suite ended before it"


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing to measure. ``weak`` and ``bad`` are the last values that are good, and not bad."""

    name: str
    """``section.what``."""
    title: str
    unit: str = ""
    digits: int = 1
    """After the point, where it is shown."""
    better: str = ""
    """`MORE` or `LESS`; empty: neither."""
    weak: float | None = None
    bad: float | None = None
    differs: float | None = None
    """By how much two runs may differ and be the same; None: by a tenth, or by the last digit."""
    why: str = ""
    """Where the limits come from."""
    unmeasured: str = ""
    """Why nothing of the package measures it."""

    @property
    def section(self) -> str:
        """What stands before the point of its name."""
        return self.name.partition(".")[0]

    def judge(self, value: float | str) -> str:
        """`GOOD`, `WEAK`, `BAD`, or `TOLD` where there is no limit."""
        if isinstance(value, str) or not self.better or (self.weak is None and self.bad is None):
            return TOLD
        sign = 1 if self.better == LESS else -1
        if self.bad is not None and sign * value > sign * self.bad:
            return BAD
        if self.weak is not None and sign * value > sign * self.weak:
            return WEAK
        return GOOD

    def is_same(self, a: float, b: float) -> bool:
        """Whether two values are what two runs on one board may give."""
        usual = max(10.0**-self.digits, 0.1 * max(abs(a), abs(b)))
        return abs(a - b) <= (usual if self.differs is None else self.differs) * (1 + 1e-9)

    def show(self, value: float | str | None) -> str:
        """The value as people read it, with its unit."""
        if value is None:
            return "-"
        text = value if isinstance(value, str) else f"{value:,.{self.digits}f}"
        return f"{text} {self.unit}".rstrip()

    def limits(self) -> list[str]:
        """The limits in words: from where on it is good, and not good enough."""
        if not self.better:
            return []
        is_less = self.better == LESS
        parts = []
        if self.weak is not None:
            parts.append(f"good {'to' if is_less else 'from'} {self.weak:g} {self.unit}")
        if self.bad is not None and self.bad != self.weak:
            parts.append(f"bad {'above' if is_less else 'below'} {self.bad:g} {self.unit}")
        return [part.rstrip() for part in parts]


@cache
def catalogue() -> Mapping[str, Measure]:
    """Every measure of the package by name, in the order of the card."""
    text = resources.files(__package__).joinpath("measures.toml").read_text(encoding="utf-8")
    return {row["name"]: Measure(**row) for row in tomllib.loads(text)["measure"]}


def with_limits(path: Path) -> Mapping[str, Measure]:
    """The catalogue with the limits of a user's own file, which is written as the package's.

    Its rows need a ``name``; what else they say replaces what the package says, and measures that
    the package does not know are added.

    Raises:
        UsageError: there is no such file, or it breaks a rule.
    """
    found = dict(catalogue())
    try:
        for row in _rows(tomllib.loads(path.read_text(encoding="utf-8"))):
            name = row["name"]
            found[name] = replace(found.get(name) or plain(name), **row)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (ValueError, UsageError) as error:  # ValueError: not TOML, or not UTF-8
        raise UsageError(f"{path.name}: {error}") from None
    return found


def _rows(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = table.get("measure")
    if set(table) != {"measure"} or not isinstance(rows, list):
        raise UsageError("it must hold [[measure]] tables, and nothing else")
    for row in rows:
        _check(row)
    return rows


def _check(row: Any) -> None:
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        raise UsageError("every [[measure]] needs a name")
    known = {item.name: item for item in fields(Measure)}
    for key, value in row.items():
        if key not in known:
            raise UsageError(f"{row['name']}: unknown key {key}")
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if is_number == (known[key].type == "str"):
            raise UsageError(f"{row['name']}: {key} cannot be {value!r}")
    if row.get("better", LESS) not in {MORE, LESS, ""}:
        raise UsageError(f'{row["name"]}: better is "more" or "less"')


def plain(name: str, unit: str = "") -> Measure:
    """A measure that is only told."""
    title = name.rpartition(".")[2].replace("_", " ")
    return Measure(name, title[:1].upper() + title[1:], unit, digits=2)
