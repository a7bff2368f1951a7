"""The board's ``network`` (extmod/modnetwork.c, ports/esp32/network_wlan.c)."""

import time

import _link
import _threads

__name__ = "network"

STA_IF = 0
AP_IF = 1
AUTH_OPEN = 0
AUTH_WEP = 1
AUTH_WPA_PSK = 2
AUTH_WPA2_PSK = 3
AUTH_WPA_WPA2_PSK = 4
AUTH_WPA2_ENTERPRISE = 5
AUTH_WPA3_PSK = 6
AUTH_WPA2_WPA3_PSK = 7
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_BEACON_TIMEOUT = 200
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202
STAT_ASSOC_FAIL = STAT_CONNECT_FAIL = 203
STAT_HANDSHAKE_TIMEOUT = 204
STAT_NO_AP_FOUND_W_COMPATIBLE_SECURITY = 210
STAT_NO_AP_FOUND_IN_AUTHMODE_THRESHOLD = 211
STAT_NO_AP_FOUND_IN_RSSI_THRESHOLD = 212

_country = "XX"
_hostname = "mpy-esp32s3"
_interfaces = {}
# Other names of the keys of WLAN.config.
_ALIASES = {"essid": "ssid", "security": "authmode", "key": "password", "dhcp_hostname": "hostname"}
_AP_KEYS = ("ssid", "hidden", "authmode", "password", "channel", "max_clients")
_settings = {"txpower": 20.0, "pm": 1, "protocol": 7, "bandwidth": 2}


class WLAN:
    IF_STA = 0
    IF_AP = 1
    SEC_OPEN = 0
    SEC_WEP = 1
    SEC_WPA = 2
    SEC_WPA2 = 3
    SEC_WPA_WPA2 = 4
    SEC_WPA2_ENT = 5
    SEC_WPA3 = 6
    SEC_WPA2_WPA3 = 7
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2

    def __new__(cls, interface=0):
        if interface not in (0, 1):
            raise ValueError("invalid WLAN interface identifier")
        if interface not in _interfaces:
            _interfaces[interface] = object.__new__(cls)
            _interfaces[interface]._ap = interface == 1
        return _interfaces[interface]

    def __init__(self, interface=0):
        pass

    def active(self, on=None):
        return _link.call("wlan_active", self._ap, None if on is None else bool(on))

    def connect(self, ssid=None, key=None, *, bssid=None):
        if bssid is not None and len(bssid) != 6:
            raise ValueError
        config = None
        if ssid is not None or key is not None or bssid is not None:
            config = [_bytes(ssid)[:32].hex(), _bytes(key)[:64].hex(), _bytes(bssid).hex()]
        _link.call("wlan_connect", config)

    def disconnect(self):
        _link.call("wlan_disconnect")

    def isconnected(self):
        if self._ap:
            return self.active() and bool(_link.call("wlan_stations"))
        return _link.call("wlan_status") == STAT_GOT_IP

    def status(self, what=None):
        if what is None:
            return None if self._ap else _link.call("wlan_status")
        if what == "stations":
            if not self._ap:
                raise OSError("AP required")
            return [(bytes.fromhex(mac), ip) for mac, ip in _link.call("wlan_stations")]
        if what == "rssi":
            if self._ap:
                raise OSError("STA required")
            return _link.call("wlan_rssi")
        raise ValueError("unknown status param")

    def scan(self):
        found = _link.call("wlan_scan", not _threads.inside)
        time.sleep_ms(0)  # learn how much time that has taken
        return [
            (bytes.fromhex(ssid), bytes.fromhex(bssid), channel, rssi, authmode, False)
            for ssid, bssid, channel, rssi, authmode in found
        ]

    def config(self, *args, **kwargs):
        if args and kwargs:
            raise TypeError("either pos or kw args are allowed")
        if not kwargs:
            if len(args) != 1:
                raise TypeError("can query only one param")
            return self._get(_ALIASES.get(args[0], args[0]))
        changes = {}
        for key, value in kwargs.items():
            key = _ALIASES.get(key, key)
            if key == "hostname":
                hostname(value)
            elif key == "reconnects":
                if self._ap:
                    raise OSError("STA required")
                _link.call("wlan_reconnects", value)
            elif key in _settings:
                _settings[key] = value
            elif key in _AP_KEYS:
                if not self._ap:
                    if key == "channel":
                        continue
                    raise OSError("AP required")
                changes[key] = _text(value) if key in ("ssid", "password") else value
            elif key != "mac":
                raise ValueError("unknown config param")
        if changes:
            _link.call("wlan_configure_ap", changes)

    def _get(self, key):
        if key in _settings:
            return _settings[key]
        if key == "hostname":
            return _hostname
        values = _link.call("wlan_config", self._ap)
        if key == "mac":
            return bytes.fromhex(values["mac"])
        if key in ("hidden", "authmode", "max_clients") and not self._ap:
            raise OSError("AP required")
        if key == "ifconfig" or key not in values:
            raise ValueError("unknown config param")
        return values[key]

    def ifconfig(self, config=None):
        if config is None:
            return tuple(_link.call("wlan_config", self._ap)["ifconfig"])
        if not isinstance(config, (tuple, list)) and (self._ap or config != "dhcp"):
            raise ValueError("invalid arguments")

    def ipconfig(self, *args, **kwargs):
        if kwargs:
            return
        if len(args) != 1:
            raise TypeError("must query one param")
        address = self.ifconfig()
        if args[0] == "addr4":
            return address[:2]
        if args[0] == "gw4":
            return address[2]
        if args[0] == "dhcp4":
            return not self._ap
        if args[0] == "has_dhcp4":
            return not self._ap and address[0] != "0.0.0.0"
        raise ValueError("unexpected key")


def _text(value):
    return value.decode() if isinstance(value, (bytes, bytearray)) else value


def _bytes(value):
    return b"" if value is None else value.encode() if isinstance(value, str) else bytes(value)


def hostname(name=None):
    global _hostname
    if name is None:
        return _hostname
    if len(name) > 32:
        raise ValueError
    _hostname = name


def country(code=None):
    global _country
    if code is None:
        return _country
    if len(code) != 2:
        raise ValueError
    _country = code  # and that is all: the driver is not told (extmod/modnetwork.c)


def phy_mode(mode=None):
    return 7


def ipconfig(*args, **kwargs):
    if args == ("dns",):
        return WLAN(STA_IF).ifconfig()[3]
    if args:
        raise ValueError("unexpected key")
