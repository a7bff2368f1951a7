"""The simulated radio: `network`, and a router that restarts and has moods."""

import sys

IDLE, CONNECTING, GOT_IP = 1000, 1001, 1010
BEACON_TIMEOUT, NO_AP_FOUND, WRONG_PASSWORD = 200, 201, 202

# As ESP-IDF takes its time, in milliseconds.
_SCAN, _LINK, _ADDRESS, _BEACONS = 2400, 900, 1600, 6000
_AP = "192.168.4.1"


class Router:
    """The home's access point. What is set here is noticed by the board as late as a real one."""

    def __init__(self, clock, ssid, password):
        self._clock = clock
        self.ssid, self.password = ssid, password
        self.channel = 6
        self.subnet = "192.168.1."
        self.lease = 20
        self.up = True
        self.dhcp = True  # hands out addresses
        self.changes = 0
        self.since_us = 0  # when it last became as it is

    def change(self, **settings):
        """Set `up`, `dhcp`, `channel` or `lease`; a link does not outlive a change of the radio."""
        self.since_us = self._clock.now_us
        for name, value in settings.items():
            setattr(self, name, value)
        if "up" in settings or "channel" in settings:
            self.changes += 1


class Station:
    """The board's station, as ports/esp32/network_wlan.c shows it."""

    def __init__(self, clock, router):
        self._clock = clock
        self._router = router
        self._attempt = 0
        self.reset()

    def reset(self):
        """As after power-on."""
        self._attempt += 1
        self.up = False
        self._linked = 0  # the router's state at which the link was made, from 1
        self._address = ""
        self._status = IDLE
        self._wanted = None

    def active(self, on=None):
        if on is not None:
            self.up = bool(on)
            if not on:
                self.reset()
        return self.up

    def config(self, *names, **settings):
        if names:
            return {"ssid": self._router.ssid, "mac": b"\x30\xed\xa0\x00\x00\x01", "channel": 6}[
                names[0]
            ]
        if not self.up:
            raise OSError("Wifi Not Started")
        return None

    def connect(self, ssid=None, key=None, *, bssid=None):
        self._attempt += 1
        self._wanted = (ssid if isinstance(ssid, bytes) else ssid.encode(), key)
        self._status = CONNECTING
        self._clock.after(_LINK, self._try_link, self._attempt)

    def disconnect(self):
        linked = bool(self._linked)
        self._attempt += 1
        self._linked = 0
        self._address = ""
        self._status = IDLE
        if not linked:
            raise OSError("Wifi Not Connected")

    def _try_link(self, attempt):
        if attempt != self._attempt:
            return
        router = self._router
        if not router.up or self._wanted[0] != router.ssid.encode():
            self._clock.after(_SCAN - _LINK, self._fail, attempt, NO_AP_FOUND)
        elif (self._wanted[1] or "") != router.password:
            self._fail(attempt, WRONG_PASSWORD)
        else:
            self._linked = router.changes + 1
            self._clock.after(_ADDRESS - _LINK, self._try_address, attempt)
            self._watch(attempt)

    def _try_address(self, attempt):
        if attempt != self._attempt or not self._linked:
            return
        router = self._router
        if router.dhcp and router.up:
            self._address = router.subnet + str(router.lease)
            self._status = GOT_IP
        else:
            self._clock.after(1000, self._try_address, attempt)

    def _watch(self, attempt):
        """Beacons that stay away end the link, in time."""
        if attempt != self._attempt:
            return
        if self._linked != self._router.changes + 1 or not self._router.up:
            self._clock.after(_BEACONS, self._fail, attempt, BEACON_TIMEOUT)
        else:
            self._clock.after(500, self._watch, attempt)

    def _fail(self, attempt, status):
        if attempt == self._attempt:
            self._attempt += 1
            self._linked = 0
            self._address = ""
            self._status = status

    def isconnected(self):
        return bool(self._address)

    def status(self, what=None):
        if what == "rssi":
            if not self._linked:
                raise OSError("Wifi Not Connected")
            return -55
        return self._status

    def scan(self):
        if not self._router.up:
            return []
        name = self._router.ssid.encode()
        return [(name, b"\x02\x00\x00\x00\x00\x01", self._router.channel, -55, 3, False)]

    def ifconfig(self, _settings=None):
        if not self._address:
            return ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")
        gateway = self._router.subnet + "1"
        return (self._address, "255.255.255.0", gateway, gateway)

    def hears(self):
        """Whether packets pass between the board and the home network."""
        return bool(self._address) and self._router.up and self._linked == self._router.changes + 1


class AccessPoint:
    """The board's own access point."""

    def __init__(self):
        self.up = False
        self.settings = {}

    def active(self, on=None):
        if on is not None:
            self.up = bool(on)
        return self.up

    def config(self, *names, **settings):
        if names:
            return self.settings.get(names[0], "")
        if not self.up:
            raise OSError("Wifi Not Started")
        self.settings.update(settings)
        return None

    def isconnected(self):
        return self.up

    def status(self, what=None):
        return [] if what == "stations" else None

    def ifconfig(self, _settings=None):
        return (_AP, "255.255.255.0", _AP, "0.0.0.0")


class Radio:
    """Both interfaces, and which of them leads to whom."""

    def __init__(self, clock, router):
        self.router = router
        self.station = Station(clock, router)
        self.access_point = AccessPoint()

    def reset(self):
        self.station.reset()
        self.access_point.up = False

    def way_to(self, address):
        """The board's address by which a peer is reached, or None."""
        if address.startswith("192.168.4."):
            return _AP if self.access_point.up else None
        return self.station.ifconfig()[0] if self.station.hears() else None


class NetworkModule:
    """The module `network`."""

    STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = IDLE, CONNECTING, GOT_IP
    STAT_BEACON_TIMEOUT, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 200, 201, 202

    def __init__(self, radio):
        class WLAN:
            IF_STA, IF_AP = 0, 1
            SEC_OPEN, SEC_WPA2 = 0, 3
            PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0, 1, 2

            def __new__(cls, interface=0):
                return radio.access_point if interface == 1 else radio.station

        self.WLAN = WLAN
        self.STA_IF, self.AP_IF = 0, 1
        self._hostname = "mpy-esp32s3"
        self._country = "XX"

    def hostname(self, name=None):
        if name is not None:
            self._hostname = name
        return self._hostname

    def country(self, code=None):
        if code is not None:
            self._country = code
        return self._country


def install(radio):
    """Put it in the place of `network`."""
    sys.modules["network"] = NetworkModule(radio)
