"""The Wi-Fi networks around a virtual board: what its radio hears, and who it lets in."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_JOIN_SECONDS, _FAIL_SECONDS, _SCAN_SECONDS = 0.3, 0.5, 0.2
_KEY_DIGITS = 64
_PMK_ROUNDS, _PMK_SIZE = 4096, 32  # IEEE 802.11, J.4.1: PSK from passphrase and SSID
_LAST_ACTIVE_CHANNEL = 11
"""ESP-IDF's default country is "01", world safe mode: it only listens on the channels above, until
it is in a network. MicroPython's `network.country` does not reach the driver on this port."""


class Auth(int, Enum):
    """How an access point protects its network (ESP-IDF, ``wifi_auth_mode_t``)."""

    OPEN = 0
    WEP = 1
    WPA = 2
    WPA2 = 3
    WPA_WPA2 = 4
    ENTERPRISE = 5
    WPA3 = 6
    WPA2_WPA3 = 7


class Reason(int, Enum):
    """Why the station is not connected (ESP-IDF, ``wifi_err_reason_t``)."""

    NONE = 0
    ASSOC_LEAVE = 8
    FOUR_WAY_HANDSHAKE_TIMEOUT = 15
    BEACON_TIMEOUT = 200
    NO_AP_FOUND = 201
    AUTH_FAIL = 202
    ASSOC_FAIL = 203
    HANDSHAKE_TIMEOUT = 204
    CONNECTION_FAIL = 205
    NO_AP_FOUND_W_COMPATIBLE_SECURITY = 210
    NO_AP_FOUND_IN_AUTHMODE_THRESHOLD = 211
    NO_AP_FOUND_IN_RSSI_THRESHOLD = 212


@dataclass(frozen=True, slots=True)
class Network:
    """A network in reach, as one access point offers it."""

    name: bytes
    """Its SSID, which may be any bytes."""
    password: str | None
    """A passphrase, or a key of 64 hexadecimal digits; None for an open network."""
    rssi: int
    """Signal strength in dBm."""
    channel: int
    hidden: bool
    auth: Auth
    bssid: str
    """Address of the access point."""
    fails_with: Reason | None = None
    """Why nobody gets in; None: those with the password do."""
    no_dhcp: bool = False
    """Nobody in it hands out addresses."""

    @property
    def ssid(self) -> str:
        """Its SSID as text."""
        return _text(self.name)

    @property
    def answers_probes(self) -> bool:
        """Whether a station that looks for it by name finds it, though it is hidden."""
        return not self.hidden or self.channel <= _LAST_ACTIVE_CHANNEL

    def refusal(self, password: bytes) -> Reason | None:
        """Why a station with that password (empty: none) does not get in; None if it does.

        With a password the driver takes no network below WPA2 ("Password length matches WPA2
        standards, authmode threshold changes from OPEN to WPA2").
        """
        if self.fails_with is not None:
            return self.fails_with
        if self.auth is Auth.ENTERPRISE or (not password and self.auth is not Auth.OPEN):
            return Reason.NO_AP_FOUND_W_COMPATIBLE_SECURITY
        if password and self.auth in {Auth.OPEN, Auth.WEP, Auth.WPA}:
            return Reason.NO_AP_FOUND_IN_AUTHMODE_THRESHOLD
        return Reason.AUTH_FAIL if password and not self._is_right(password) else None

    def _is_right(self, password: bytes) -> bool:
        right = (self.password or "").encode()
        if password == right:
            return True
        if len(password) != _KEY_DIGITS or self.auth is Auth.WPA3:  # SAE has no use for a key
            return False
        key = hashlib.pbkdf2_hmac("sha1", right, self.name, _PMK_ROUNDS, _PMK_SIZE)
        return password.decode("ascii", "replace").lower() == key.hex()

    def __repr__(self) -> str:
        return f"Network({self.ssid!r}, rssi={self.rssi}, channel={self.channel})"


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """The board's own network as others see it."""

    ssid: str
    open: bool
    channel: int
    hidden: bool


class Wifi:
    """The networks in reach. Thread-safe."""

    def __init__(self) -> None:
        self._networks: dict[tuple[bytes, str], Network] = {}
        self._lock = threading.Lock()
        self._on_change: Callable[[], None] = lambda: None
        self.join_seconds = _JOIN_SECONDS
        """How long joining takes, address included."""
        self.fail_seconds = _FAIL_SECONDS
        """How long it takes until an attempt has failed."""
        self.scan_seconds = _SCAN_SECONDS
        """How long a scan takes; on the chip 120 ms a channel, 360 ms a passive one: some 2 s."""
        self.joined: str | None = None
        """Name of the network that the board is in."""
        self.joined_bssid: str | None = None
        """The access point that it is connected to."""
        self.access_point: AccessPoint | None = None
        """What the board shows itself."""

    @property
    def networks(self) -> list[Network]:
        """What is in reach, strongest first."""
        with self._lock:
            return sorted(self._networks.values(), key=lambda network: -network.rssi)

    def add(
        self,
        ssid: str | bytes,
        password: str | None = None,
        rssi: int = -50,
        channel: int = 6,
        hidden: bool = False,
        *,
        auth: Auth | None = None,
        bssid: str | None = None,
        fails_with: int | None = None,
        no_dhcp: bool = False,
    ) -> None:
        """Switch a network on; one with that name is replaced, unless ``bssid`` is given.

        Args:
            ssid: its name.
            password: None for an open network.
            rssi: signal strength in dBm.
            channel: 1 to 13.
            hidden: it does not tell its name.
            auth: how it is protected; None: with WPA2, if it has a password.
            bssid: address of one access point among several of that name.
            fails_with: every attempt to join fails with this `Reason`. Many routers answer a wrong
                WPA2 password with 15 or 204 rather than with the 202 of the others here.
            no_dhcp: joining works, but the station gets no address.
        """
        name = ssid.encode() if isinstance(ssid, str) else ssid
        reason = None if fails_with is None else Reason(fails_with)
        if auth is None:
            auth = Auth.WPA2 if password else Auth.OPEN
        address = bssid or f"02:4d:59:00:{channel:02x}:{sum(name) % 256:02x}"
        network = Network(
            name, password or None, rssi, channel, hidden, auth, address, reason, no_dhcp
        )
        with self._lock:
            if bssid is None:
                self._forget(name)
            self._networks[name, address] = network
        self._on_change()

    def remove(self, ssid: str | bytes, bssid: str | None = None) -> None:
        """Switch a network off, or one access point of it; a board in it loses its connection."""
        with self._lock:
            self._forget(ssid.encode() if isinstance(ssid, str) else ssid, bssid)
        self._on_change()

    def clear(self) -> None:
        """Switch all networks off; joining and scanning take as long as at first."""
        with self._lock:
            self._networks.clear()
        self.join_seconds, self.fail_seconds = _JOIN_SECONDS, _FAIL_SECONDS
        self.scan_seconds = _SCAN_SECONDS
        self._on_change()

    def find(self, name: bytes, bssid: str | None = None) -> Network | None:
        """What a station that looks for that name takes: the first on the lowest channel.

        ESP-IDF's fast scan, which is what MicroPython asks for, ends at the first match; only
        with ``bssid`` is it a certain one.
        """
        with self._lock:
            found = [
                network
                for network in self._networks.values()
                if network.name == name
                and network.answers_probes
                and bssid in {None, network.bssid}
            ]
        return min(found, key=lambda network: network.channel, default=None)

    def is_on(self, network: Network) -> bool:
        """Whether that access point is still there."""
        with self._lock:
            return (network.name, network.bssid) in self._networks

    def attach(self, on_change: Callable[[], None]) -> None:
        """Have ``on_change()`` called when a network comes or goes."""
        self._on_change = on_change

    def _forget(self, name: bytes, bssid: str | None = None) -> None:
        for key in list(self._networks):
            if key[0] == name and bssid in {None, key[1]}:
                del self._networks[key]


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
