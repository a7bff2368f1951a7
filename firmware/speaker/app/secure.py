"""The secure mode: its key, and switching it on and off; app/secure_door.py lets in.

    off, no key          miIO is taken; so are sessions with a key that is derived from the token
    off, key handed out  sessions with that key are taken, too: one of them switches the mode on
    on                   sessions with the board's own key alone; plain miIO only on the set-up
                         network, and only to get the speaker onto another Wi-Fi

The key is made here, leaves the board once and only inside a session, and is saved when a session
with it proves that it has arrived. `restore` forgets it.
"""

import binascii
import hashlib
import os

from micropython import const

from speaker.app.settings import Settings
from speaker.miot import channel, noise
from speaker.miot.server import UNKNOWN_METHOD, MiioError
from speaker.util import log
from speaker.util.hints import Any

# HKDF-SHA256's salt for the key that is derived from the token.
_TOKEN_SALT = b"mynah channel token"
_FINGERPRINT = b"mynah channel key"
_N_FINGERPRINT = const(8)


class Secure:
    """Keys for the channel, and the methods of the mode."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._from_token: noise.SharedKey | None = None
        self._pending = b""
        self._pending_key: noise.SharedKey | None = None
        self._own: noise.SharedKey | None = None
        if settings.channel_key:
            self._own = noise.SharedKey(settings.channel_key)

    def attach(self, secure: channel.Channel) -> None:
        """The channel that asks `key` for its keys."""
        self.channel = secure
        secure.is_required = self.is_on

    @property
    def is_on(self) -> bool:
        """Whether calls from the network are taken inside the channel alone."""
        return self._own is not None

    def key(self, which: int) -> Any:
        """The SharedKey that the channel takes for TOKEN or OWN, or None."""
        if which == channel.OWN:
            return self._own or self._pending_key
        if which != channel.TOKEN or self.is_on:
            return None
        if self._from_token is None:
            self._from_token = noise.SharedKey(token_key(self._settings.token))
        return self._from_token

    def methods(self) -> dict:
        """Name -> function(params, peer)."""
        return {
            "mynah.secure.status": self._status,
            "mynah.secure.prepare": self._prepare,
            "mynah.secure.on": self._switch_on,
            "mynah.secure.off": self._switch_off,
        }

    def _status(self, _params: object, _peer: tuple) -> dict:
        status: dict = {"on": self.is_on, "sessions": self.channel.n_live()}
        if self.is_on:
            status["fingerprint"] = fingerprint(self._settings.channel_key)
        return status

    def _prepare(self, _params: object, peer: tuple) -> dict:
        """Hand out a new key, once; it comes into force with `mynah.secure.on`."""
        if not self._settings.owned:  # whoever is on the set-up network could take it over
            raise MiioError(UNKNOWN_METHOD, "only once the speaker has an owner")
        if self.is_on or self.channel.key_of(peer) is None:
            raise MiioError(UNKNOWN_METHOD, "only inside the channel, and while the mode is off")
        self._pending = os.urandom(noise.PSK)
        self._pending_key = noise.SharedKey(self._pending)
        return {"key": binascii.hexlify(self._pending).decode()}

    def _switch_on(self, _params: object, peer: tuple) -> dict:
        own = self._own or self._pending_key
        if own is None or self.channel.key_of(peer) is not own:
            raise MiioError(UNKNOWN_METHOD, "only inside a channel with the key of prepare")
        if not self.is_on:
            self._settings.set_channel_key(self._pending)
            self._own = own
            self._pending = b""
            self._pending_key = None
            self.channel.is_required = True
            self.channel.close_all_but(own)
            log.info("secure", "on, key %s", fingerprint(self._settings.channel_key))
        return {"fingerprint": fingerprint(self._settings.channel_key)}

    def _switch_off(self, _params: object, peer: tuple) -> list:
        if not self.is_on or self.channel.key_of(peer) is not self._own:
            raise MiioError(UNKNOWN_METHOD, "only inside the channel, and while the mode is on")
        self._settings.set_channel_key(b"")
        self._own = None
        self.channel.is_required = False
        log.warning("secure", "off: plain miIO is taken again")
        return ["ok"]


def token_key(token: bytes) -> bytes:
    """The pre-shared key that stands for the token: HKDF-SHA256 of it."""
    return noise.hkdf(_TOKEN_SALT, token, 1)[0]


def fingerprint(key: bytes) -> str:
    """What of a key may be seen by anybody, to compare: `1234-5678-9abc-def0`."""
    digits = binascii.hexlify(hashlib.sha256(_FINGERPRINT + key).digest()[:_N_FINGERPRINT]).decode()
    return "-".join([digits[i : i + 4] for i in range(0, len(digits), 4)])
