"""The Wi-Fi radio: hear networks, join one and say why that failed, open the set-up network."""

import _thread
import asyncio
import time

import network

from speaker.net import credentials, networks
from speaker.util.hints import Any, Callable

OK = ""
WRONG_PASSWORD = "wrong password"  # noqa: S105
NO_NETWORK = "no such network"
NO_ADDRESS = "no address"
TIMEOUT = "timeout"
REFUSED = "refused"
WEAK = "signal lost"
SECURITY = "security mismatch"
CHANNEL = "channel not allowed"
ABORTED = "aborted"

# The steps of joining, as `join` tells them.
SCANNING = "scanning"
ASSOCIATING = "associating"
ADDRESS = "getting an address"

# Plain numbers, not const(): the tests shorten them.
POLL_MS = 100
ADDRESS_MS = 10_000  # from association to an address
JOIN_MS = 20_000
SCAN_MS = 10_000  # a scan that takes longer never ends
# `status()` reports the last disconnection's reason until there is a new one, also after
# `connect()`. The same failure as before is believed only after this long.
STALE_MS = 4_000

# IDF's reason codes (esp_wifi_types_generic.h, wifi_err_reason_t) that MicroPython passes on.
# A wrong WPA2 password shows in several ways: the access point says so (202), or stays silent
# when the handshake's second message does not verify (15, 204), or its message integrity check
# fails (14).
_REASONS = {
    2: REFUSED,  # AUTH_EXPIRE
    4: REFUSED,  # ASSOC_EXPIRE
    5: REFUSED,  # ASSOC_TOOMANY
    14: WRONG_PASSWORD,  # MIC_FAILURE
    15: WRONG_PASSWORD,  # 4WAY_HANDSHAKE_TIMEOUT
    200: WEAK,  # BEACON_TIMEOUT
    201: NO_NETWORK,  # NO_AP_FOUND
    202: WRONG_PASSWORD,  # AUTH_FAIL (MicroPython reports CONNECTION_FAIL as this one, too)
    203: REFUSED,  # ASSOC_FAIL
    204: WRONG_PASSWORD,  # HANDSHAKE_TIMEOUT
    205: REFUSED,  # CONNECTION_FAIL
    210: SECURITY,  # NO_AP_FOUND_W_COMPATIBLE_SECURITY
    211: SECURITY,  # NO_AP_FOUND_IN_AUTHMODE_THRESHOLD
    212: WEAK,  # NO_AP_FOUND_IN_RSSI_THRESHOLD
}
# STAT_IDLE, STAT_CONNECTING: nothing to report yet.
_NO_REASON = (network.STAT_IDLE, network.STAT_CONNECTING, 0)

_OPEN = 0  # wifi_auth_mode_t
# The highest 2.4 GHz channel (Linux' wireless-regdb) where it is not 13.
_LAST_CHANNEL = {"US": 11, "CA": 11, "PR": 11, "GU": 11, "AS": 11, "MP": 11, "VI": 11, "JP": 14}
_USUAL_LAST_CHANNEL = 13


class Found:
    """A network that was heard, as one access point offers it."""

    def __init__(self, row: tuple) -> None:
        self.ssid: bytes = row[0]  # empty for a hidden one
        self.bssid: bytes = row[1]
        self.channel: int = row[2]
        self.rssi: int = row[3]
        self.auth: int = row[4]  # wifi_auth_mode_t

    @property
    def secured(self) -> bool:
        """Whether it wants a password."""
        return self.auth != _OPEN


class Wifi:
    """Station and access point of the one radio."""

    def __init__(self, hostname: str) -> None:
        network.hostname(hostname)
        self._station = network.WLAN(network.WLAN.IF_STA)
        # os.urandom is truly random only while the radio is on (ESP-IDF, "Random Number
        # Generation"): whoever makes a secret makes a Wifi first.
        self._station.active(True)
        self._access_point = network.WLAN(network.WLAN.IF_AP)
        self._ssid = b""
        self._aborted = False
        self._country = ""
        self._heard: list = []
        self._scanned = asyncio.ThreadSafeFlag()
        self._scanning = False
        self._in_thread = False

    def set_hostname(self, hostname: str) -> None:
        """The name that routers are told, from the next network on."""
        network.hostname(hostname)

    def set_country(self, code: str) -> None:
        """Where the speaker is (ISO 3166; "" for unknown): other channels are not used.

        Stock MicroPython only keeps the code: the driver stays in its world safe mode, in which it
        joins whatever it hears, and sends on the channels above 11 only when it has heard somebody
        there. So `join` looks at the channels itself.
        """
        self._country = code
        if code:
            network.country(code)

    def is_joined(self) -> bool:
        """Whether the station has a network and an address."""
        return self._station.isconnected()

    @property
    def last_channel(self) -> int:
        """The highest channel that may be used where the speaker is."""
        return _LAST_CHANNEL.get(self._country, _USUAL_LAST_CHANNEL if self._country else 14)

    async def scan(self) -> list:
        """Every access point in reach as a `Found`, the strongest first; takes some 2 s.

        The driver keeps who asks it waiting, so a thread asks it; the lock on the interpreter is
        free meanwhile (ports/esp32/network_wlan.c). Empty when the radio is busy joining.
        """
        started_ms = time.ticks_ms()
        while self._scanning or self._in_thread:
            if time.ticks_diff(time.ticks_ms(), started_ms) > SCAN_MS:
                return []
            await asyncio.sleep_ms(POLL_MS)
        self._scanning = self._in_thread = True
        self._heard = []
        try:
            try:
                _thread.start_new_thread(self._scan, ())
            except OSError:  # no memory for its stack
                self._scan()
            while self._in_thread:
                await asyncio.wait_for_ms(self._scanned.wait(), SCAN_MS)
        except asyncio.TimeoutError:
            return []
        finally:
            self._scanning = False
        found = [Found(row) for row in self._heard]
        found.sort(key=lambda each: -each.rssi)
        return found

    def _scan(self) -> None:
        """In a thread: ask the driver."""
        try:
            self._heard = self._station.scan()
        except OSError:  # the station is off
            pass
        finally:
            self._in_thread = False
            self._scanned.set()

    async def join(self, ssid: bytes, password: str, tell: Callable[[str], object]) -> str:
        """Join a network; OK, or the reason why not. `tell(step)` is called at each step.

        Of several access points of that name the strongest is taken: left to itself the driver
        takes the first that it hears. One that was not heard may be hidden, and is tried. A failure
        is tried once more (scans miss networks, handshakes get lost), and the second one's reason
        counts.
        """
        self._aborted = False
        self.leave()
        tell(SCANNING)
        bssid, reason = self._choose(ssid, await self.scan())
        for _ in range(0 if reason else 2):
            if self._aborted:
                break
            tell(ASSOCIATING)
            reason = await self._join_once(ssid, password, bssid, tell)
            if reason == OK:
                self._ssid = ssid
                return OK
        self.leave()
        return ABORTED if self._aborted else reason

    def abort(self) -> None:
        """Have `join` give up soon."""
        self._aborted = True

    def leave(self) -> None:
        """Leave the network, or stop trying to join one."""
        try:
            self._station.disconnect()
        except OSError:  # was not connected
            pass

    async def close(self) -> None:
        """Wait for the thread: a soft reset would kill it inside of the driver."""
        for _ in range(SCAN_MS // POLL_MS):
            if not self._in_thread:
                break
            await asyncio.sleep_ms(POLL_MS)

    def _choose(self, ssid: bytes, found: list) -> tuple:
        """`(bssid of the best access point or None, reason why there is none to be tried)`."""
        named = [each for each in found if each.ssid == ssid]
        allowed = [each for each in named if each.channel <= self.last_channel]
        if allowed:
            return allowed[0].bssid, OK
        return None, CHANNEL if named else OK

    async def _join_once(
        self, ssid: Any, password: str, bssid: bytes | None, tell: Callable[[str], object]
    ) -> str:
        station = self._station
        station.active(True)
        self.leave()
        before = station.status()
        try:
            # One attempt a call: with IDF's own retries `status()` stays CONNECTING for ever.
            # No power saving: it costs up to 300 ms a packet, and the speaker is on mains.
            station.config(reconnects=0, pm=network.WLAN.PM_NONE)
            # An open network takes no key at all.
            station.connect(ssid, password if password else None, bssid=bssid)
        except OSError:  # the driver is busy with something else
            return REFUSED
        return await self._outcome(before, tell)

    async def _outcome(self, before: int, tell: Callable[[str], object]) -> str:
        station = self._station
        started_ms = time.ticks_ms()
        associated_ms = 0
        while not self._aborted:
            await asyncio.sleep_ms(POLL_MS)
            if station.isconnected():
                return OK
            if self._is_associated():
                if not associated_ms:
                    tell(ADDRESS)
                associated_ms += POLL_MS
                if associated_ms > ADDRESS_MS:
                    return NO_ADDRESS
                continue
            associated_ms = 0
            waited_ms = time.ticks_diff(time.ticks_ms(), started_ms)
            status = station.status()
            if status in _NO_REASON:
                before = status
            elif status != before or waited_ms > STALE_MS:
                return _REASONS.get(status, REFUSED)
            if waited_ms > JOIN_MS:
                return TIMEOUT
        return ABORTED

    def _is_associated(self) -> bool:
        """Whether there is a link to an access point, with or without an address."""
        try:
            return self._station.status("rssi") < 0
        except OSError:
            return False

    def open_set_up(self, ssid: str) -> None:
        """Open the set-up network: no password, the board at 192.168.4.1."""
        networks.open_access_point("set-up", self._access_point, ssid)

    def close_set_up(self) -> None:
        """Take the set-up network off the air."""
        self._access_point.active(False)

    def is_set_up_peer(self, address: str) -> bool:
        """Whether an IPv4 address belongs to the set-up network, while that is open."""
        if not self._access_point.active():
            return False
        ours, mask = self._access_point.ifconfig()[:2]
        return _masked(address, mask) == _masked(ours, mask) and not self._is_station_peer(address)

    def _is_station_peer(self, address: str) -> bool:
        # Some routers use 192.168.4.x as well: who might be on the home network is not trusted.
        if not self.is_joined():
            return False
        ours, mask = self._station.ifconfig()[:2]
        return _masked(address, mask) == _masked(ours, mask)

    def home(self) -> tuple | None:
        """`(IPv4 address, mask)` on the home network; None while the speaker is not on it."""
        return self._station.ifconfig()[:2] if self.is_joined() else None

    @property
    def ssid(self) -> bytes:
        """Name of the network that the station is in, or nothing.

        Not the driver's: `config("ssid")` reads a name of 32 bytes on into the password behind it
        (ports/esp32/network_wlan.c, mp_obj_new_str_from_cstr).
        """
        return self._ssid if self.is_joined() else b""

    @property
    def address(self) -> str:
        """IPv4 address on the home network; "0.0.0.0" without one."""
        return self._station.ifconfig()[0]

    def report(self) -> dict:
        """`ap` and `netif` of `miIO.info`."""
        rssi = 0
        if self.is_joined():
            try:
                rssi = self._station.status("rssi")
            except OSError:  # just lost
                pass
        interface = self._station if self.is_joined() else self._access_point
        address, mask, gateway = interface.ifconfig()[:3]
        return {
            "ap": {"ssid": credentials.shown(self.ssid), "bssid": "", "rssi": rssi},
            "netif": {"localIp": address, "mask": mask, "gw": gateway},
        }


def _masked(address: str, mask: str) -> list:
    return [int(a) & int(m) for a, m in zip(address.split("."), mask.split("."))]
