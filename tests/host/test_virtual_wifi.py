"""Who a simulated network lets in, and which access point a station finds, as ESP-IDF has it."""

import pytest

from mynah.virtual.wifi import Auth, Reason, Wifi

# IEEE 802.11, annex J.4.2: the standard's own test vectors for passphrase to key.
VECTORS = [
    ("IEEE", "password", "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"),
    (
        "ThisIsASSID",
        "ThisIsAPassword",
        "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af",
    ),
]


def network(**options):
    wifi = Wifi()
    wifi.add("home", **options)
    (made,) = wifi.networks
    return made


@pytest.mark.parametrize(("ssid", "passphrase", "key"), VECTORS)
def test_a_key_of_64_digits_is_the_passphrases(ssid, passphrase, key):
    wifi = Wifi()
    wifi.add(ssid, passphrase)
    (made,) = wifi.networks
    assert made.refusal(key.encode()) is None
    assert made.refusal(key.upper().encode()) is None
    assert made.refusal(key[::-1].encode()) is Reason.AUTH_FAIL
    wifi.add(ssid, passphrase, auth=Auth.WPA3)
    assert wifi.networks[0].refusal(key.encode()) is Reason.AUTH_FAIL


@pytest.mark.parametrize(
    ("auth", "with_password", "without"),
    [
        (Auth.OPEN, Reason.NO_AP_FOUND_IN_AUTHMODE_THRESHOLD, None),
        (Auth.WEP, Reason.NO_AP_FOUND_IN_AUTHMODE_THRESHOLD, 210),
        (Auth.WPA, Reason.NO_AP_FOUND_IN_AUTHMODE_THRESHOLD, 210),
        (Auth.WPA2, None, 210),
        (Auth.WPA_WPA2, None, 210),
        (Auth.WPA3, None, 210),
        (Auth.WPA2_WPA3, None, 210),
        (Auth.ENTERPRISE, 210, 210),
    ],
)
def test_security(auth, with_password, without):
    made = network(password="secret123", auth=auth)
    assert made.refusal(b"secret123") == with_password
    assert made.refusal(b"") == without
    if with_password is None:
        assert made.refusal(b"secret124") is Reason.AUTH_FAIL


def test_left_to_itself_a_station_takes_the_first_it_hears_not_the_strongest():
    wifi = Wifi()
    wifi.add("home", "secret123", -40, 11, bssid="02:00:00:00:00:02")
    wifi.add("home", "secret123", -80, 1, bssid="02:00:00:00:00:01")
    assert wifi.find(b"home").rssi == -80
    assert wifi.find(b"home", "02:00:00:00:00:02").rssi == -40
    assert wifi.find(b"home", "02:00:00:00:00:03") is None
    wifi.remove("home", "02:00:00:00:00:01")
    assert wifi.find(b"home").rssi == -40
    wifi.add("home", "other12345", channel=3)  # without an address: all of that name
    assert [made.channel for made in wifi.networks] == [3]


def test_a_hidden_network_is_found_only_where_the_board_may_ask_for_it():
    wifi = Wifi()
    for channel, found in ((11, True), (12, False), (13, False)):
        wifi.add("secret", "secret123", channel=channel, hidden=True)
        assert bool(wifi.find(b"secret")) == found
        wifi.add("secret", "secret123", channel=channel)
        assert wifi.find(b"secret")


def test_names_are_bytes():
    wifi = Wifi()
    wifi.add(b"\xff\x00")
    wifi.add("caf\u00e9")
    assert {made.name for made in wifi.networks} == {b"\xff\x00", "caf\u00e9".encode()}
    assert {made.ssid for made in wifi.networks} == {"\\xff\x00", "caf\u00e9"}
    wifi.remove(b"\xff\x00")
    assert len(wifi.networks) == 1
