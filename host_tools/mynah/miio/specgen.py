"""Generate the firmware's tables of properties, actions and events from its MIoT spec v2 instance.

``python -m mynah.miio.specgen`` writes ``firmware/speaker/miot/spec_table.py`` and the page
``host_tools/docs/miot.md`` anew; a test keeps them in step with the spec file.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mynah.errors import UsageError
from mynah.miio import specdoc
from mynah.paths import FIRMWARE_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator
_SPEC = FIRMWARE_DIR / "spec" / "mynah-speaker.json"
TABLE = FIRMWARE_DIR / "speaker" / "miot" / "spec_table.py"
PAGE = FIRMWARE_DIR.parent / "host_tools" / "docs" / "miot.md"

_INTEGERS = {
    "uint8": (0, 2**8 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
}
_ACCESS = {"read": 1, "write": 2, "notify": 4}

_HEADER = '''"""What the speaker can do and tell, as MIoT properties, actions and events.

Generated from firmware/spec/mynah-speaker.json by mynah.miio.specgen: do not edit.
Read by rows.py.
"""

# siid.piid name format access allowed
#   access: 1 read, 2 write, 4 notify, or their sum
#   allowed: lowest:highest:step, values with commas between, or -
'''


class SpecError(UsageError):
    """The instance JSON breaks MIoT spec v2, or uses something that the table cannot carry."""


def name_of(urn: str) -> str:
    """``volume`` of ``urn:miot-spec-v2:property:volume:00000013:...``.

    Raises:
        SpecError: it is not such a URN.
    """
    fields = urn.split(":")
    if len(fields) < 5 or fields[0] != "urn":
        raise SpecError(f"not a MIoT URN: {urn!r}")
    return fields[3]


def properties(spec: dict[str, Any]) -> Iterator[tuple[int, int, str, str, int, Any]]:
    """Every property as ``(siid, piid, "service.property", format, access bits, allowed)``.

    Raises:
        SpecError: a format that is neither bool, string nor a whole number up to 32 bits, an
            unknown access, or a range outside its format.
    """
    for service in spec["services"]:
        for entry in service.get("properties", []):
            name = f"{name_of(service['type'])}.{name_of(entry['type'])}"
            unknown = set(entry["access"]) - set(_ACCESS)
            if unknown:
                raise SpecError(f"{name}: unknown access {sorted(unknown)}")
            access = sum(_ACCESS[word] for word in entry["access"])
            yield service["iid"], entry["iid"], name, entry["format"], access, _allowed(name, entry)


def actions(spec: dict[str, Any]) -> Iterator[tuple[int, int, str, tuple[int, ...]]]:
    """Every action as ``(siid, aiid, "service.action", piids of its arguments)``."""
    for service in spec["services"]:
        for entry in service.get("actions", []):
            name = f"{name_of(service['type'])}.{name_of(entry['type'])}"
            yield service["iid"], entry["iid"], name, tuple(entry["in"])


def events(spec: dict[str, Any]) -> Iterator[tuple[int, int, str, tuple[int, ...]]]:
    """Every event as ``(siid, eiid, "service.event", piids of what comes with it)``."""
    for service in spec["services"]:
        for entry in service.get("events", []):
            name = f"{name_of(service['type'])}.{name_of(entry['type'])}"
            yield service["iid"], entry["iid"], name, tuple(entry["arguments"])


def _allowed(name: str, entry: dict[str, Any]) -> tuple[int, ...] | list[int] | None:
    kind = entry["format"]
    if kind in {"bool", "string"}:
        return None
    if kind not in _INTEGERS:
        raise SpecError(f"{name}: format {kind!r} is not supported")
    lowest, highest = _INTEGERS[kind]
    if "value-list" in entry:
        values = [int(choice["value"]) for choice in entry["value-list"]]
        if not all(lowest <= value <= highest for value in values):
            raise SpecError(f"{name}: a value does not fit {kind}")
        return values
    low, high, step = entry.get("value-range", (lowest, highest, 1))
    if not lowest <= low <= high <= highest or step < 1:
        raise SpecError(f"{name}: range {low}..{high} step {step} does not fit {kind}")
    return (low, high, step)


def table(spec: dict[str, Any]) -> str:
    """The source of the firmware's ``spec_table.py``.

    Raises:
        SpecError: see `properties`; or two properties, actions or events share a name or a number.
    """
    lines = [_HEADER + 'PROPERTIES = b"""']
    seen: set[object] = set()
    for siid, piid, name, kind, access, allowed in properties(spec):
        _once(seen, ("property", siid, piid), name)
        lines.append(f"{siid}.{piid} {name} {kind} {access} {_allowed_as_text(allowed)}")
    lines += ['"""', "", "# siid.aiid name, piids of the arguments", 'ACTIONS = b"""']
    for siid, aiid, name, arguments in actions(spec):
        _once(seen, ("action", siid, aiid), name)
        lines.append(" ".join(map(str, (f"{siid}.{aiid}", name, *arguments))))
    lines += ['"""', "", "# name siid eiid, piids of what comes with it", 'EVENTS = b"""']
    for siid, eiid, name, arguments in events(spec):
        _once(seen, ("event", siid, eiid), name)
        lines.append(" ".join(map(str, (name, siid, eiid, *arguments))))
    return "\n".join([*lines, '"""']) + "\n"


def _allowed_as_text(allowed: tuple[int, ...] | list[int] | None) -> str:
    if allowed is None:
        return "-"
    return (":" if isinstance(allowed, tuple) else ",").join(map(str, allowed))


def _once(seen: set[object], number: object, name: str) -> None:
    if number in seen or name in seen:
        raise SpecError(f"{name}: its name or number is used twice")
    seen.update((number, name))


def generate() -> None:
    """Write table and page for the spec file."""
    spec = json.loads(_SPEC.read_text("utf-8"))
    TABLE.write_text(table(spec), "utf-8")
    PAGE.write_text(specdoc.page(spec), "utf-8")


if __name__ == "__main__":
    generate()
