"""Devices as this computer sees them; python-miio's own simulators, unmodified, are the devices."""

import functools
import http.server
import json
import threading
import warnings
from pathlib import Path

import pytest
from loopback import addresses

from mynah.bench.home import peers
from mynah.bench.home.peers import TOKEN, Simulated, Simulators
from mynah.errors import BoardTimeoutError, UsageError
from mynah.home import device, fetch, lists
from mynah.home.finding import describe
from mynah.miio import MiioError

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # python-miio's use of click
    miio = pytest.importorskip("miio")

# python-miio 0.6 leaves its sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

PORT = 54321
DEVICES = Path(__file__).with_name("home_devices")
LAMP = Path(peers.__file__).with_name("lamp.json")


@pytest.fixture(scope="module")
def devices():
    """Addresses of a simulated MIoT lamp, an old lamp and an old fan; one where nobody is."""
    with addresses(4) as (lamp, old_lamp, old_fan, nobody):
        simulated = [
            Simulated(lamp, "mynah.light.test", LAMP),
            Simulated(old_lamp, "yeelink.light.color1", DEVICES / "old_lamp.json"),
            Simulated(old_fan, "zhimi.fan.za4", DEVICES / "old_fan.json"),
        ]
        with Simulators(simulated):
            yield {"lamp": lamp, "old_lamp": old_lamp, "old_fan": old_fan, "nobody": nobody}


def test_a_device_says_who_it_is(devices):
    found = device.identify(devices["lamp"], PORT, TOKEN)
    theirs = miio.Device(devices["lamp"], TOKEN.hex())
    assert found.model == theirs.info().model == "mynah.light.test"
    assert found.device_id == theirs.device_id
    assert found.mac == theirs.info().mac_address


def test_a_miot_device_tells_its_roles(devices):
    description = describe("", LAMP)
    state = device.read(devices["lamp"], PORT, TOKEN, description)
    theirs = miio.MiotDevice(devices["lamp"], TOKEN.hex())
    for role, entry in description.roles.items():
        (answer,) = theirs.get_property_by(*entry["p"])
        value = state[role]
        assert answer["value"] == (entry["a"][value] if role == "mode" else value)


def test_old_devices_tell_their_roles(devices):
    lamp = device.read(devices["old_lamp"], PORT, TOKEN, describe("yeelink.light.color1"))
    assert lamp == {"on": False, "brightness": 40, "colour-temperature": 4000, "colour": 0xFF0000}
    fan = device.read(devices["old_fan"], PORT, TOKEN, describe("zhimi.fan.za4"))
    assert fan == {"on": False, "fan-speed": 30, "swing": False}


def test_a_wrong_token_is_told_from_silence(devices, monkeypatch):
    monkeypatch.setattr(device, "TIMEOUT_S", 0.2)
    with pytest.raises(device.WrongTokenError, match="answers a hello, but not this token") as it:
        device.identify(devices["lamp"], PORT, b"\x5a" * 16)
    assert "5a5a" not in str(it.value)
    with pytest.raises(BoardTimeoutError, match="no device answers"):
        device.identify(devices["nobody"], PORT, TOKEN)


def test_another_device_s_description_is_recognised(devices):
    with pytest.raises(MiioError, match="unsupported method"):
        device.read(devices["old_fan"], PORT, TOKEN, describe("", LAMP))


# Lists


EXTRACTOR = [
    {
        "server": "de",
        "homes": [
            {
                "home_id": 1,
                "devices": [
                    {
                        "name": "Lamp",
                        "did": "1",
                        "localip": "10.0.0.2",
                        "token": "ab" * 16,
                        "model": "m.l.1",
                    },
                    {"name": "Lamp", "localip": "10.0.0.3", "token": "cd" * 16, "model": "m.l.1"},
                    {"name": "Sensor over Bluetooth", "token": "ab" * 12, "mac": "A4:C1"},
                    {"name": "Without an address", "localip": "", "token": "ab" * 16},
                ],
            }
        ],
    }
]
HOME_ASSISTANT = {
    "version": 1,
    "data": {
        "entries": [
            {
                "domain": "xiaomi_miio",
                "title": "Bedroom fan",
                "data": {"host": "10.0.0.4", "token": "0f" * 16, "model": "zhimi.fan.za4"},
            },
            {"domain": "sun", "title": "Sun", "data": {}},
        ]
    },
}


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_an_extractor_s_list(tmp_path):
    found = lists.read(write(tmp_path / "devices.json", EXTRACTOR))
    assert [(each.name, each.address, each.model) for each in found] == [
        ("Lamp", "10.0.0.2", "m.l.1"),
        ("Lamp 2", "10.0.0.3", "m.l.1"),
    ]
    assert found[0].token == b"\xab" * 16
    assert "ab" * 16 not in repr(found)


def test_home_assistant_s_entries(tmp_path):
    (found,) = lists.read(write(tmp_path / "core.config_entries.json", HOME_ASSISTANT))
    assert (found.name, found.address, found.model) == ("Bedroom fan", "10.0.0.4", "zhimi.fan.za4")


def test_a_csv_list_with_a_byte_order_mark(tmp_path):
    file = tmp_path / "list.csv"
    text = f"Name, Address, Token, Room, Type\n厨房灯, 10.0.0.5, {'AB' * 16}, 厨房, lamp\n"
    file.write_text(text, encoding="utf-8-sig")
    (found,) = lists.read(file)
    assert (found.name, found.room, found.type) == ("厨房灯", "厨房", "lamp")
    assert found.token == b"\xab" * 16


@pytest.mark.parametrize("content", ["[]", "{}", '[{"token": "12", "address": "10.0.0.1"}]', "not"])
def test_a_list_without_devices_is_refused(tmp_path, content):
    with pytest.raises(UsageError, match=r"list\.json"):
        lists.read(write(tmp_path / "list.json", content))


@pytest.mark.parametrize("text", ["", "ab" * 15, "zz" * 16, "ab" * 17])
def test_what_is_no_token_is_not_repeated(text):
    with pytest.raises(UsageError) as it:
        lists.token_of(text)
    assert not text or text not in str(it.value)


# miot-spec.org


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        body = self.server.pages.get(self.path.replace("%3A", ":"))
        self.send_response(200 if body is not None else 404)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode() if body is not None else b"no")

    def log_message(self, *_):
        pass


@pytest.fixture
def site(monkeypatch, tmp_path):
    lamp = json.loads(LAMP.read_text())
    with http.server.HTTPServer(("127.0.0.1", 0), Site) as server:
        server.asked = []
        server.pages = {
            "/instances?status=all": {
                "instances": [
                    {"model": "mynah.light.test", "version": 1, "type": lamp["type"][:-1] + "1"},
                    {"model": "mynah.light.test", "version": 2, "type": lamp["type"][:-1] + "2"},
                ]
            },
            f"/instance?type={lamp['type'][:-1]}2": lamp,
        }
        monkeypatch.setenv("MYNAH_MIOT_SITE", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("MYNAH_CACHE", str(tmp_path))
        thread = threading.Thread(target=functools.partial(server.serve_forever, 0.01))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_spec_is_fetched_once_and_then_kept(site):
    first = describe("mynah.light.test")
    assert len(site.asked) == 2
    assert "brightness" in first.roles
    site.pages.clear()
    assert describe("mynah.light.test") == first
    assert len(site.asked) == 2


def test_a_model_that_the_site_does_not_know(site):
    with pytest.raises(fetch.NoSpecError, match=r"has no model 'acme\.lamp\.one'"):
        describe("acme.lamp.one")
    with pytest.raises(fetch.NoSpecError, match="404"):
        fetch.instance("urn:miot-spec-v2:device:light:0000A001:acme-one:1")
    with pytest.raises(fetch.NoSpecError, match="neither a model"):
        fetch.instance("../../etc/passwd")
