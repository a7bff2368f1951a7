"""The Wi-Fi radio: join a network and say why it failed, open the set-up network."""

import asyncio
import time

import network

from speaker.net import networks

OK = ""
WRONG_PASSWORD = "wrong password"  # noqa: S105
NO_NETWORK = "no such network"
NO_ADDRESS = "no address"
TIMEOUT = "timeout"
REFUSED = "refused"
WEAK = "signal lost"
SECURITY = "security mismatch"

# Plain numbers, not const(): the tests shorten them.
POLL_MS = 100
ADDRESS_MS = 10_000  # from association to an address
JOIN_MS = 20_000
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


class Wifi:
    """Station and access point of the one radio."""

    def __init__(self, hostname: str) -> None:
        network.hostname(hostname)
        self._station = network.WLAN(network.WLAN.IF_STA)
        # os.urandom is truly random only while the radio is on (ESP-IDF, "Random Number
        # Generation"): whoever makes a secret makes a Wifi first.
        self._station.active(True)
        self._access_point = network.WLAN(network.WLAN.IF_AP)

    def is_joined(self) -> bool:
        """Whether the station has a network and an address."""
        return self._station.isconnected()

    async def join(self, ssid: str, password: str) -> str:
        """Join a network; OK, or the reason why not.

        A failure is tried once more (scans miss networks, handshakes get lost), and the second
        one's reason counts.
        """
        reason = await self._join_once(ssid, password)
        if reason != OK:
            reason = await self._join_once(ssid, password)
        if reason != OK:
            self.leave()
        return reason

    def leave(self) -> None:
        """Leave the network, or stop trying to join one."""
        try:
            self._station.disconnect()
        except OSError:  # was not connected
            pass

    async def _join_once(self, ssid: str, password: str) -> str:
        station = self._station
        station.active(True)
        self.leave()
        before = station.status()
        try:
            # One attempt a call: with IDF's own retries `status()` stays CONNECTING for ever.
            # No power saving: it costs up to 300 ms a packet, and the speaker is on mains.
            station.config(reconnects=0, pm=network.WLAN.PM_NONE)
            # An open network takes no key at all.
            station.connect(ssid, password if password else None)
        except OSError:  # the driver is busy with something else
            return REFUSED
        return await self._outcome(before)

    async def _outcome(self, before: int) -> str:
        station = self._station
        started_ms = time.ticks_ms()
        associated_ms = 0
        while True:
            await asyncio.sleep_ms(POLL_MS)
            if station.isconnected():
                return OK
            if self._is_associated():
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

    def report(self) -> dict:
        """`ap` and `netif` of `miIO.info`."""
        report = {"ap": {"ssid": "", "bssid": "", "rssi": 0}, "netif": {}}
        if self.is_joined():
            report["ap"]["ssid"] = self._station.config("ssid")
            try:
                report["ap"]["rssi"] = self._station.status("rssi")
            except OSError:  # just lost
                pass
        interface = self._station if self.is_joined() else self._access_point
        address, mask, gateway = interface.ifconfig()[:3]
        report["netif"] = {"localIp": address, "mask": mask, "gw": gateway}
        return report


def _masked(address: str, mask: str) -> list:
    return [int(a) & int(m) for a, m in zip(address.split("."), mask.split("."))]
