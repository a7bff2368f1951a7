"""Ways onto a Wi-Fi: the speaker's own network, the cable, Improv; and what goes wrong on them."""

import json

import pytest
from click.testing import CliRunner

from mynah.cli import cli
from mynah.errors import BoardError
from mynah.improv import frames
from mynah.improv.serial_door import SerialDoor
from mynah.miio import JoinError, MiioClient, devices
from mynah.miio.pairing import NetworkDoor

pytestmark = pytest.mark.needs("virtual")  # a real board has a network and an owner, and keeps them

SSID, PASSWORD = "caf\u00e9 1", 'pass "word" \\ 1'


@pytest.fixture
def air(wifi, world):
    """The simulated Wi-Fis that a speaker without an owner hears; they answer quickly."""
    wifi.add(SSID, PASSWORD)
    wifi.add("open")
    world.wifi.join_seconds = world.wifi.fail_seconds = 0.1
    return world.wifi


@pytest.fixture
def user(tmp_path, monkeypatch):
    """A user with no speakers yet, who knows the Wi-Fi's password."""
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("MYNAH_WIFI_PASSWORD", PASSWORD)


def mynah(*arguments):
    done = CliRunner().invoke(cli, arguments, catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.mark.proves(
    "pairing over its own network",
    "pairing with a wrong password",
    "method miIO.config_router",
    "method miIO.wifi_assoc_state",
    "method mynah.wifi.scan",
    "network set-up",
    "light set-up",
    "light scanning",
    "light associating",
    "light set-up, wrong password",
    "light online",
)
def test_over_its_own_network_with_a_wrong_password_first(
    device, air, net, expect, check_no_secret
):
    device.reset(wait=False)
    expect("led: set-up #", 10)
    with NetworkDoor(net.access_point) as door:
        assert {found.text for found in door.scan()} == {SSID, "open"}
        with pytest.raises(JoinError, match="wrong password"):
            door.join(SSID.encode(), "not the password", "", lambda _: None)
        for what in ("scanning", "associating", "set-up, wrong password"):
            expect(f"led: {what} #")
        assert air.access_point is not None
        told = []
        door.join(SSID.encode(), PASSWORD, "", told.append)
        found = door.finish()
    for what in ("scanning", "associating", "online"):
        expect(f"led: {what} #")
    expect("net: set-up network closed")
    assert air.joined == SSID
    device.reset()
    expect("wifi: joined")
    with MiioClient(net.wait(), found.token) as owner:
        assert owner.info()["ap"]["ssid"] == SSID
        assert owner.hello().token is None
    check_no_secret(found.token.hex(), PASSWORD, "not the password")


@pytest.mark.proves(
    "pairing over the cable",
    "pairing refused to others",
    "console mynah token",
    "console mynah paired",
    "console mynah country",
)
def test_mynah_pair_over_the_cable(device, air, user, tmp_path, monkeypatch, check_no_secret):
    with device.released() as port:
        done = mynah("pair", "--port", port, "--ssid", SSID, "--country", "de", "--json")
        assert json.loads(done.stdout)["model"] == "mynah.speaker.virtual"
        assert air.joined == SSID
        token = devices.find("speaker").token
        assert mynah("control", "speaker", "get", "speaker.volume").stdout == "60\n"
        for secret in (token, PASSWORD):
            assert secret not in done.output
        monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path / "another"))
        with pytest.raises(BoardError, match="hold its BOOT button for 5 seconds"):
            mynah("pair", "--port", port, "--ssid", SSID)
        assert devices.known() == {}
    check_no_secret(token, PASSWORD)


IMPROV = "improv"


@pytest.mark.proves(
    *(f"improv {number}" for number in range(1, 8)),
    "console IMPROV",
    "console mynah cancel",
)
def test_improv_over_serial(device, air, check_no_secret):
    with device.released() as port, SerialDoor(port) as door:

        def ask(number, payload=b""):
            request = frames.command(number, payload)
            return door._ask(request, lambda frame: frame.texts(number), 5)

        assert door.state == frames.READY
        name, _, chip, called, system, _ = ask(frames.GET_INFO)
        assert (name, chip, system) == (b"Mynah", b"ESP32-S3", b"MicroPython")
        assert called.startswith(b"mynah-")
        assert {found.text for found in door.scan()} == {SSID, "open"}
        assert ask(frames.HOSTNAME, b"kitchen-speaker") == [b"kitchen-speaker"]
        assert ask(frames.NAME, b"Kitchen one") == [b"Kitchen one"]
        assert ask(frames.NETWORK) == [b"2"]  # it has a Wi-Fi radio, and is not online
        with pytest.raises(JoinError, match="passwd: 8 to 63 bytes"):
            door.join(SSID.encode(), "short", "", lambda _: None)
        door.cancel()
        door.join(SSID.encode(), PASSWORD, "", lambda _: None)
        assert air.joined == SSID
        address = device.board.virtual.address
        assert door._next_url == f"miio://{address}:54321"
        assert ask(frames.NETWORK) == [b"3", f"miio://{address}:54321".encode()]
    device.reset()
    device.expect("wifi: joined", 10)
    with device.released() as port, SerialDoor(port) as door:
        assert door.state == frames.PROVISIONED
        assert ask_name(door) == b"Kitchen one"
    check_no_secret(PASSWORD)


def ask_name(door):
    (name,) = door._ask(frames.command(frames.NAME), lambda frame: frame.texts(frames.NAME), 5)
    return name


@pytest.mark.proves("router away and back", "network home", "light retrying")
def test_a_router_that_is_away_is_found_again(device, paired, wifi, led, net, world):
    (ssid,) = wifi.networks
    with wifi.dropped(ssid):
        device.expect("net: lost the network", 10)
        device.expect("led: retrying #", 10)
        led.wait_for(lambda colour: colour[0] > 0 and colour[1] > 0 and colour[2] == 0)
        assert world.wifi.access_point is None, "only the button opens set-up"
    device.expect("wifi: joined", 20)
    net.wait()
    assert paired.get("speaker.volume") == 60


@pytest.mark.proves("console mynah paired", "light off")
def test_an_owner_without_a_network_sees_that_it_is_off(device, led, world):
    """The cable hands out the token; nobody gives a Wi-Fi."""
    with device.released() as port, SerialDoor(port) as door:
        door._identify()
        door.confirm()
    device.reset(wait=False)
    device.expect("net: off", 10)
    device.expect("led: off #", 5)
    led.wait_for(lambda colour: colour[2] > colour[0] > 0)
    assert world.wifi.access_point is None
