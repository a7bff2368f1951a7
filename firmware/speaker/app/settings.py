"""What survives a power cut: token, network, and the saved part of the state."""

import asyncio
import binascii
import errno
import os
import time

from micropython import const

from speaker.app.state import DEFAULTS, SAVED, Store, Watch
from speaker.net.credentials import is_text
from speaker.util import log
from speaker.util.hints import Any
from speaker.util.storage import TwoCopies

# A slider sends many values a second; flash wears with every save. Save when it has been quiet
# for a while, but never keep a change longer than the limit.
_QUIET_MS = const(1000)
_LIMIT_MS = const(10_000)

# What is kept beside the store's part of the state: key -> whether it is a secret. No other key is
# saved; `mynah privacy` tells this table and `state.SAVED`, with the texts of told_kept.py.
OWN = {
    "token": True,
    "owned": False,
    "ssid": False,
    "ssid_bytes": False,
    "password": True,
    "country": False,
    "hostname": False,
    "name": False,
    "channel_key": True,
}

_TEXTS = ("country", "hostname", "name")

_RANGES = {
    "volume": (0, 100),
    "light_brightness": (1, 100),
    "light_colour": (0, 0xFFFFFF),
    "utc_offset": (-720, 840),
}


class Settings:
    """Ties the two copies in flash to the store, and keeps token and credentials."""

    def __init__(self, files: TwoCopies, store: Store) -> None:
        self._files = files
        self._store = store
        self.ssid = b""
        self._password = ""
        self.token = b""
        self.owned = False
        self.country = ""
        self.hostname = ""
        self.name = ""
        self.channel_key = b""

    def load(self) -> None:
        """Fill the store from flash.

        A speaker without an owner makes a new token at each start, so that who saw one in an
        earlier set-up window knows nothing; it is saved when the speaker gets an owner.
        """
        self._files.load()
        values = self._files.values
        for name in SAVED:
            if name in values and _plausible(name, values[name]):
                self._store.set(name, values[name])
        self.ssid = _text(values.get("ssid")).encode() or _bytes(values.get("ssid_bytes"))
        self._password = _text(values.get("password"))
        for name in _TEXTS:
            setattr(self, name, _text(values.get(name)))
        self.token = _bytes(values.get("token"), 16)
        self.channel_key = _bytes(values.get("channel_key"), 32)
        # Older firmware: whoever set it up had got the token.
        self.owned = bool(self.token) and values.get("owned", bool(self.ssid)) is True
        if not self.owned:
            if not self.provisioned:  # the power may have failed in the midst of `restore`
                self._files.forget_older()
            self.channel_key = b""
            self.token = os.urandom(16)
            log.info("settings", "made a new token")

    @property
    def provisioned(self) -> bool:
        """Whether there is a network to join."""
        return bool(self.ssid)

    def own_that_are_set(self) -> list:
        """The keys of OWN that have a value."""
        own = self._own()
        return [key for key in OWN if own[key]]

    def credentials(self) -> tuple:
        """`(ssid, password)` of the network to join, as bytes and text."""
        return self.ssid, self._password

    def set_network(self, ssid: bytes, password: str, country: str, by_owner: bool) -> None:
        """Keep a network that was joined; saved at once, with what came with it.

        `country` "" leaves it as it is. `by_owner`: who gave it holds the token.
        """
        self.ssid = ssid
        self._password = password
        self.country = country or self.country
        self.owned = self.owned or by_owner
        self.save()

    def set_owned(self) -> None:
        """Somebody has the token: it is not shown any more. Saved at once."""
        self.owned = True
        self.save()

    def set_names(self, **names: str) -> None:
        """Keep `hostname` or `name`, checked by the caller; saved at once."""
        for key, text in names.items():
            setattr(self, key, text)
        self.save()

    def restore(self) -> None:
        """Forget the owner: network, token and preferences; saved at once."""
        self.ssid = b""
        self._password = ""
        self.token = os.urandom(16)
        self.owned = False
        for name in _TEXTS:
            setattr(self, name, "")
        self.channel_key = b""
        for name in SAVED:
            self._store.set(name, DEFAULTS[name])
        if self.save():  # over the older copy: the other one has the former owner's secrets
            self._files.forget_older()

    def set_channel_key(self, key: bytes) -> None:
        """Keep the secure mode's key, 32 bytes or none; OSError if the flash does not keep it."""
        before = self.channel_key
        self.channel_key = key
        if not self.save():
            self.channel_key = before
            raise OSError(errno.EIO, "settings not kept by the flash")

    def save(self) -> bool:
        """Write what is kept, if it differs from what is in flash; False: the flash refuses.

        That is logged, not raised: the speaker goes on, and tries again with the next change.
        """
        values = {name: self._store.get(name) for name in SAVED}
        own = self._own()
        for key in OWN:
            values[key] = own[key]
        try:
            if self._files.save(values):
                log.info("settings", "saved")
        except OSError as error:
            log.error("settings", "not saved: error %s", error.errno)
            return False
        return True

    def _own(self) -> dict:
        text = is_text(self.ssid)
        return {
            "token": binascii.hexlify(self.token).decode(),
            "owned": self.owned,
            "ssid": self.ssid.decode() if text else "",
            "ssid_bytes": "" if text else binascii.hexlify(self.ssid).decode(),
            "password": self._password,
            "country": self.country,
            "hostname": self.hostname,
            "name": self.name,
            "channel_key": binascii.hexlify(self.channel_key).decode(),
        }

    async def follow(self) -> None:
        """Task: save the store's changes once they have come to rest."""
        watch = self._store.watch(*SAVED)
        while True:
            await watch.changed()
            await _until_quiet(watch)
            self.save()


async def _until_quiet(watch: Watch) -> None:
    started_ms = time.ticks_ms()
    try:
        while time.ticks_diff(time.ticks_ms(), started_ms) < _LIMIT_MS:
            await asyncio.wait_for_ms(watch.changed(), _QUIET_MS)
    except asyncio.TimeoutError:
        pass


def _plausible(name: str, value: object) -> bool:
    if name in _RANGES:
        low, high = _RANGES[name]
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    if isinstance(DEFAULTS[name], dict):
        return isinstance(value, dict)
    return isinstance(value, bool)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _bytes(value: Any, size: int = 0) -> bytes:
    """What hexadecimal digits stand for; nothing where there are none, or not of that size."""
    try:
        data = binascii.unhexlify(value)
    except (TypeError, ValueError):
        return b""
    return data if len(data) == size or not size else b""
