# ruff: noqa: E402 - the scripted radio comes before what imports it
"""Joining and provisioning on a scripted radio: every failure has its reason."""

import asyncio
import time

from fakes import radio

station, access_point = radio.install()

from speaker.app.settings import Settings
from speaker.app.state import Store
from speaker.net import credentials, provisioning, wifi
from speaker.net.provisioning import Provisioning

GOOD = [(50, "link"), (150, "ip")]


def fresh(*scripts):
    global station, access_point
    station, access_point = radio.install()
    wifi.network = radio.Network
    station.scripts = list(scripts)
    # Real limits are tens of seconds; the order among them is what counts.
    wifi.JOIN_MS, wifi.ADDRESS_MS, wifi.STALE_MS, wifi.POLL_MS = 500, 200, 300, 10
    return wifi.Wifi("mynah")


def join(*scripts, password="password1"):
    return asyncio.run(fresh(*scripts).join("home", password))


def test_join():
    assert join(GOOD) == wifi.OK
    assert station.connects == [("home", "password1")]
    assert station.settings["reconnects"] == 0
    assert join(GOOD, password="") == wifi.OK
    assert station.connects == [("home", None)]  # an open network takes no key


def test_every_failure_has_its_reason():
    for code, reason in (
        (202, wifi.WRONG_PASSWORD),
        (15, wifi.WRONG_PASSWORD),
        (204, wifi.WRONG_PASSWORD),
        (14, wifi.WRONG_PASSWORD),
        (201, wifi.NO_NETWORK),
        (210, wifi.SECURITY),
        (212, wifi.WEAK),
        (203, wifi.REFUSED),
        (77, wifi.REFUSED),
    ):
        assert join([(30, code)], [(30, 1001), (60, code)]) == reason, code
        assert len(station.connects) == 2


def test_no_answer_at_all_is_a_timeout():
    assert join([(10, 1001)], [(10, 1001)]) == wifi.TIMEOUT


def test_a_link_without_an_address():
    assert join([(10, "link")], [(10, "link")]) == wifi.NO_ADDRESS


def test_a_first_failure_is_not_the_last_word():
    assert join([(30, 201)], GOOD) == wifi.OK
    assert join([(30, 204)], GOOD) == wifi.OK


def test_the_last_attempts_reason_is_not_taken_for_this_ones():
    radio_ = fresh([(20, 202)], [(20, 202)])
    assert asyncio.run(radio_.join("home", "wrong-one")) == wifi.WRONG_PASSWORD
    # Right now status() still says 202, and the link takes its time.
    station.scripts = [[(150, "link"), (200, "ip")]]
    assert asyncio.run(radio_.join("home", "right-one")) == wifi.OK
    assert len(station.connects) == 3
    # The same failure again is believed, after a while.
    station.disconnect()
    station._status = 202
    station.scripts = [[(20, 202)], [(20, 202)]]
    assert asyncio.run(radio_.join("home", "wrong-one")) == wifi.WRONG_PASSWORD


def test_who_is_on_the_set_up_network():
    radio_ = fresh(GOOD)
    assert not radio_.is_set_up_peer("192.168.4.2")  # it is closed
    radio_.open_set_up("mynah-speaker-test_miapABCD")
    assert access_point.settings == {"ssid": "mynah-speaker-test_miapABCD", "security": 0}
    assert radio_.is_set_up_peer("192.168.4.2")
    assert not radio_.is_set_up_peer("192.168.1.9")
    assert asyncio.run(radio_.join("home", "password1")) == wifi.OK
    station.ifconfig = lambda: ("192.168.4.77", "255.255.255.0", "192.168.4.1", "")
    assert not radio_.is_set_up_peer("192.168.4.2")  # might be anyone at home
    radio_.close_set_up()
    assert not access_point.active()


def test_credentials():
    good = (
        ("home", "12345678"),
        ("x" * 32, "x" * 63),
        ("caf\u00e9", ""),
        ("h", "0123456789abcdefABCDEF0123456789" * 2),
        ('"\\ quoted', "'\"\\ quoted"),
    )
    for ssid, password in good:
        assert credentials.check(ssid, password) == (ssid, password)
    bad = (
        ("", "12345678"),
        ("x" * 33, "12345678"),
        ("\u00e9" * 17, "12345678"),
        ("home", "1234567"),
        ("home", "g" * 64),
        ("home", "x" * 65),
        (None, "12345678"),
        ("home", None),
        (b"home", "12345678"),
    )
    for ssid, password in bad:
        try:
            credentials.check(ssid, password)
        except ValueError as error:
            assert not password or str(password) not in str(error)
        else:
            raise AssertionError((ssid, password))


def test_surrogate_pairs():
    halves = b"a\xed\xa0\xbd\xed\xb8\x80b\xed\xa0\xbd\xed\xb8\x81"
    assert credentials.whole_characters(halves.decode()) == "a\U0001f600b\U0001f601"
    for text in ("plain", "caf\u00e9", "\ud55c\uae00", "\U0001f600", "\u3042\ud7a3"):
        assert credentials.whole_characters(text) == text


class Files:
    def __init__(self, values):
        self.values = values

    def load(self):
        return True

    def save(self, values):
        self.values = values
        return True


class Machine:
    """Provisioning with its store and settings, run for as long as a test's steps take."""

    def __init__(self, owned, *scripts):
        self.radio = fresh(*scripts)
        self.store = Store()
        values = {"ssid": "home", "password": "password1"} if owned else {}
        self.settings = Settings(Files(values), self.store)
        self.settings.load()
        self.states = []
        self.provisioning = Provisioning(self.radio, self.settings, self.store, "set-up-ssid")

    def run(self, steps):
        async def main():
            task = asyncio.create_task(self.provisioning.run())
            watcher = asyncio.create_task(self._watch())
            await steps(self)
            task.cancel()
            watcher.cancel()

        provisioning.REPLY_MS, provisioning.GRACE_MS, provisioning.CHECK_MS = 20, 200, 20
        provisioning.BACK_OFF_S = (0, 0, 0)
        asyncio.run(main())
        asyncio.new_event_loop()

    async def _watch(self):
        watch = self.store.watch("net")
        while True:
            self.states.append(self.store.get("net"))
            await watch.changed()

    async def until(self, state, timeout_ms=3000):
        started_ms = time.ticks_ms()
        while self.store.get("net") != state:
            assert time.ticks_diff(time.ticks_ms(), started_ms) < timeout_ms, self.states
            await asyncio.sleep_ms(5)


def test_a_new_speaker_is_set_up():
    machine = Machine(False, [(30, 202)], [(30, 1001), (60, 202)], GOOD)

    async def steps(m):
        await m.until("set-up")
        assert access_point.active() and access_point.settings["ssid"] == "set-up-ssid"
        assert m.provisioning.is_open_to("192.168.4.2")
        m.provisioning.request("home", "wrong-one")
        assert m.provisioning.report()["state"] == "TRYING"
        await asyncio.sleep_ms(50)
        assert access_point.active()  # the client can ask while it is tried
        await m.until("set-up")
        report = m.provisioning.report()
        assert report["reason"] == "wrong password" and report["auth_fail_count"] == 1
        assert access_point.active() and not m.settings.provisioned
        m.provisioning.request("home", "password1")
        await m.until("online")
        assert m.settings.credentials() == ("home", "password1")
        assert not m.provisioning.is_open_to("192.168.4.2")
        report = m.provisioning.report()
        assert report["state"] == "ONLINE" and report["reason"] == ""
        await asyncio.sleep_ms(100)
        assert not access_point.active()

    machine.run(steps)


def test_the_newest_request_wins():
    machine = Machine(False, [(30, 201)], [(30, 1001), (50, 201)], GOOD)

    async def steps(m):
        await m.until("set-up")
        m.provisioning.request("typo", "password1")
        await asyncio.sleep_ms(60)
        m.provisioning.request("home", "password1")
        await m.until("online")
        assert station.connects[-1] == ("home", "password1")

    machine.run(steps)
    assert machine.states.count("set-up") == 1


def test_a_router_that_vanishes_is_retried_for_ever():
    away = [(20, 1001), (40, 201)]
    machine = Machine(True, *([away] * 8), GOOD + [(400, "lost")], *([away] * 4), GOOD)

    async def steps(m):
        await m.until("online", 8000)
        await m.until("joining")
        await m.until("online", 8000)

    machine.run(steps)
    assert not access_point.active()
    assert "set-up" not in machine.states
