# ruff: noqa: E402 - the scripted radio comes before what imports it
"""Joining a network on a scripted radio: every failure has its reason, every name works."""

import asyncio

from fakes import radio

station, access_point = radio.install()

from speaker.net import credentials, wifi
from speaker.net.nearby import nearby

GOOD = [(50, "link"), (150, "ip")]
OPEN, WPA2 = 0, 3


def heard(ssid, rssi, channel=6, auth=WPA2, last_byte=1):
    return ssid, b"\x02\x00\x00\x00\x00" + bytes([last_byte]), channel, rssi, auth, False


def fresh(*scripts):
    global station, access_point
    station, access_point = radio.install()
    wifi.network = radio.Network
    station.scripts = list(scripts)
    # Real limits are tens of seconds; the order among them is what counts.
    wifi.JOIN_MS, wifi.ADDRESS_MS, wifi.STALE_MS, wifi.POLL_MS = 500, 200, 300, 10
    return wifi.Wifi("mynah")


def attempt(radio_, password="password1", ssid=b"home", steps=None):
    return asyncio.run(radio_.join(ssid, password, ([] if steps is None else steps).append))


def join(*scripts, password="password1"):
    return attempt(fresh(*scripts), password)


def test_join():
    assert join(GOOD) == wifi.OK
    assert station.connects == [(b"home", "password1")]
    assert station.settings["reconnects"] == 0
    assert join(GOOD, password="") == wifi.OK
    assert station.connects == [(b"home", None)]  # an open network takes no key


def test_every_step_is_told():
    steps = []
    assert attempt(fresh(GOOD), steps=steps) == wifi.OK
    assert steps == [wifi.SCANNING, wifi.ASSOCIATING, wifi.ADDRESS]


def test_every_failure_has_its_reason():
    for code, reason in (
        (202, wifi.WRONG_PASSWORD),
        (15, wifi.WRONG_PASSWORD),
        (204, wifi.WRONG_PASSWORD),
        (14, wifi.WRONG_PASSWORD),
        (201, wifi.NO_NETWORK),
        (210, wifi.SECURITY),
        (211, wifi.SECURITY),
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
    assert attempt(radio_, "wrong-one") == wifi.WRONG_PASSWORD
    # Right now status() still says 202, and the link takes its time.
    station.scripts = [[(150, "link"), (200, "ip")]]
    assert attempt(radio_, "right-one") == wifi.OK
    assert len(station.connects) == 3
    # The same failure again is believed, after a while.
    station.disconnect()
    station._status = 202
    station.scripts = [[(20, 202)], [(20, 202)]]
    assert attempt(radio_, "wrong-one") == wifi.WRONG_PASSWORD


def test_the_strongest_access_point_of_a_name_is_taken():
    radio_ = fresh(GOOD)
    station.heard = [
        heard(b"home", -80, channel=1, last_byte=1),
        heard(b"other", -20, last_byte=2),
        heard(b"home", -40, channel=11, last_byte=3),
        heard(b"", -30, last_byte=4),  # hidden
    ]
    assert attempt(radio_) == wifi.OK
    assert station.bssids == [b"\x02\x00\x00\x00\x00\x03"]
    found = nearby(asyncio.run(radio_.scan()))
    assert [(each.ssid, each.rssi) for each in found] == [(b"other", -20), (b"home", -40)]


def test_a_network_that_is_not_heard_may_be_hidden():
    radio_ = fresh(GOOD)
    station.heard = [heard(b"", -30)]
    assert attempt(radio_, ssid=b"secret place") == wifi.OK
    assert station.bssids == [None]


def test_no_channel_is_used_that_the_country_does_not_allow():
    for country, channel, reason in (
        ("US", 11, wifi.OK),
        ("US", 12, wifi.CHANNEL),
        ("DE", 13, wifi.OK),
        ("CN", 14, wifi.CHANNEL),
        ("JP", 14, wifi.OK),
        ("", 13, wifi.OK),  # unknown: the driver's world safe mode looks after it
    ):
        radio_ = fresh(GOOD)
        radio_.set_country(country)
        assert radio.Network.countries[-1:] == ([country] if country else ["JP"])
        station.heard = [heard(b"home", -40, channel=channel)]
        assert attempt(radio_) == reason, (country, channel)
        assert bool(station.connects) == (reason == wifi.OK)
    radio_.set_country("US")
    station.scripts = [GOOD]
    station.heard = [heard(b"home", -30, channel=13), heard(b"home", -70, last_byte=9)]
    assert attempt(radio_) == wifi.OK
    assert station.bssids[-1][-1] == 9


def test_an_attempt_can_be_broken_off():
    radio_ = fresh([(10, 1001)])

    async def main():
        task = asyncio.create_task(radio_.join(b"home", "password1", [].append))
        await asyncio.sleep_ms(60)
        radio_.abort()
        return await asyncio.wait_for_ms(task, 100)

    assert asyncio.run(main()) == wifi.ABORTED
    assert len(station.connects) == 1


def test_scans_do_not_get_in_each_others_way():
    radio_ = fresh()
    station.heard = [heard(b"home", -40)]
    waiting = []
    module, wifi._thread = wifi._thread, type("T", (), {"start_new_thread": None})
    wifi._thread.start_new_thread = staticmethod(lambda f, _: waiting.append(f))

    async def main():
        one = asyncio.create_task(radio_.scan())
        two = asyncio.create_task(radio_.scan())
        await asyncio.sleep_ms(50)
        assert len(waiting) == 1
        waiting.pop()()
        assert len(await asyncio.wait_for_ms(one, 500)) == 1
        await asyncio.sleep_ms(50)
        two.cancel()  # whoever asked has gone; the driver has not ended
        await asyncio.sleep_ms(0)
        closing = asyncio.create_task(radio_.close())
        await asyncio.sleep_ms(50)
        assert not closing.done()
        waiting.pop()()
        await asyncio.wait_for_ms(closing, 500)

    try:
        asyncio.run(main())
    finally:
        wifi._thread = module


def test_a_name_of_32_bytes_does_not_drag_the_password_along():
    radio_ = fresh(GOOD)
    name = b"n" * 32
    assert attempt(radio_, ssid=name) == wifi.OK
    assert radio_.ssid == name
    assert radio_.report()["ap"]["ssid"] == "n" * 32


def test_who_is_on_the_set_up_network():
    radio_ = fresh(GOOD)
    assert not radio_.is_set_up_peer("192.168.4.2")  # it is closed
    radio_.open_set_up("mynah-speaker-test_miapABCD")
    assert access_point.settings == {"ssid": "mynah-speaker-test_miapABCD", "security": 0}
    assert radio_.is_set_up_peer("192.168.4.2")
    assert not radio_.is_set_up_peer("192.168.1.9")
    assert attempt(radio_) == wifi.OK
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
        ("  spaces  ", " 1234567 "),
        ("\U0001f600" * 8, "\u5bc6\u7801\u5bc6\u7801"),
    )
    for ssid, password in good:
        assert credentials.check(ssid, password) == (ssid.encode(), password)
        assert credentials.check(ssid.encode(), password.encode()) == (ssid.encode(), password)
    assert credentials.check(b"\xff\xfe", "12345678") == (b"\xff\xfe", "12345678")
    bad = (
        ("", "12345678"),
        ("x" * 33, "12345678"),
        ("\u00e9" * 17, "12345678"),
        ("home", "1234567"),
        ("home", "g" * 64),
        ("home", "x" * 65),
        (None, "12345678"),
        (["home"], "12345678"),
        ("home", None),
        ("home", 12345678),
        (b"home", b"\xff" * 8),
        ("ho\x00me", "12345678"),
        ("home", "1234567\x008"),
    )
    for ssid, password in bad:
        try:
            credentials.check(ssid, password)
        except ValueError as error:
            assert not password or str(password) not in str(error)
        else:
            raise AssertionError((ssid, password))


def test_countries():
    assert [credentials.check_country(code) for code in ("de", "US", "")] == ["DE", "US", ""]
    for code in ("D", "DEU", "1A", "\u00c4\u00d6", None, 49, ["D", "E"]):
        try:
            credentials.check_country(code)
        except ValueError:
            continue
        raise AssertionError(code)


def test_names_that_are_no_text_are_shown_as_text():
    assert credentials.shown("caf\u00e9".encode()) == "caf\u00e9"
    assert credentials.shown(b"a\xff\\b") == "a\\xff\\x5cb"
    assert credentials.is_text(b"plain") and not credentials.is_text(b"\xff")


def test_surrogate_pairs():
    halves = b"a\xed\xa0\xbd\xed\xb8\x80b\xed\xa0\xbd\xed\xb8\x81"
    assert credentials.whole_characters(halves.decode()) == "a\U0001f600b\U0001f601"
    for text in ("plain", "caf\u00e9", "\ud55c\uae00", "\U0001f600", "\u3042\ud7a3"):
        assert credentials.whole_characters(text) == text
