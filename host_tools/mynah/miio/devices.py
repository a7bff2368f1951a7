"""The speakers that this user has paired, with their tokens, in a file that only the user reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mynah.errors import UsageError
from mynah.userdirs import config_dir, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mynah.miio.client import MiioClient

_FILE = "devices.json"
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class Device:
    """A paired speaker."""

    address: str
    token: str = field(repr=False)
    """32 hexadecimal digits."""
    device_id: int
    mac: str
    model: str
    key: str = field(default="", repr=False)
    """Of its secure mode, 64 hexadecimal digits, while that is on."""
    pending_key: str = field(default="", repr=False)
    """One that the speaker was asked for, until the mode is on with it."""


def known() -> dict[str, Device]:
    """Every known device, by name.

    Raises:
        UsageError: the file is damaged; the message names it.
    """
    path = _path()
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return {name: Device(**values) for name, values in table.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError):
        raise UsageError(f"{path} is damaged: repair or remove it, and pair again") from None


def find(name: str) -> Device:
    """The device of that name.

    Raises:
        UsageError: there is none; the message lists those that there are.
    """
    devices = known()
    if not devices:
        raise UsageError("no speaker is paired yet: see `mynah pair --help`")
    if name not in devices:
        raise UsageError(f"no speaker {name!r}; there are: {', '.join(sorted(devices))}")
    return devices[name]


def only() -> str:
    """The name of the only device that is known.

    Raises:
        UsageError: there is none, or more than one; the message lists them.
    """
    devices = known()
    if len(devices) > 1:
        raise UsageError(f"which speaker? --speaker NAME; there are: {', '.join(sorted(devices))}")
    name = next(iter(devices), "")
    find(name)
    return name


def client_of(device: Device, **options: Any) -> MiioClient:
    """A client that calls the device's methods: in its secure channel where it has a key.

    ``options`` are `MiioClient`'s: port, timeout_s, retries.
    """
    from mynah.miio.channel import ChannelKey
    from mynah.miio.client import MiioClient

    key = ChannelKey(bytes.fromhex(device.key)) if device.key else None
    return MiioClient(device.address, bytes.fromhex(device.token), key=key, **options)


def remember(name: str, device: Device) -> Path:
    """Add or replace a device and return the file that it is in."""
    _write(known() | {name: device})
    return _path()


def move(name: str, address: str) -> None:
    """Keep a device's new address.

    Raises:
        UsageError: there is none of that name.
    """
    remember(name, replace(find(name), address=address))


def forget(name: str) -> None:
    """Remove a device.

    Raises:
        UsageError: there is none of that name.
    """
    find(name)
    _write({each: device for each, device in known().items() if each != name})


def _write(devices: Mapping[str, Device]) -> None:
    table = {name: asdict(device) for name, device in sorted(devices.items())}
    data = json.dumps(table, indent=2).encode() + b"\n"
    write_atomically(_path(), data, mode=_OWNER_ONLY)


def _path() -> Path:
    return config_dir() / _FILE
