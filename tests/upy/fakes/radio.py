"""A `network` module whose station follows a script, with the ESP32 port's habits."""

import sys
import time


class Station:
    """Each connect() plays the next script: a list of (ms, status or "link" or "ip" or "lost").

    As in ports/esp32/network_wlan.c: status() keeps the last disconnection's reason across
    connect(), until something new happens.
    """

    PM_NONE = 0

    def __init__(self):
        self.scripts = []
        self.connects = []
        self.bssids = []
        self.heard = []  # what a scan finds: (ssid, bssid, channel, rssi, auth, hidden)
        self.scans = 0
        self.settings = {}
        self.up = False
        self._status = 1000
        self._link = False
        self._address = False
        self._script = []
        self._started_ms = 0

    def active(self, up=None):
        if up is not None:
            self.up = up
        return self.up

    def config(self, *names, **settings):
        if names:
            return {"ssid": self.connects[-1][0]}[names[0]]
        if not self.up:
            raise OSError("Wifi Not Started")
        self.settings.update(settings)
        return None

    def scan(self):
        self.scans += 1
        return [] if self._script else list(self.heard)

    def connect(self, ssid, key, *, bssid=None):
        self.connects.append((ssid, key))
        self.bssids.append(bssid)
        self._script = list(self.scripts.pop(0)) if self.scripts else []
        self._started_ms = time.ticks_ms()

    def disconnect(self):
        self._script = []
        if not self._link:
            raise OSError("Wifi Not Connected")
        self._link = self._address = False
        self._status = 1000

    def _play(self):
        while self._script:
            at_ms, event = self._script[0]
            if time.ticks_diff(time.ticks_ms(), self._started_ms) < at_ms:
                return
            self._script.pop(0)
            if event in ("link", "ip"):
                self._link = True
                self._address = event == "ip"
                self._status = 1010 if self._address else 1001
            else:
                self._link = self._address = False
                self._status = 200 if event == "lost" else event

    def isconnected(self):
        self._play()
        return self._address

    def status(self, what=None):
        self._play()
        if what == "rssi":
            if not self._link:
                raise OSError("Wifi Not Connected")
            return -55
        return self._status

    def ifconfig(self):
        return ("192.168.1.20", "255.255.255.0", "192.168.1.1", "192.168.1.1")


class AccessPoint:
    def __init__(self):
        self.up = False
        self.settings = {}

    def active(self, up=None):
        if up is not None:
            self.up = up
        return self.up

    def config(self, **settings):
        if not self.up:
            raise OSError("Wifi Not Started")
        self.settings.update(settings)

    def ifconfig(self):
        return ("192.168.4.1", "255.255.255.0", "192.168.4.1", "0.0.0.0")


class WLAN:
    IF_STA, IF_AP, SEC_OPEN, PM_NONE = 0, 1, 0, 0

    def __new__(cls, interface):
        return station if interface == cls.IF_STA else access_point


class Network:
    STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
    WLAN = WLAN
    names = []
    countries = []

    @classmethod
    def hostname(cls, name):
        cls.names.append(name)

    @classmethod
    def country(cls, code):
        assert len(code) == 2
        cls.countries.append(code)


class Thread:
    """Takes `_thread`'s place: what is started has ended before it returns."""

    @staticmethod
    def start_new_thread(function, args):
        function(*args)


def install():
    """Put the fake in the place of `network`, with a new station and access point."""
    global station, access_point  # noqa: PLW0603 - as the port's own singletons
    station = Station()
    access_point = AccessPoint()
    sys.modules["network"] = Network
    sys.modules["_thread"] = Thread
    return station, access_point


station = None
access_point = None
