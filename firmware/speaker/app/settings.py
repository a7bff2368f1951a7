"""What survives a power cut: token, network, and the saved part of the state."""

import asyncio
import binascii
import os
import time

from micropython import const

from speaker.app.state import DEFAULTS, SAVED, Store, Watch
from speaker.util import log
from speaker.util.hints import Any
from speaker.util.storage import TwoCopies

# A slider sends many values a second; flash wears with every save. Save when it has been quiet
# for a while, but never keep a change longer than the limit.
_QUIET_MS = const(1000)
_LIMIT_MS = const(10_000)

# What is kept beside the store's part of the state: key -> (whether it is a secret, what it is). No
# other key is saved; `mynah privacy` tells this table and `state.SAVED`.
OWN = {
    "token": (True, "signs and encrypts the requests of the owner's clients; made on the board"),
    "ssid": (False, "name of the owner's Wi-Fi"),
    "password": (True, "password of the owner's Wi-Fi"),
}

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
        self.ssid = ""
        self._password = ""
        self.token = b""

    def load(self) -> None:
        """Fill the store from flash; makes and saves a token where there is none yet."""
        self._files.load()
        values = self._files.values
        for name in SAVED:
            if name in values and _plausible(name, values[name]):
                self._store.set(name, values[name])
        self.ssid = _text(values.get("ssid"))
        self._password = _text(values.get("password"))
        self.token = _token(values.get("token"))
        if not self.token:
            self.token = os.urandom(16)
            log.info("settings", "made a new token")
            self.save()

    @property
    def provisioned(self) -> bool:
        """Whether there is a network to join."""
        return bool(self.ssid)

    def own_that_are_set(self) -> list:
        """The keys of OWN that have a value."""
        own = self._own()
        return [key for key in OWN if own[key]]

    def credentials(self) -> tuple:
        """`(ssid, password)` of the network to join."""
        return self.ssid, self._password

    def set_credentials(self, ssid: str, password: str) -> None:
        """Keep a network that was joined; saved at once."""
        self.ssid = ssid
        self._password = password
        self.save()

    def restore(self) -> None:
        """Forget the owner: network, token and preferences; saved at once."""
        self.ssid = ""
        self._password = ""
        self.token = os.urandom(16)
        for name in SAVED:
            self._store.set(name, DEFAULTS[name])
        self.save()

    def save(self) -> None:
        """Write what is kept, if it differs from what is in flash.

        A flash that refuses is logged, not raised: the speaker goes on, and tries again with
        the next change.
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

    def _own(self) -> dict:
        return {
            "token": binascii.hexlify(self.token).decode(),
            "ssid": self.ssid,
            "password": self._password,
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


def _token(value: Any) -> bytes:
    try:
        token = binascii.unhexlify(value)
    except (TypeError, ValueError):
        return b""
    return token if len(token) == 16 else b""
