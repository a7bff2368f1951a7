"""The Wi-Fi networks around a virtual board, and its radio (ports/esp32/network_wlan.c)."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from mynah.virtual.link import BoardException, Services

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.virtual.alarms import Alarm, Alarms
    from mynah.virtual.types import Identity

_AUTH_OPEN, _AUTH_WPA2 = 0, 3
_JOIN_SECONDS, _FAIL_SECONDS = 0.3, 0.5
_STAT_IDLE, _STAT_CONNECTING, _STAT_GOT_IP = 1000, 1001, 1010

AP_ADDRESS = "192.168.4.1"
"""What the board believes to be in its own network (esp_netif's default)."""
AP_CLIENT = "192.168.4.2"
"""Whom it believes to talk to there."""
_AP_CLIENT_MAC = "024d5900ff02"


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


# What status() shows even while the next attempt is under way.
_LASTING = {
    Reason.NO_AP_FOUND: Reason.NO_AP_FOUND,
    Reason.AUTH_FAIL: Reason.AUTH_FAIL,
    Reason.CONNECTION_FAIL: Reason.AUTH_FAIL,
    Reason.NO_AP_FOUND_W_COMPATIBLE_SECURITY: Reason.NO_AP_FOUND_W_COMPATIBLE_SECURITY,
    Reason.NO_AP_FOUND_IN_AUTHMODE_THRESHOLD: Reason.NO_AP_FOUND_IN_AUTHMODE_THRESHOLD,
    Reason.NO_AP_FOUND_IN_RSSI_THRESHOLD: Reason.NO_AP_FOUND_IN_RSSI_THRESHOLD,
}


@dataclass(frozen=True, slots=True)
class Network:
    """A network in reach; open if it has no password."""

    ssid: str
    password: str | None
    rssi: int
    """Signal strength in dBm."""
    channel: int
    hidden: bool
    fails_with: Reason | None = None
    """Why nobody gets in; None: those with the password do."""
    no_dhcp: bool = False
    """Nobody in it hands out addresses."""

    def refusal(self, password: str | None) -> Reason | None:
        """Why a station with that password does not get in; None if it does."""
        if self.fails_with is None and self.password not in {None, password}:
            return Reason.AUTH_FAIL
        return self.fails_with

    @property
    def bssid(self) -> str:
        """Address of its access point, made from its name."""
        tail = sum(self.ssid.encode()) % 256
        return f"02:4d:59:00:{self.channel:02x}:{tail:02x}"

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
        self._networks: dict[str, Network] = {}
        self._lock = threading.Lock()
        self._on_change: Callable[[], None] = lambda: None
        self.join_seconds = _JOIN_SECONDS
        """How long joining takes, address included."""
        self.fail_seconds = _FAIL_SECONDS
        """How long it takes until an attempt has failed."""
        self.joined: str | None = None
        """Name of the network that the board is in."""
        self.access_point: AccessPoint | None = None
        """What the board shows itself."""

    @property
    def networks(self) -> list[Network]:
        """The networks, strongest first."""
        with self._lock:
            return sorted(self._networks.values(), key=lambda network: -network.rssi)

    def add(
        self,
        ssid: str,
        password: str | None = None,
        rssi: int = -50,
        channel: int = 6,
        hidden: bool = False,
        *,
        fails_with: int | None = None,
        no_dhcp: bool = False,
    ) -> None:
        """Switch a network on; one with that name is replaced.

        Args:
            ssid: its name.
            password: None for an open network.
            rssi: signal strength in dBm.
            channel: 1 to 13.
            hidden: it does not tell its name.
            fails_with: every attempt to join fails with this `Reason`. Many routers answer a wrong
                WPA2 password with 15 or 204 rather than with the 202 of the others here.
            no_dhcp: joining works, but the station gets no address.
        """
        reason = None if fails_with is None else Reason(fails_with)
        network = Network(ssid, password or None, rssi, channel, hidden, reason, no_dhcp)
        with self._lock:
            self._networks[ssid] = network
        self._on_change()

    def remove(self, ssid: str) -> None:
        """Switch a network off; a board in it loses its connection."""
        with self._lock:
            self._networks.pop(ssid, None)
        self._on_change()

    def clear(self) -> None:
        """Switch all networks off; joining takes as long as at first."""
        with self._lock:
            self._networks.clear()
        self.join_seconds, self.fail_seconds = _JOIN_SECONDS, _FAIL_SECONDS
        self._on_change()

    def find(self, ssid: str) -> Network | None:
        """The network with that name."""
        with self._lock:
            return self._networks.get(ssid)

    def attach(self, on_change: Callable[[], None]) -> None:
        """Have ``on_change()`` called when a network comes or goes."""
        self._on_change = on_change


class Radio:
    """Serves ``network.WLAN``, both interfaces; a soft reset leaves it as it is."""

    def __init__(self, services: Services, alarms: Alarms, wifi: Wifi, identity: Identity) -> None:
        self._alarms = alarms
        self._wifi = wifi
        self._identity = identity
        self._lock = threading.RLock()
        self._alarm: Alarm | None = None
        self._observers: list[Callable[[], None]] = []
        self._clear()
        wifi.attach(self._networks_changed)
        for name in ("active", "connect", "disconnect", "status", "scan", "rssi", "stations"):
            services.add(f"wlan_{name}", getattr(self, f"_{name}"))
        services.add("wlan_configure_ap", self._configure_ap)
        services.add("wlan_config", self._config)
        services.add("wlan_reconnects", self._set_reconnects)

    @property
    def station_up(self) -> bool:
        """Whether the station interface has an address."""
        return self._connected

    @property
    def station_on(self) -> bool:
        """Whether the station interface exists, with or without an address."""
        return self._sta_active

    @property
    def access_point_up(self) -> bool:
        """Whether the board's own network is on."""
        return self._ap_active

    def meet_client(self) -> None:
        """Somebody uses the board's own network: a station in it until it goes off."""
        self._has_client = True

    def observe(self, observer: Callable[[], None]) -> None:
        """Have ``observer()`` called whenever an interface comes up or goes down."""
        self._observers.append(observer)

    def reset(self, *, soft: bool) -> None:
        """Off, after a reset of the chip."""
        if soft:
            return
        with self._lock:
            self._stop_attempt()
            self._clear()
        self._changed()

    def _clear(self) -> None:
        self._sta_active = self._ap_active = False
        self._requested = self._connecting = self._associated = self._connected = False
        self._has_client = False
        self._reason = Reason.NONE
        self._ssid = ""
        self._password: str | None = None
        self._reconnects = -1
        self._n_attempts = 0
        tail = self._identity.mac.replace(":", "")[6:].upper()
        self._ap: dict[str, Any] = {
            "ssid": f"ESP_{tail}",
            "password": "",
            "authmode": _AUTH_OPEN,
            "channel": 1,
            "hidden": False,
            "max_clients": 4,
        }

    def _changed(self) -> None:
        self._wifi.joined = self._ssid if self._connected else None
        self._wifi.access_point = (
            AccessPoint(
                self._ap["ssid"],
                self._ap["authmode"] == _AUTH_OPEN,
                self._ap["channel"],
                self._ap["hidden"],
            )
            if self._ap_active
            else None
        )
        for observer in self._observers:
            observer()

    def _active(self, access_point: bool, on: bool | None) -> bool:
        with self._lock:
            if on is not None:
                if access_point:
                    self._ap_active = on
                    self._has_client = self._has_client and on
                else:
                    self._sta_active = on
                    if not on:
                        self._stop_attempt()
                        self._associated = self._connected = self._requested = False
            active = self._ap_active if access_point else self._sta_active
        if on is not None:
            self._changed()
        return active

    def _connect(self, ssid: str | None, password: str | None) -> None:
        with self._lock:
            if not self._sta_active:
                raise _error("Wifi Invalid Mode" if self._ap_active else "Wifi Not Started")
            if self._connecting:
                # ESP-IDF: "sta is connecting, cannot set config", ESP_ERR_WIFI_STATE.
                raise _error("Wifi Internal State Error")
            if ssid is not None:
                self._ssid, self._password = ssid, password
            self._associated = self._connected = False
            self._requested = True
            self._n_attempts = 0
            self._attempt()
        self._changed()

    def _disconnect(self) -> None:
        with self._lock:
            if not (self._sta_active or self._ap_active):
                raise _error("Wifi Not Started")
            was_busy = self._associated or self._connecting
            self._requested = False
            self._stop_attempt()
            self._associated = self._connected = False
            if was_busy:
                self._reason = Reason.ASSOC_LEAVE
        self._changed()

    def _attempt(self) -> None:
        """Begin to join; how it ends is seen at the end, when the network may be there or not."""
        self._connecting = True
        network = self._wifi.find(self._ssid)
        good = network is not None and network.refusal(self._password) is None
        seconds = self._wifi.join_seconds if good else self._wifi.fail_seconds
        self._alarm = self._alarms.after(seconds, self._end_attempt)

    def _end_attempt(self) -> None:
        with self._lock:
            if not self._connecting:
                return
            self._connecting = False
            network = self._wifi.find(self._ssid)
            if network is None:
                self._lose(Reason.NO_AP_FOUND)
            elif (refusal := network.refusal(self._password)) is not None:
                self._lose(refusal)
            else:
                self._associated = True
                self._connected = not network.no_dhcp
                if self._connected:
                    self._reason = Reason.NONE
        self._changed()

    def _lose(self, reason: Reason) -> None:
        """No connection; MicroPython tries again at once, for ever or ``reconnects`` times."""
        self._associated = self._connected = False
        self._reason = reason
        self._n_attempts += 1
        if self._requested and (self._reconnects < 0 or self._n_attempts <= self._reconnects):
            self._attempt()

    def _stop_attempt(self) -> None:
        self._connecting = False
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _networks_changed(self) -> None:
        with self._lock:
            if not self._associated or self._wifi.find(self._ssid) is not None:
                return
            self._lose(Reason.BEACON_TIMEOUT)
        self._changed()

    def _status(self) -> int:
        """As ``network_wlan_status``: an old reason stays until the station has an address."""
        with self._lock:
            if self._connected:
                return _STAT_GOT_IP
            if self._reason in _LASTING:
                return int(_LASTING[self._reason])
            if self._reason is Reason.ASSOC_LEAVE:
                return _STAT_IDLE
            if self._requested and (self._reconnects < 0 or self._n_attempts <= self._reconnects):
                return _STAT_CONNECTING
            return int(self._reason) or _STAT_IDLE

    def _rssi(self) -> int:
        network = self._wifi.find(self._ssid) if self._associated else None
        if network is None:
            raise _error("Wifi Not Connected")
        return network.rssi

    def _stations(self) -> list[list[str]]:
        """MAC and address of those in the board's own network."""
        if not self._ap_active:
            raise _error("Wifi Invalid Mode")
        return [[_AP_CLIENT_MAC, AP_CLIENT]] if self._has_client else []

    def _scan(self) -> list[list[Any]]:
        with self._lock:
            if not self._sta_active:
                raise _error("STA must be active")
            if self._connecting:
                return []
        return [
            [
                "" if network.hidden else network.ssid,
                network.bssid.replace(":", ""),
                network.channel,
                network.rssi,
                _AUTH_WPA2 if network.password else _AUTH_OPEN,
            ]
            for network in self._wifi.networks
        ]

    def _configure_ap(self, changes: dict[str, Any]) -> None:
        with self._lock:
            if not self._ap_active:
                raise _error("Wifi Invalid Mode")
            new = {**self._ap, **changes}
            if new["authmode"] != _AUTH_OPEN and len(new["password"]) < 8:
                raise _error("Wifi Invalid Password")
            self._ap = new
        self._changed()

    def _set_reconnects(self, n: int) -> None:
        self._reconnects = n

    def _config(self, access_point: bool) -> dict[str, Any]:
        """Everything that ``WLAN.config(key)`` and ``ifconfig()`` can be asked for."""
        with self._lock:
            common = {"reconnects": self._reconnects, "hostname": None}
            if access_point:
                address = [AP_ADDRESS, "255.255.255.0", AP_ADDRESS, "0.0.0.0"]
                shown = {key: value for key, value in self._ap.items() if key != "password"}
                return {**common, **shown, "mac": _next_mac(self._identity), "ifconfig": address}
            address = ["0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0"]
            if self._connected:
                gateway = self._identity.address.rsplit(".", 1)[0] + ".1"
                address = [self._identity.address, "255.0.0.0", gateway, gateway]
            network = self._wifi.find(self._ssid)
            return {
                **common,
                "ssid": self._ssid,
                "channel": network.channel if network and self._associated else 1,
                "mac": self._identity.mac.replace(":", ""),
                "ifconfig": address,
            }


def _next_mac(identity: Identity) -> str:
    number = int.from_bytes(identity.mac_bytes, "big") + 1
    return number.to_bytes(6, "big").hex()


def _error(text: str) -> BoardException:
    return BoardException("OSError", text)
