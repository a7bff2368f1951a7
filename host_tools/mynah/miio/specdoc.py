"""The page about what the speaker offers over MIoT, written from its spec file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mynah.miio import spec as names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mynah.miio.spec import Property, Spec

_START = """# The speaker over MIoT

Written by `python -m mynah.miio.specgen` from
[mynah-speaker.json](../../firmware/spec/mynah-speaker.json): do not edit.

The speaker answers miIO on UDP 54321, and inside it MIoT's calls: `get_properties` and
`set_properties` (32 items at most a call), `action`. `mynah control NAME` uses the names below,
python-miio and others the numbers. What has no access is an argument or a result only.
"""

_CODES = """
## Codes

Each item of a request gets one:

{codes}

An action that the speaker has not got yet gets -4004 and says why in `message`. `did` may be any
name, as python-miio sends it, or the speaker's own number; any other number gets -4007. A number
may be written as 3.0 for 3.

## Told without being asked

Properties marked *notify* and the events are pushed to whoever subscribes, as `mynah control NAME
watch` does and controllers of MIoT devices on the LAN do:

- A probe is a hello with `MDID` and the controller's own 64-bit number in bytes 16 to 27. Its
  answer has `MSUB`, when that controller subscribed, `PUB`.
- `miIO.sub` and `miIO.unsub` take `{{"did": own number, "update_ts": any, "sub_method": "."}}`.
- The speaker sends `properties_changed` with `[{{"did", "siid", "piid", "value"}}]`, or
  `event_occured` with `{{"did", "siid", "eiid", "arguments": [{{"piid", "value"}}]}}`, at most
  five a second to each. A message wants `{{"id": its id, "result": {{"code": 0}}}}` and comes
  again, up to three times, until it has that.
- Six controllers may subscribe, three of one address. One that leaves a message without an answer,
  or is not heard of for three minutes, is forgotten: its next probe shows that.
"""


def page(instance: Mapping[str, Any]) -> str:
    """The page, in Markdown, for a MIoT spec v2 instance."""
    spec = names.parse(instance)
    parts = [_START]
    for service in instance["services"]:
        parts.append(f"\n## {service['iid']} {names.name_of(service)}: {service['description']}\n")
        parts += _properties(spec, service["iid"])
        parts += _actions(spec, service["iid"])
        parts += _events(spec, service["iid"])
    codes = ["| 0 | done |\n| 1 | accepted |", *_code_rows()]
    parts.append(_CODES.format(codes="\n".join(["| code | meaning |", "|---|---|", *codes])))
    return "".join(parts)


def _properties(spec: Spec, siid: int) -> Iterator[str]:
    own = [item for item in spec.properties.values() if item.siid == siid]
    rows = [(item.piid, item.name, _access(item), _takes(item), item.description) for item in own]
    yield from _table(("piid", "property", "access", "values", ""), rows)


def _actions(spec: Spec, siid: int) -> Iterator[str]:
    own = [item for item in spec.actions.values() if item.siid == siid]
    rows = [
        (item.aiid, item.name, _list(item.arguments), _list(item.results), item.description)
        for item in own
    ]
    yield from _table(("aiid", "action", "in", "out", ""), rows)


def _events(spec: Spec, siid: int) -> Iterator[str]:
    own = [item for item in spec.events.values() if item.siid == siid]
    rows = [(item.eiid, item.name, _list(item.arguments), item.description) for item in own]
    yield from _table(("eiid", "event", "arguments", ""), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    lines = [" | ".join(str(cell) for cell in row) for row in rows]
    if lines:
        yield "\n| " + " | ".join(head) + " |\n|" + "---|" * len(head) + "\n"
        yield "".join(f"| {line} |\n" for line in lines)


def _access(item: Property) -> str:
    return ", ".join(word for word in ("read", "write", "notify") if word in item.access) or "none"


def _takes(item: Property) -> str:
    unit = f" {item.unit}" if item.unit and not item.is_colour else ""
    return f"{item.format}: {item.takes()}{unit}" if item.format != "string" else "string"


def _list(items: Iterable[Property]) -> str:
    return ", ".join(f"{item.piid} {item.name.partition('.')[2]}" for item in items)


def _code_rows() -> Iterator[str]:
    for code, meaning in names.CODES.items():
        yield f"| {code} | {meaning} |"
