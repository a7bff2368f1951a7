"""Switch a paired speaker's secure mode on and off, and keep its key with its token."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mynah.errors import BoardError, BoardTimeoutError, UsageError
from mynah.find import open_known
from mynah.logs import clean
from mynah.miio.channel import KEY_SIZE, ChannelKey
from mynah.miio.client import SECURE_WITHOUT_KEY, MiioClient, MiioError
from mynah.miio.devices import client_of, find, remember

if TYPE_CHECKING:
    from mynah.miio.devices import Device

_FINGERPRINT = b"mynah channel key"
_UNKNOWN_METHOD = -10000


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a speaker's secure mode."""

    is_on: bool
    has_key: bool
    """The key is known here, and the speaker has shown that it has it, too."""
    fingerprint: str = ""
    sessions: int = 0
    """How many are open, this one included; 0 where the speaker was not asked inside one."""


def switch_on(name: str) -> str:
    """Take the speaker's key, inside a session that is opened with its token; the fingerprint.

    The mode is on once the speaker has seen that the key has arrived: where this is broken off,
    calling it again goes on.

    Raises:
        UsageError: there is no speaker of that name.
        BoardError: the mode is on already with a key that is not known here, or the speaker's
            firmware is too old.
        BoardTimeoutError: no answer.
    """
    device = _reached(name)
    if device.key:
        return status(name).fingerprint
    if not (device.pending_key and _takes(device, device.pending_key)):
        if _is_required(device):
            raise BoardError(f"{name} does not take this computer: {SECURE_WITHOUT_KEY}")
        device = replace(device, pending_key=_prepared(name, device))
        remember(name, device)
    key = device.pending_key
    with _client(device, key) as client:
        fingerprint = str(client.call("mynah.secure.on")["fingerprint"])
    if fingerprint != fingerprint_of(key):
        raise BoardError(f"{name} has another key than it told: switch its secure mode on again")
    remember(name, replace(device, key=key, pending_key=""))
    return fingerprint


def switch_off(name: str) -> None:
    """Let the speaker take plain miIO again; its key is forgotten on both sides.

    Raises:
        UsageError: there is no speaker of that name, or its key is not known here.
        BoardError: the speaker refuses.
        BoardTimeoutError: no answer.
    """
    device = _reached(name)
    if not device.key:
        is_on = _is_required(device)
        raise UsageError(f"{name}: {SECURE_WITHOUT_KEY if is_on else 'its secure mode is off'}")
    with client_of(device) as client:
        client.call("mynah.secure.off")
    remember(name, replace(device, key="", pending_key=""))


def status(name: str) -> Status:
    """Ask the speaker: inside a session where the key is known, else by a question.

    Raises:
        UsageError: there is no speaker of that name.
        BoardError: the speaker refuses.
        BoardTimeoutError: no answer, or it has another key than is known here.
    """
    device = _reached(name)
    if not device.key:
        return Status(_is_required(device), has_key=False)
    with client_of(device) as client:
        answer = client.call("mynah.secure.status")
    fingerprint = clean(str(answer.get("fingerprint", "")))
    return Status(bool(answer["on"]), True, fingerprint, int(answer["sessions"]))


def use_key(name: str, key: str) -> Status:
    """Keep a key that another computer took, once the speaker has shown that it is right.

    Raises:
        UsageError: that is no key, or there is no speaker of that name.
        BoardTimeoutError: the speaker does not take it, or does not answer.
    """
    try:
        right = len(bytes.fromhex(key)) == KEY_SIZE
    except ValueError:
        right = False
    if not right:
        raise UsageError(f"that is no key: it has {2 * KEY_SIZE} hexadecimal digits")
    device = replace(_reached(name), key=key, pending_key="")
    with client_of(device) as client:
        client.call("mynah.secure.status")
    remember(name, device)
    return status(name)


def fingerprint_of(key: str) -> str:
    """What of a key may be seen by anybody, to compare with what the speaker's log shows."""
    digits = hashlib.sha256(_FINGERPRINT + bytes.fromhex(key)).hexdigest()[:16]
    return "-".join(digits[i : i + 4] for i in range(0, 16, 4))


def _reached(name: str) -> Device:
    """The device as it is kept here, with the address at which it has just answered."""
    open_known(name).close()
    return find(name)


def _prepared(name: str, device: Device) -> str:
    """A key that the speaker has just made, as hexadecimal digits."""
    token = bytes.fromhex(device.token)
    with MiioClient(device.address, token, key=ChannelKey.of_token(token)) as client:
        try:
            key = client.call("mynah.secure.prepare")["key"]
        except MiioError as error:
            if error.code == _UNKNOWN_METHOD:
                raise BoardError(f"{name} has no secure mode: `mynah deploy` updates it") from None
            raise
    assert isinstance(key, str)
    return key


def _takes(device: Device, key: str) -> bool:
    """Whether the speaker opens a session with this key, which it may have been told to forget."""
    try:
        with _client(device, key) as client:
            client.call("mynah.secure.status")
    except BoardTimeoutError:
        return False
    return True


def _client(device: Device, key: str) -> MiioClient:
    return client_of(replace(device, key=key))


def _is_required(device: Device) -> bool:
    with MiioClient(device.address) as client:
        return client.ask().is_required
