"""What `mynah privacy` says, against what the board's network and flash really did."""

import json
import time

import pytest

from mynah import privacy
from mynah.hil.controls import wait_until
from mynah.virtual.traffic import UDP, Place

QUIET_S = 1.5
MDNS = 5353
SETTINGS = ("/settings.a", "/settings.b")


@pytest.fixture(scope="module")
def firmware():
    return privacy.by_section(privacy.of_firmware())


@pytest.fixture(scope="module")
def kept():
    """What is left of the session, for more than one test."""
    return {}


@pytest.fixture
def session(kept, paired, flash, say, world):
    """What a session of everything that a user does left in the network and in the flash."""
    if not kept:
        paired.info()
        paired.set("speaker.volume", 41)
        paired.set("indicator-light.on", True)
        paired.action("play-control.play")
        paired.action("play-control.stop")
        say()
        assert paired.get("wake.count") == 1
        paired.call("miIO.wifi_assoc_state")
        saved = lambda: any(b'"volume": 41' in data for data in flash.files().values())  # noqa: E731
        wait_until(saved, 15, "the setting in the flash")
        kept.update(places=world.traffic.places(), flows=world.traffic.flows(), files=flash.files())
    return kept


@pytest.mark.proves("privacy report", "method mynah.privacy", "console mynah privacy")
def test_a_board_tells_the_same_over_network_and_serial_port(device, paired):
    firmware = privacy.of_firmware()
    over_network = privacy.over_network(paired)
    assert privacy.differences(firmware, over_network) == []
    over_console = privacy.over_console(device.console)
    tables = [row for row in over_console if row["section"] != privacy.NOW]
    assert privacy.differences(tables, over_network) == []
    assert tables


def test_what_is_in_use_is_in_the_tables(paired, firmware):
    now = privacy.by_section(privacy.over_network(paired))["now"]
    now = {row["name"]: row["items"] for row in now}
    names = {section: {row["name"] for row in rows} for section, rows in firmware.items()}
    assert set(now["methods"]) == names["methods"], "speaker/miot/methods.py has them all"
    assert {"miio"} <= set(now["sockets"]) <= names["sockets"]
    assert set(now["console"]) == names["console"] - {"Ctrl-C"}
    assert now["network"] == ["online"]
    assert now["microphone"] == ["listening"]
    assert {"token", "ssid", "password"} <= set(now["settings that are set"]) <= names["settings"]


@pytest.mark.proves("socket miio")
def test_the_network_did_nothing_that_is_in_no_table(session, firmware):
    rows = {row["name"]: row for row in firmware["sockets"]}
    allowed = {row["port"]: row for row in rows.values()}
    places, flows = session["places"], session["flows"]
    assert Place(UDP, rows["miio"]["port"]) in places
    assert {place.kind for place in places} == {UDP}
    assert {place.port for place in places} <= set(allowed)
    assert sum(flow.sent for flow in flows.values()) > 5
    for (place, peer), flow in flows.items():
        row = allowed[place.port]
        asked = "peers" in row["to"] and flow.received
        assert not flow.sent or asked or "{}:{}".format(*peer) in row["to"], (place, peer)


@pytest.mark.proves("sound stays on the board")
def test_sound_leaves_the_board_by_no_way(paired, world, mic, recordings):
    """While it hears and nobody asks, less than a twentieth of the sound's size goes out.

    Other boards on this computer may ask by mDNS: then it answers, and sends no more than it got.
    """
    samples = recordings("okay_nabu")[1][1]

    def sent():
        """Bytes; and packets of mDNS more than it got."""
        flows = world.traffic.flows()
        mdns = [flow for (place, _), flow in flows.items() if place.port == MDNS]
        others = [flow for (place, _), flow in flows.items() if place.port != MDNS]
        unasked = sum(flow.sent - flow.received for flow in mdns)
        return sum(flow.sent_bytes for flow in others), unasked

    def is_quiet():
        before = sent()
        time.sleep(QUIET_S)
        return sent()[0] == before[0] and sent()[1] <= before[1]

    wait_until(is_quiet, 20, "the end of what it tells of itself")
    n_bytes, unasked = sent()
    mic.play(samples, wait=True)
    time.sleep(QUIET_S)
    assert sent()[0] - n_bytes < len(samples) * 2 // 20
    assert sent()[1] <= unasked + 2  # an answer may come late; the sound would be 60 packets


def test_the_flash_holds_what_the_tables_say(session, firmware):
    files = session["files"]
    patterns = [row["name"] for row in firmware["files"]]
    patterns += firmware["files of MicroPython"][0]["name"].split(", ")
    for path in files:
        assert any(_matches(path, pattern) for pattern in patterns), path
    kept = {row["name"] for row in firmware["settings"]}
    copies = _settings(files)
    assert copies
    for copy in copies:
        assert set(copy) <= kept
    newest = copies[0]
    for path, data in files.items():
        if path not in SETTINGS:
            assert newest["token"].encode() not in data, path
            assert b"quoted" not in data, path  # of the password


def _matches(path, pattern):
    start, star, end = pattern.partition("*")
    return path == pattern or (bool(star) and path.startswith(start) and path.endswith(end))


def _settings(files):
    copies = [files[path].split(b"\n", 1)[1] for path in SETTINGS if path in files]
    return [json.loads(copy) for copy in copies]
