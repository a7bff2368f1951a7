"""Gets the speaker onto a network and keeps it there: one state machine, whatever the door."""

import asyncio

from speaker.net import credentials, wifi
from speaker.util import log
from speaker.util.hints import Any

OFF = "off"
SET_UP = "set-up"  # the set-up network is open, waiting for credentials
TRYING = "trying"  # the same, while credentials are tried
JOINING = "joining"  # has credentials, not on the network
ONLINE = "online"

# Plain numbers, not const(): the tests shorten them.
# The answer to `miIO.config_router` must be on its way before the radio changes channel.
REPLY_MS = 300
# After success the set-up network stays for a moment, so that the client can ask how it went.
GRACE_MS = 4_000
CHECK_MS = 500
BACK_OFF_S = (1, 2, 5, 10, 30, 60)


class Provisioning:
    """Owns the radio.

    `radio` is a Wifi, `settings` keeps the credentials, and the state goes to the store as `net`
    and `net_reason`.
    """

    def __init__(self, radio: Any, settings: Any, store: Any, set_up_ssid: str) -> None:
        self._radio = radio
        self._settings = settings
        self._store = store
        self._set_up_ssid = set_up_ssid
        self._candidate: tuple = ("", "")
        self._requested = asyncio.Event()
        self._reported = asyncio.Event()
        self._counts = {"conn_success_count": 0, "conn_fail_count": 0}
        self._counts["auth_fail_count"] = 0
        self._counts["dhcp_fail_count"] = 0

    def is_open_to(self, address: str) -> bool:
        """Whether a peer may see the token and hand in credentials.

        Only before the speaker has an owner, and only over its own set-up network.
        """
        return not self._settings.provisioned and self._radio.is_set_up_peer(address)

    def request(self, ssid: object, password: object) -> None:
        """Try these credentials, soon; the newest request wins. ValueError for impossible ones."""
        self._candidate = credentials.check(ssid, password)
        self._set_state(TRYING)
        self._requested.set()

    def report(self) -> dict:
        """The answer to `miIO.wifi_assoc_state`."""
        report = {"state": self._store.get("net").upper(), "reason": self._store.get("net_reason")}
        report.update(self._counts)
        if report["state"] == "ONLINE":
            self._reported.set()
        return report

    async def run(self) -> None:
        """Task: from set-up to online, and back online whenever the network goes away."""
        while True:
            if self._settings.provisioned:
                await self._stay_joined()
            else:
                await self._set_up()

    async def _set_up(self) -> None:
        self._radio.open_set_up(self._set_up_ssid)
        log.info("wifi", "set-up network %s is open", self._set_up_ssid)
        self._set_state(SET_UP)
        while True:
            await self._requested.wait()
            await asyncio.sleep_ms(REPLY_MS)
            self._requested.clear()
            ssid, password = self._candidate
            if await self._join(ssid, password):
                break
            if not self._requested.is_set():
                self._set_state(SET_UP)
                log.info("wifi", "set-up network %s is open", self._set_up_ssid)
        self._settings.set_credentials(ssid, password)
        self._candidate = ("", "")
        self._reported.clear()
        self._set_online()
        try:
            await asyncio.wait_for_ms(self._reported.wait(), GRACE_MS)
            await asyncio.sleep_ms(REPLY_MS)
        except asyncio.TimeoutError:
            pass
        self._radio.close_set_up()
        log.info("wifi", "set-up network closed")

    async def _stay_joined(self) -> None:
        failures = 0
        self._radio.close_set_up()  # it outlives a soft reset
        while True:
            if self._radio.is_joined():
                failures = 0
                self._set_online()
                await self._until_lost()
                log.warning("wifi", "lost the network")
            self._set_state(JOINING)
            if not await self._join(*self._settings.credentials()):
                await asyncio.sleep(BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)])
                failures += 1

    async def _until_lost(self) -> None:
        while self._radio.is_joined():
            await asyncio.sleep_ms(CHECK_MS)

    async def _join(self, ssid: str, password: str) -> bool:
        log.info("wifi", "joining %s", ssid)
        reason = await self._radio.join(ssid, password)
        self._store.set("net_reason", reason)
        if reason == wifi.OK:
            self._counts["conn_success_count"] += 1
            return True
        self._counts["conn_fail_count"] += 1
        if reason == wifi.WRONG_PASSWORD:
            self._counts["auth_fail_count"] += 1
        elif reason == wifi.NO_ADDRESS:
            self._counts["dhcp_fail_count"] += 1
        log.warning("wifi", "cannot join %s: %s", ssid, reason)
        return False

    def _set_online(self) -> None:
        if self._store.get("net") != ONLINE:
            log.info("wifi", "joined %s", self._settings.credentials()[0])
            log.info("wifi", "address %s", self._radio.report()["netif"]["localIp"])
        self._set_state(ONLINE)

    def _set_state(self, state: str) -> None:
        self._store.set("net", state)
