"""The virtual board's radio, as MicroPython sees it (ports/esp32/network_wlan.c)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from mynah.virtual.link import BoardException, Services
from mynah.virtual.wifi import AccessPoint, Network, Reason, Wifi

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.virtual.alarms import Alarm, Alarms
    from mynah.virtual.types import Identity

_AUTH_OPEN = 0
_STAT_IDLE, _STAT_CONNECTING, _STAT_GOT_IP = 1000, 1001, 1010
_SSID_SIZE = 32

AP_ADDRESS = "192.168.4.1"
"""What the board believes to be in its own network (esp_netif's default)."""
AP_CLIENT = "192.168.4.2"
"""Whom it believes to talk to there."""
_AP_CLIENT_MAC = "024d5900ff02"

# What status() shows even while the next attempt is under way.
_LASTING = {
    Reason.NO_AP_FOUND: Reason.NO_AP_FOUND,
    Reason.AUTH_FAIL: Reason.AUTH_FAIL,
    Reason.CONNECTION_FAIL: Reason.AUTH_FAIL,
    Reason.NO_AP_FOUND_W_COMPATIBLE_SECURITY: Reason.NO_AP_FOUND_W_COMPATIBLE_SECURITY,
    Reason.NO_AP_FOUND_IN_AUTHMODE_THRESHOLD: Reason.NO_AP_FOUND_IN_AUTHMODE_THRESHOLD,
    Reason.NO_AP_FOUND_IN_RSSI_THRESHOLD: Reason.NO_AP_FOUND_IN_RSSI_THRESHOLD,
}


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
        self._requested = self._connecting = self._connected = False
        self._network: Network | None = None  # what it is associated with
        self._has_client = False
        self._reason = Reason.NONE
        self._ssid = self._password = b""
        self._bssid: str | None = None
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
        network = self._network if self._connected else None
        self._wifi.joined = network.ssid if network else None
        self._wifi.joined_bssid = network.bssid if network else None
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
                        self._connected = self._requested = False
                        self._network = None
            active = self._ap_active if access_point else self._sta_active
        if on is not None:
            self._changed()
        return active

    def _connect(self, config: list[str] | None) -> None:
        """``config``: SSID, password and BSSID in hexadecimal; None: those of the last time."""
        with self._lock:
            if not self._sta_active:
                raise _error("Wifi Invalid Mode" if self._ap_active else "Wifi Not Started")
            if self._connecting:
                # ESP-IDF: "sta is connecting, cannot set config", ESP_ERR_WIFI_STATE.
                raise _error("Wifi Internal State Error")
            if config is not None:
                self._ssid, self._password = map(bytes.fromhex, config[:2])
                self._bssid = bytes.fromhex(config[2]).hex(":") or None
            self._connected = False
            self._network = None
            self._requested = True
            self._n_attempts = 0
            self._attempt()
        self._changed()

    def _disconnect(self) -> None:
        with self._lock:
            if not (self._sta_active or self._ap_active):
                raise _error("Wifi Not Started")
            was_busy = self._network is not None or self._connecting
            self._requested = False
            self._stop_attempt()
            self._connected = False
            self._network = None
            if was_busy:
                self._reason = Reason.ASSOC_LEAVE
        self._changed()

    def _attempt(self) -> None:
        """Begin to join; how it ends is seen at the end, when the network may be there or not."""
        self._connecting = True
        network = self._wifi.find(self._ssid, self._bssid)
        good = network is not None and network.refusal(self._password) is None
        seconds = self._wifi.join_seconds if good else self._wifi.fail_seconds
        self._alarm = self._alarms.after(seconds, self._end_attempt)

    def _end_attempt(self) -> None:
        with self._lock:
            if not self._connecting:
                return
            self._connecting = False
            network = self._wifi.find(self._ssid, self._bssid)
            if network is None:
                self._lose(Reason.NO_AP_FOUND)
            elif (refusal := network.refusal(self._password)) is not None:
                self._lose(refusal)
            else:
                self._network = network
                self._connected = not network.no_dhcp
                if self._connected:
                    self._reason = Reason.NONE
        self._changed()

    def _lose(self, reason: Reason) -> None:
        """No connection; MicroPython tries again at once, for ever or ``reconnects`` times."""
        self._connected = False
        self._network = None
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
            if self._network is None or self._wifi.is_on(self._network):
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
        network = self._network
        if network is None:
            raise _error("Wifi Not Connected")
        return network.rssi

    def _stations(self) -> list[list[str]]:
        """MAC and address of those in the board's own network."""
        if not self._ap_active:
            raise _error("Wifi Invalid Mode")
        return [[_AP_CLIENT_MAC, AP_CLIENT]] if self._has_client else []

    def _scan(self, blocking: bool) -> list[list[Any]]:
        """``blocking``: the caller is the main program, which the chip's driver keeps waiting."""
        with self._lock:
            if not self._sta_active:
                raise _error("STA must be active")
            if self._connecting:  # ESP_ERR_WIFI_STATE, which MicroPython takes for nothing found
                return []
        if blocking:
            self._alarms.sleep(self._wifi.scan_seconds)
        return [
            [
                "" if network.hidden else network.name.hex(),
                network.bssid.replace(":", ""),
                network.channel,
                network.rssi,
                int(network.auth),
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
            return {
                **common,
                "ssid": self._shown_ssid(),
                "channel": self._network.channel if self._network else 1,
                "mac": self._identity.mac.replace(":", ""),
                "ifconfig": address,
            }

    def _shown_ssid(self) -> str:
        """MicroPython reads the SSID as a C string: of 32 bytes, the password behind it as well."""
        shown = self._ssid if len(self._ssid) < _SSID_SIZE else self._ssid + self._password
        return shown.decode("utf-8", "replace")


def _next_mac(identity: Identity) -> str:
    number = int.from_bytes(identity.mac_bytes, "big") + 1
    return number.to_bytes(6, "big").hex()


def _error(text: str) -> BoardException:
    return BoardException("OSError", text)
