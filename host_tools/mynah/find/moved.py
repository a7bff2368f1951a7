"""Reach a paired device, wherever its router has put it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mynah.errors import BoardTimeoutError
from mynah.find.search import search
from mynah.miio import devices
from mynah.miio.client import MiioClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.find.search import Found
    from mynah.miio.codec import Hello
    from mynah.miio.devices import Device


def open_known(name: str, *, talk: Callable[[str], None] | None = None) -> MiioClient:
    """A client of the paired device of that name, after it has said hello.

    Where it is not at the address that is known for it, it is looked for in the network; if it is
    found there, and has its token, the new address is kept.

    Args:
        name: what it is called here.
        talk: called with a line for the user when it is not where it was.

    Raises:
        UsageError: there is none of that name.
        BoardTimeoutError: it does not answer and is not found.
    """
    device = devices.find(name)
    say = talk or (lambda _: None)
    there = _hello_at(device.address)
    if there is not None and there.device_id == device.device_id:
        return _client(device.address, device)
    why = f"{name} does not answer at {device.address}"
    if there is not None:
        why = f"{name} is not at {device.address} any more, another device is"
    say(f"{why}: looking for it ...")
    address = _look_for(name, device)
    if address is None:
        raise BoardTimeoutError(
            f"{why}, and is not found: is it on, and this computer in its network? "
            "`mynah find` shows who is there"
        )
    if address != device.address:
        devices.move(name, address)
        say(f"{name} is at {address} now")
    return _client(address, device)


def _hello_at(address: str) -> Hello | None:
    with MiioClient(address, retries=0) as client:
        try:
            return client.hello()
        except BoardTimeoutError:
            return None


def _look_for(name: str, device: Device) -> str | None:
    """The address at which the device proves to have its token, or its old one after all."""

    def is_it(found: Found) -> bool:
        return found.name == name

    found = filter(is_it, search(known={name: device}, until=is_it))
    return next((each.address for each in found), None)


def _client(address: str, device: Device) -> MiioClient:
    return devices.client_of(replace(device, address=address))
