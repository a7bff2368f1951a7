"""The state machine between the doors and a scripted radio."""

import asyncio

from fakes.machine import AWAY, GOOD, OWNED, THEIRS, WRONG, Files, Machine

from speaker.app.settings import Settings
from speaker.app.state import Store
from speaker.net import provisioning, wifi, window


def test_a_new_speaker_is_set_up():
    machine = Machine({}, *WRONG, GOOD)

    async def steps(m):
        await m.until("set-up")
        assert m.access_point.active() and m.access_point.settings["ssid"] == "set-up-ssid"
        assert m.machine.shows_token_to("192.168.4.2")
        assert m.call("miIO.config_router", {"ssid": "home", "passwd": "wrong-one"}) == ["ok"]
        report = m.call("miIO.wifi_assoc_state")
        assert (report["state"], report["trial"]) == ("SCANNING", "running")
        await m.until("associating")
        assert m.access_point.active()  # the client can ask while it is tried
        await m.until("set-up")
        report = m.call("miIO.wifi_assoc_state")
        assert (report["state"], report["trial"]) == ("SET-UP", "failed")
        assert report["reason"] == "wrong password" and report["auth_fail_count"] == 1
        assert m.access_point.active() and not m.settings.provisioned and not m.files.saved
        assert m.call("miIO.config_router", {"ssid": "home", "passwd": "password1"}) == ["ok"]
        await m.until("online")
        assert m.settings.credentials() == (b"home", "password1")
        assert not m.machine.shows_token_to("192.168.4.2")
        report = m.call("miIO.wifi_assoc_state")
        assert (report["state"], report["trial"], report["reason"]) == ("ONLINE", "ok", "")
        assert m.machine.url == "miio://192.168.1.20:54321"
        await m.true(lambda: not m.access_point.active(), 1000)

    machine.run(steps)
    assert machine.states == [
        "set-up", "scanning", "associating", "set-up",
        "scanning", "associating", "address", "online",
    ]  # fmt: skip
    # One write: no power cut finds a network without its owner, or a password without its network.
    (saved,) = machine.files.saved
    assert saved["owned"] and saved["ssid"] == "home" and saved["password"] == "password1"
    assert bytes.fromhex(saved["token"]) == machine.settings.token


def test_the_newest_request_wins():
    machine = Machine({}, [(30, 1001)], GOOD)

    async def steps(m):
        await m.until("set-up")
        first = m.machine.request("typo", "password1")
        await m.until("associating")
        second = m.machine.request("home", "password1")
        assert await first.outcome() == "aborted"
        assert await second.outcome() == ""
        assert m.station.connects == [(b"typo", "password1"), (b"home", "password1")]

    machine.run(steps)
    assert machine.states.count("set-up") == 1
    assert not machine.settings.owned  # nobody proved to hold the token


def test_a_trial_is_broken_off_on_request():
    machine = Machine({}, [(30, 1001)])

    async def steps(m):
        await m.until("set-up")
        assert not m.machine.abort()
        trial = m.machine.request("home", "password1")
        await m.until("associating")
        assert m.call("mynah.wifi.cancel") == ["ok"]
        assert await trial.outcome() == "aborted" and trial.password == ""
        await m.until("set-up")
        assert m.access_point.active()

    machine.run(steps)
    assert not machine.files.saved


def test_a_router_that_vanishes_is_retried_for_ever():
    machine = Machine(OWNED, *(AWAY * 8), GOOD + [(400, "lost")], *(AWAY * 4), GOOD)

    async def steps(m):
        await m.until("online", 8000)
        before = m.states.count("retrying")
        await m.true(lambda: m.states.count("retrying") > before)
        await m.until("online", 8000)

    machine.run(steps)
    assert not machine.access_point.active()
    assert "set-up" not in machine.states and machine.states.count("retrying") >= 4


def test_the_back_off_grows_and_stays():
    machine = Machine(OWNED)
    waits = []

    async def pause(ms):
        waits.append(ms)
        await asyncio.sleep_ms(0)
        if len(waits) == 9:
            await asyncio.Event().wait()

    async def never(*_):
        return wifi.NO_NETWORK

    async def steps(m):
        provisioning.BACK_OFF_S = (1, 2, 5, 10, 30, 60)
        m.machine._pause, m.radio.join = pause, never
        await m.true(lambda: len(waits) == 9)

    machine.run(steps)
    assert waits == [1000, 2000, 5000, 10000, 30000, 60000, 60000, 60000, 60000]


def test_an_owned_speaker_gets_a_new_network_and_keeps_the_old_one_if_that_fails():
    machine = Machine(OWNED, GOOD, *WRONG, GOOD, GOOD)

    async def steps(m):
        await m.until("online")
        assert m.refuses("miIO.config_router", {"ssid": "new", "passwd": "password2"})[0] == -10000
        m.machine.open_window()
        assert m.access_point.active() and m.store.get("net") == "online"
        assert not m.machine.shows_token_to("192.168.4.2")
        assert m.refuses("miIO.config_router", {"ssid": "new"}, THEIRS)[0] == -10000
        m.call("miIO.config_router", {"ssid": "new", "passwd": "password2"})
        await m.true(lambda: m.call("miIO.wifi_assoc_state")["trial"] == "failed")
        await m.until("online")
        report = m.call("miIO.wifi_assoc_state")
        assert (report["state"], report["trial"]) == ("ONLINE", "failed")
        assert report["reason"] == "wrong password"
        assert m.station.connects[-1] == (b"home", "password1") and not m.files.saved
        assert m.store.get("net_set_up")  # for another try
        m.call("miIO.config_router", {"ssid": "new", "passwd": "password3"})
        await m.true(lambda: m.call("miIO.wifi_assoc_state")["trial"] == "ok")
        assert m.settings.credentials() == (b"new", "password3")
        await m.true(lambda: not m.store.get("net_set_up"), 1000)

    machine.run(steps)
    assert machine.settings.token == bytes.fromhex("ab" * 16)


def test_the_window_closes_in_time_and_only_the_button_opens_it():
    machine = Machine({})

    async def steps(m):
        await m.until("set-up")
        window.OPEN_MS = 100
        m.machine.window.extend()
        await m.until("off")
        assert not m.access_point.active() and not m.machine.shows_token_to("192.168.4.2")
        await asyncio.sleep_ms(150)
        assert m.store.get("net") == "off"
        m.machine.open_window()
        await m.until("set-up", 100)
        assert m.machine.shows_token_to("192.168.4.2")

    machine.run(steps)


def test_a_trial_keeps_the_window_open():
    machine = Machine({}, *WRONG)

    async def steps(m):
        await m.until("set-up")
        window.OPEN_MS = 60
        m.machine.window.extend()
        window.OPEN_MS = 600_000
        m.machine.request("home", "password1")
        await m.until("set-up")
        assert m.store.get("net_set_up")

    machine.run(steps)


def test_what_a_soft_reset_left_is_not_trusted():
    machine = Machine(OWNED, GOOD, GOOD)
    machine.station.up = True
    machine.station.connect(b"only tried", "password9")
    machine.access_point.active(True)

    async def steps(m):
        await m.until("online")
        assert m.station.connects[-1] == (b"home", "password1")
        assert not m.access_point.active()

    machine.run(steps)


def test_a_speaker_without_an_owner_has_a_new_token_at_each_start():
    files = Files({})
    tokens = set()
    for _ in range(3):
        settings = Settings(files, Store())
        settings.load()
        tokens.add(settings.token)
    assert len(tokens) == 3 and not files.saved
    settings.set_network(b"home", "password1", "", by_owner=False)  # by Improv
    again = Settings(files, Store())
    again.load()
    assert again.provisioned and again.token != settings.token
    again.set_owned()
    for _ in range(2):
        last = Settings(files, Store())
        last.load()
        assert last.token == again.token and last.owned
    last.restore()
    assert last.token != again.token and not last.owned and not last.provisioned


def test_odd_names_and_countries_are_kept_over_a_restart():
    for ssid in ("caf\u00e9 \U0001f600".encode(), b"\xff\\", b'  "quoted"\\  ', b"x" * 32):
        files = Files({})
        settings = Settings(files, Store())
        settings.load()
        settings.set_network(ssid, "p" * 63, "DE", by_owner=True)
        again = Settings(files, Store())
        again.load()
        assert again.credentials() == (ssid, "p" * 63) and again.country == "DE"
        again.set_network(b"other", "q" * 64, "", by_owner=False)
        assert again.country == "DE" and again.owned


def test_the_country_is_tried_with_the_network():
    machine = Machine(dict(OWNED, country="US"), GOOD, *WRONG, GOOD, GOOD)
    countries = []

    async def steps(m):
        m.radio.set_country = countries.append
        await m.until("online")
        await m.machine.request("new", "password2", "DE").outcome()
        assert countries == ["US", "DE", "US"]
        await m.until("online")
        m.machine.open_window()
        new = {"ssid": "new", "passwd": "password3", "country_domain": "de"}
        m.call("miIO.config_router", new)
        await m.true(lambda: m.call("miIO.wifi_assoc_state")["trial"] == "ok")
        assert countries == ["US", "DE", "US", "DE"] and m.settings.country == "DE"

    machine.run(steps)


def test_wrong_requests_are_refused_and_change_nothing():
    machine = Machine({})

    async def steps(m):
        await m.until("set-up")
        for params in (
            None,
            [],
            {"ssid": "", "passwd": "password1"},
            {"ssid": "home", "passwd": "short"},
            {"passwd": "password1"},
            {"ssid_hex": "xyz", "passwd": "password1"},
            {"ssid_hex": 5, "passwd": "password1"},
            {"ssid": "home", "passwd": "password1", "cc": "DEU"},
            {"ssid": "home", "passwd": "password1", "cc": 49},
        ):
            code, text = m.refuses("miIO.config_router", params)
            assert code == -5001 and "password1" not in text, params
        assert m.store.get("net") == "set-up" and not m.station.connects

    machine.run(steps)


def test_a_network_that_is_away_does_not_keep_doors_from_listening():
    machine = Machine(OWNED, *([[(30, 1001)]] * 20))
    machine.station.heard = [(b"other", b"\x02\x00\x00\x00\x00\x01", 6, -30, 3, False)]

    async def steps(m):
        for _ in range(5):
            await m.until("associating")
            assert [each.ssid for each in await m.machine.scan()] == [b"other"]
        await m.until("associating")

    machine.run(steps)


def test_a_scan_for_clients_on_the_set_up_network():
    machine = Machine({}, GOOD)
    rows = [(b"net %03d" % n, b"\x02\x00\x00\x00\x00\x01", 6, -30 - n, 3, False) for n in range(60)]
    machine.station.heard = rows + [(b"\xff", b"\x02\x00\x00\x00\x00\x02", 1, -10, 0, False)]

    async def steps(m):
        await m.until("set-up")
        assert m.refuses("mynah.wifi.scan", {}, THEIRS)[0] == -10000
        assert m.refuses("mynah.wifi.scan", {"from": "x"})[0] == -5001
        assert m.call("mynah.wifi.scan") == {"scanning": True, "networks": [], "next": None}
        await m.true(lambda: not m.call("mynah.wifi.scan")["scanning"])
        found, start = [], 0
        while start is not None:
            page = m.call("mynah.wifi.scan", {"from": start})
            found += page["networks"]
            start = page["next"]
        assert len(found) == 61 and m.station.scans == 1
        assert found[0] == {"rssi": -10, "channel": 1, "auth": 0, "ssid_hex": "ff"}
        assert found[1] == {"rssi": -30, "channel": 6, "auth": 3, "ssid": "net 000"}
        m.call("miIO.config_router", {"ssid_hex": "ff", "passwd": ""})
        await m.until("online")
        assert m.settings.ssid == b"\xff"

    machine.run(steps)
