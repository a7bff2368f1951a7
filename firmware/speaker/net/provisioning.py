"""Gets the speaker onto a network and keeps it there: one state machine, whatever the door.

Doors hand in credentials by `request` and learn how it went from the `Trial` that they get: miIO's
`config_router` over the set-up network (app/device.py), Improv over serial (net/improv.py). Other
parts read the store: `net` is the state, `net_reason` why the last attempt failed, `net_set_up`
whether the set-up network is open (window.py).

    net             what it is doing
    starting        nothing yet
    off             no network is known and set-up is closed: the button opens it
    set-up          no network is known, set-up is open
    scanning        listens which access points there are
    associating     has chosen one and talks to it
    address         is connected and waits for an address
    online          has an address
    retrying        its network cannot be joined at the moment: waits, then tries again

             ┌──────── request ───────┐
    off ◀──▶ set-up        online ◀───┼──▶ retrying     (a network that is known and was lost is
     │ window  │ request    ▲  │ lost │       │          tried again for ever, with back-off)
     └─────────┴──────────▶ scanning ─┴───────┘
                            associating
                            address ──▶ online      the trial went well: saved, set-up closes
                               └──────▶ set-up, or the old network again: nothing was changed

- **Tried before kept.** What a door hands in is saved only once the speaker has an address with
  it, in one write of two copies; until then the old network is what is in flash. When a trial
  fails, is aborted, or the power is cut, the speaker goes on with the old network.
- **The newest request wins**, whatever the machine is doing.
- **The set-up window** opens by itself only on a speaker that knows no network and has no owner,
  and for everybody else by holding the button. It closes after a trial that went well, or in time.
- **The token** is shown in a hello only on the set-up network, in the window, and never once the
  speaker has an owner. Whoever got it in by miIO's door holds it, so becomes the owner then;
  through Improv nobody learns it (app/claim.py hands it over by cable).
"""

import asyncio

from speaker.net import credentials, wifi
from speaker.net.window import Window
from speaker.util import log
from speaker.util.hints import Any

OFF = "off"
SET_UP = "set-up"
SCANNING = "scanning"
ASSOCIATING = "associating"
ADDRESS = "address"
ONLINE = "online"
RETRYING = "retrying"

_STEPS = {wifi.SCANNING: SCANNING, wifi.ASSOCIATING: ASSOCIATING, wifi.ADDRESS: ADDRESS}
_COUNTED = {wifi.WRONG_PASSWORD: "auth_fail_count", wifi.NO_ADDRESS: "dhcp_fail_count"}

_LOOK_MS = 50

# Plain numbers, not const(): the tests shorten them.
# The answer to `miIO.config_router` must be on its way before the radio changes channel.
REPLY_MS = 300
# After success the set-up network stays for a moment, so that the client can ask how it went.
GRACE_MS = 4_000
CHECK_MS = 500
BACK_OFF_S = (1, 2, 5, 10, 30, 60)


class Trial:
    """Credentials that are being tried, and how that ended."""

    def __init__(self, ssid: bytes, password: str, country: str, by_owner: bool) -> None:
        self.ssid = ssid
        self.password = password
        self.country = country
        self.by_owner = by_owner
        self.reason = ""  # of a failure, once it is over
        self.over = False
        self._ended = asyncio.Event()

    def end(self, reason: str) -> None:
        """It went well (no reason), or failed."""
        self.reason = reason
        self.over = True
        self.password = ""
        self._ended.set()

    async def outcome(self) -> str:
        """Wait for the end; the reason why it failed, or nothing."""
        await self._ended.wait()
        return self.reason


class Provisioning:
    """Owns the radio (`radio`, a Wifi); `settings` keeps credentials, `store` has the state."""

    def __init__(self, radio: Any, settings: Any, store: Any, set_up_ssid: str) -> None:
        self._radio = radio
        self._settings = settings
        self._store = store
        self.window = Window(radio, store, set_up_ssid)
        self._trial: Trial | None = None  # the newest one that a door wants
        self._last: Trial | None = None
        self._joining = False
        self._n_scans = 0  # that doors wait for
        self._wake = asyncio.Event()
        self._reported = asyncio.Event()
        self._counts = {"conn_success_count": 0, "conn_fail_count": 0}
        self._counts["auth_fail_count"] = 0
        self._counts["dhcp_fail_count"] = 0

    def is_open_to(self, address: str) -> bool:
        """Whether a peer may hand in credentials: over the set-up network, while that is open."""
        return self.window.admits(address)

    def shows_token_to(self, address: str) -> bool:
        """Whether a hello from there may see the token."""
        return not self._settings.owned and self.window.admits(address)

    def open_window(self) -> None:
        """Open set-up, as the button does. An owner stays the owner."""
        self.window.open()
        self._wake.set()

    def request(
        self, ssid: Any, password: Any, country: Any = "", *, by_owner: bool = False
    ) -> Trial:
        """Try these credentials, soon. ValueError for impossible ones.

        `by_owner`: whoever asks proved to hold the token. `country` "" leaves it as it is.
        """
        ssid, password = credentials.check(ssid, password)
        trial = Trial(ssid, password, credentials.check_country(country), by_owner)
        self.abort()
        self._trial = self._last = trial
        self._reported.clear()
        self.window.extend()
        self._radio.abort()
        self._set_state(SCANNING)
        self._wake.set()
        return trial

    def abort(self) -> bool:
        """Give up what is being tried and go back to what was; whether there was anything."""
        if self._trial is None:
            return False
        self._trial.end(wifi.ABORTED)
        self._trial = None
        self._radio.abort()
        self._wake.set()
        return True

    async def scan(self) -> list:
        """The access points in reach, for doors; empty while something is tried.

        The radio cannot scan while it joins: looking for a network that is away is put off.
        """
        self.window.extend()
        self._n_scans += 1
        try:
            if self._trial is None:
                self._radio.abort()
            while self._joining and self._trial is None:
                await asyncio.sleep_ms(_LOOK_MS)
            return [] if self._trial else await self._radio.scan()
        finally:
            self._n_scans -= 1

    @property
    def is_trying(self) -> bool:
        """Whether something that a door handed in is being tried."""
        return self._trial is not None

    @property
    def url(self) -> str:
        """Where the speaker is reached, or nothing."""
        online = self._store.get("net") == ONLINE
        return "miio://%s:54321" % self._radio.address if online else ""

    def report(self) -> dict:
        """The answer to `miIO.wifi_assoc_state`.

        `state` is the store's in capitals, `trial` how the last request went: "", "running",
        "ok" or "failed".
        """
        report = {"state": self._store.get("net").upper(), "reason": self._store.get("net_reason")}
        report["trial"] = ""
        if self._last is not None:
            trial = self._last
            report["trial"] = "running" if not trial.over else "failed" if trial.reason else "ok"
            report["reason"] = trial.reason or report["reason"]
            if trial.over:
                self._reported.set()
        report.update(self._counts)
        return report

    async def run(self) -> None:
        """Task: from set-up to online, and back online whenever the network goes away."""
        # What a soft reset or an abort left: it may be a network that was only tried.
        self._radio.leave()
        self.window.close()
        self._radio.set_country(self._settings.country)
        if not self._settings.provisioned and not self._settings.owned:
            self.window.open()
        while True:
            if self._trial is not None:
                await self._try(self._trial)
            elif self._settings.provisioned:
                await self._stay_joined()
            else:
                self._set_state(SET_UP if self.window.is_open else OFF)
                await self._pause(CHECK_MS)

    async def _try(self, trial: Trial) -> None:
        await asyncio.sleep_ms(REPLY_MS)
        if trial.over:
            return
        if trial.country:
            self._radio.set_country(trial.country)
        reason = await self._join(trial.ssid, trial.password)
        if self._trial is not trial:  # aborted, or a newer one came
            reason = wifi.ABORTED
        if reason == wifi.OK:
            self._settings.set_network(trial.ssid, trial.password, trial.country, trial.by_owner)
            self._set_online()
        elif trial.country:
            self._radio.set_country(self._settings.country)
        if self._trial is trial:
            self._trial = None
        trial.end(reason)
        if reason == wifi.OK and self.window.is_open:
            await self._close_window(trial)

    async def _close_window(self, trial: Trial) -> None:
        if not trial.by_owner:  # it came by cable: nobody is on the set-up network to be told
            self.window.close()
            return
        try:
            await asyncio.wait_for_ms(self._reported.wait(), GRACE_MS)
            await asyncio.sleep_ms(REPLY_MS)
        except asyncio.TimeoutError:
            pass
        self.window.close()

    async def _stay_joined(self) -> None:
        """Until a door wants something tried."""
        failures = 0
        while self._trial is None:
            if self._radio.is_joined():
                failures = 0
                self._set_online()
                await self._pause(CHECK_MS)
                if not self._radio.is_joined():
                    log.warning("net", "lost the network")
                continue
            if self._n_scans:
                await self._pause(_LOOK_MS)
                continue
            reason = await self._join(*self._settings.credentials())
            if reason not in (wifi.OK, wifi.ABORTED):
                self._set_state(RETRYING, reason)
                await self._pause(1000 * BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)])
                failures += 1

    async def _join(self, ssid: bytes, password: str) -> str:
        log.info("wifi", "joining %s", credentials.shown(ssid))
        self._joining = True
        try:
            reason: str = await self._radio.join(
                ssid, password, lambda step: self._set_state(_STEPS[step], "")
            )
        finally:
            self._joining = False
        if reason == wifi.OK:
            self._counts["conn_success_count"] += 1
        elif reason != wifi.ABORTED:
            self._counts["conn_fail_count"] += 1
            if reason in _COUNTED:
                self._counts[_COUNTED[reason]] += 1
            self._store.set("net_reason", reason)
            log.warning("wifi", "cannot join %s: %s", credentials.shown(ssid), reason)
        return reason

    async def _pause(self, ms: int) -> None:
        """Wait, but not when a door or the button wants something."""
        try:
            await asyncio.wait_for_ms(self._wake.wait(), ms)
            self._wake.clear()
        except asyncio.TimeoutError:
            pass

    def _set_online(self) -> None:
        if self._store.get("net") != ONLINE:
            log.info("wifi", "joined %s", credentials.shown(self._radio.ssid))
            log.info("wifi", "address %s", self._radio.address)
        self._set_state(ONLINE, "")

    def _set_state(self, state: str, reason: str | None = None) -> None:
        if reason is not None:
            self._store.set("net_reason", reason)
        if self._store.set("net", state):
            why = self._store.get("net_reason")
            log.info("net", "%s%s", state, ", " + why if why else "")
