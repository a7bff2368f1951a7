"""Device records from MIoT specs and old descriptions; python-miio judges the facts in them."""

import json
import warnings
from pathlib import Path

import pytest

from mynah.bench.home import peers
from mynah.home import fetch, finding, miot, old
from mynah.home.description import MAX_RECORD_BYTES, Description, DescriptionError, Record
from mynah.home.values import decode, show, takes
from mynah.paths import FIRMWARE_DIR

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # python-miio's use of click
    miio = pytest.importorskip("miio")
    from miio.miot_models import DeviceModel

DEVICES = Path(__file__).with_name("home_devices")
LAMP = Path(peers.__file__).with_name("lamp.json")
SPECS = [LAMP, *sorted(path for path in DEVICES.glob("*.json") if "old_" not in path.name)]


def spec(name):
    return json.loads((LAMP if name == "lamp" else DEVICES / f"{name}.json").read_text())


def compiled(name, **options):
    return miot.compile_instance(spec(name), **options)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_our_spec_files_are_specs_to_python_miio(path):
    model = DeviceModel.parse_raw(path.read_text())
    assert [service.siid for service in model.services][:2] == [1, 2]


@pytest.mark.parametrize(
    ("name", "kind", "roles"),
    [
        ("lamp", "lamp", "on brightness colour-temperature colour mode"),
        ("plug", "plug", "on power"),
        ("fan", "fan", "on mode fan-level fan-speed swing"),
        (
            "aircon",
            "air-conditioner",
            "on target-temperature mode fan-level vertical-swing temperature",
        ),
        ("heater", "thermostat", "on target-temperature temperature humidity"),
        ("curtain", "curtain", "open close stop position current-position"),
        ("climate", "sensor", "temperature humidity battery"),
        ("door", "sensor", "contact illumination battery"),
        ("lock", "lock", "locked door battery"),
        ("keys", "plug", "on"),
    ],
)
def test_roles_come_from_the_spec(name, kind, roles):
    found = compiled(name)
    assert found.type == kind
    assert set(found.roles) == set(roles.split())


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_numbers_ranges_and_access_are_those_that_python_miio_reads(path):
    model = DeviceModel.parse_raw(path.read_text())
    for role, entry in miot.compile_instance(json.loads(path.read_text())).roles.items():
        theirs = model.get_property_by_siid_piid(*entry["p"])
        access = {each.value for each in theirs.access}
        if "v" in entry:
            assert entry["v"] in {choice.value for choice in theirs.choices}
            continue
        assert ("write" not in access) <= bool(entry.get("r")), role
        if isinstance(entry.get("a"), dict):
            assert set(entry["a"].values()) == {choice.value for choice in theirs.choices}
        elif theirs.range and role != "colour":
            assert [int(entry["a"][0]), int(entry["a"][1])] == theirs.range[:2]


def test_the_entries_of_a_lamp():
    assert compiled("lamp").roles == {
        "on": {"p": [2, 1], "f": "bool"},
        "brightness": {"p": [2, 2], "f": "uint8", "a": [1, 100, 1]},
        "colour-temperature": {"p": [2, 3], "f": "uint32", "a": [2700, 6500, 1]},
        "colour": {"p": [2, 4], "f": "uint32"},
        "mode": {"p": [2, 5], "f": "uint8", "a": {"day": 0, "night": 1, "reading": 2}},
    }


def test_levels_that_are_only_numbered_are_a_range_and_auto_stays_a_name():
    assert compiled("fan").roles["fan-level"]["a"] == [1, 4, 1]
    levels = compiled("aircon").roles["fan-level"]["a"]
    assert levels == {"auto": 0, **{str(number): number for number in range(1, 8)}}


def test_a_display_s_brightness_is_no_role_of_a_fan():
    assert spec("fan")["services"][1]["properties"][5]["description"] == "Brightness"
    assert "brightness" not in compiled("fan").roles


def test_a_curtain_s_motor_is_three_things_to_do():
    roles = compiled("curtain").roles
    assert {role: roles[role]["v"] for role in ("open", "close", "stop")} == {
        "open": 1,
        "close": 2,
        "stop": 0,
    }
    assert roles["current-position"]["r"] == 1


def test_a_lock_is_only_read_whatever_its_spec_allows():
    assert "write" in spec("lock")["services"][1]["properties"][0]["access"]
    assert all(entry["r"] == 1 for entry in compiled("lock").roles.values())


def test_one_of_several_keys_is_picked_and_the_others_are_told():
    first = compiled("keys")
    assert first.roles["on"]["p"] == [2, 1]
    assert "4 (Right Switch)" in first.notes[0]
    assert compiled("keys", service=4).roles["on"]["p"] == [4, 1]
    with pytest.raises(
        DescriptionError, match=r"no service 9; there are: 1 \(device-information\)"
    ):
        compiled("keys", service=9)


def test_the_type_may_be_said_and_must_exist():
    assert compiled("plug", kind="lamp", service=2).type == "lamp"
    with pytest.raises(DescriptionError, match="'toaster' is not known; there are: lamp, plug"):
        compiled("plug", kind="toaster")
    with pytest.raises(DescriptionError, match="no service of that type"):
        compiled("plug", kind="curtain")


def test_an_unknown_device_has_the_type_of_its_services():
    unknown = spec("curtain") | {"type": "urn:miot-spec-v2:device:robot:0000A0FF:x-y:1"}
    assert miot.compile_instance(unknown).type == "curtain"
    speaker = json.loads((FIRMWARE_DIR / "spec" / "mynah-speaker.json").read_text())
    with pytest.raises(DescriptionError, match="none of its services"):
        miot.compile_instance(speaker)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"services": 3},
        {"services": [{}]},
        {"services": [{"iid": 2, "type": "light"}]},
        {"services": [{"iid": 2, "type": "urn:a:service:light:1", "properties": [{"iid": "x"}]}]},
    ],
)
def test_what_is_no_spec_is_refused(broken):
    with pytest.raises(DescriptionError, match="no MIoT spec v2 instance"):
        miot.compile_instance(broken)


def test_a_fahrenheit_thermostat_is_told():
    instance = spec("heater")
    instance["services"][1]["properties"][1]["unit"] = "fahrenheit"
    found = miot.compile_instance(instance)
    assert "target-temperature" not in found.roles
    assert found.notes == ("target-temperature is left out: the device has it in fahrenheit",)


def record(description, name="kitchen lamp"):
    return Record(name, "kitchen", "a.b.c", "10.0.0.2", b"\x12" * 16, 7, description)


def test_a_record_is_what_the_speaker_keeps():
    data = record(compiled("lamp")).data()
    assert data.pop("roles") == compiled("lamp").roles
    assert data == {
        "name": "kitchen lamp",
        "room": "kitchen",
        "type": "lamp",
        "model": "a.b.c",
        "address": "10.0.0.2",
        "did": 7,
        "token": "12" * 16,
    }


def test_a_record_never_shows_its_token():
    assert "12" * 16 not in repr(record(compiled("lamp")))
    assert "x12" not in repr(record(compiled("lamp")))


def test_a_record_that_is_too_long_loses_its_lesser_roles():
    roles = {f"role-{i}": {"p": [2, i], "f": "bool", "a": {"x" * 20: 1}} for i in range(1, 30)}
    long = record(Description("lamp", roles))
    kept = list(long.data()["roles"])
    assert kept == list(roles)[: len(kept)]
    assert long.left_out() == list(roles)[len(kept) :] != []
    assert len(json.dumps(long.data(), separators=(",", ":"))) <= MAX_RECORD_BYTES
    with pytest.raises(DescriptionError, match="too long"):
        record(Description("lamp", {"on": {"get": "power"}}), "x" * 2000).data()


# Old devices: what python-miio itself sends is the judge.


def recording(cls, model):
    device = cls("127.0.0.1", "00" * 16, model=model)
    calls = []

    def send(method, parameters=None, **_):
        calls.append((method, parameters))
        return [] if method.startswith("get_") else ["ok"]

    device.send = send
    return device, calls


def first_call(device, calls, name, *arguments):
    calls.clear()
    getattr(device, name)(*arguments)
    return calls[0]


def classes():
    from miio.integrations.chuangmi.plug.chuangmi_plug import ChuangmiPlug
    from miio.integrations.dmaker.fan.fan import FanP5
    from miio.integrations.philips.light.ceil import Ceil
    from miio.integrations.philips.light.philips_bulb import PhilipsBulb
    from miio.integrations.philips.light.philips_eyecare import PhilipsEyecare
    from miio.integrations.philips.light.philips_rwread import PhilipsRwread
    from miio.integrations.yeelight.light.yeelight import Yeelight
    from miio.integrations.zhimi.fan.fan import Fan
    from miio.integrations.zhimi.heater.heater import Heater
    from miio.integrations.zimi.powerstrip.powerstrip import PowerStrip

    return (
        ChuangmiPlug,
        FanP5,
        Ceil,
        PhilipsBulb,
        PhilipsEyecare,
        PhilipsRwread,
        Yeelight,
        Fan,
        Heater,
        PowerStrip,
    )


CALLS = {
    "brightness": ("set_brightness", 40),
    "colour-temperature": ("set_color_temperature", None),
    "target-temperature": ("set_target_temperature", 25),
    "fan-speed": ("set_direct_speed", 40),
}
P5_CALLS = {"fan-speed": ("set_speed", 40)}


def class_of(model):
    (found,) = [cls for cls in classes() if model in cls._supported_models]
    return found


@pytest.mark.parametrize("model", old.models())
def test_old_devices_are_spoken_to_as_python_miio_does(model):
    """On, off and a value of each role: method and first parameter are python-miio's."""
    cls = class_of(model)
    device, calls = recording(cls, model)
    roles = old.shipped(model).roles
    entry = roles["on"]
    for value, name in ((True, "on"), (False, "off")):
        method, parameters = first_call(device, calls, name)
        if isinstance(entry["set"], list):
            assert (method, parameters) == (entry["set"][value], None)
        else:
            word = next(
                (w for w, meaning in entry.get("map", {}).items() if meaning is value), value
            )
            assert (method, parameters[0]) == (entry["set"], word)
    for role in roles.keys() & CALLS.keys():
        name, value = (P5_CALLS if cls.__name__ == "FanP5" else CALLS)[role]
        value = value or roles[role]["a"][0]
        method, parameters = first_call(device, calls, name, value)
        assert (method, parameters[0]) == (roles[role]["set"], value)
    if "colour" in roles:
        assert first_call(device, calls, "set_rgb", (255, 0, 1))[0] == roles["colour"]["set"]
    if "swing" in roles:
        assert first_call(device, calls, "set_oscillate", True)[0] == roles["swing"]["set"]


@pytest.mark.parametrize("model", old.models())
def test_old_devices_are_asked_for_the_names_that_python_miio_asks_for(model):
    device, calls = recording(class_of(model), model)
    device.status()
    asked = {name for method, names in calls if method == "get_prop" for name in names}
    described = old.shipped(model)
    assert {entry["get"] for entry in described.roles.values() if "get" in entry} <= asked
    most = max(len(names) for method, names in calls if method == "get_prop")
    if most == 1:
        assert described.names_per_call == 1


@pytest.mark.parametrize("model", [m for m in old.models() if m.startswith("yeelink")])
def test_a_lamp_s_kelvins_are_those_that_python_miio_has(model):
    device, _ = recording(class_of(model), model)
    described = old.shipped(model)
    limits = device.color_temperature_range
    if "colour-temperature" in described.roles:
        assert described.roles["colour-temperature"]["a"][:2] == [
            limits.min_value,
            limits.max_value,
        ]
    else:
        assert limits.min_value == limits.max_value


MINE = """
type = "fan"
models = ["acme.fan.one"]
names_per_call = 3
[roles.on]
get = "power"
set = "set_power"
map = { on = true, off = false }
[roles.mode]
get = "mode"
set = "set_mode"
allowed = { quiet = "silent" }
"""


def test_a_file_of_the_user_s_describes_an_old_device(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(MINE)
    found = finding.describe("acme.fan.two", file)
    assert (found.type, found.names_per_call) == ("fan", 3)
    assert found.roles["mode"] == {"get": "mode", "set": "set_mode", "a": {"quiet": "silent"}}
    assert finding.describe("x", file, kind="plug").type == "plug"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('type = "fan"', 'type = "boat"'), "type must be one of lamp"),
        (('get = "power"', 'got = "power"'), r"roles\.on has no key 'got'"),
        (('set = "set_power"', 'set = ["a", "b", "c"]'), r"roles\.on\.set must be a method"),
        (('allowed = { quiet = "silent" }', "allowed = [1, 2]"), r"roles\.mode\.allowed must be"),
        (("names_per_call = 3", "names_per_call = 0"), "names_per_call must be"),
        (("[roles.on]", "[role.on]"), "no key 'role'"),
        (('type = "fan"', "type = "), "mine.toml: "),
    ],
)
def test_a_broken_description_says_where(tmp_path, change, message):
    file = tmp_path / "mine.toml"
    file.write_text(MINE.replace(*change))
    with pytest.raises(DescriptionError, match=message):
        finding.describe("acme.fan.one", file)


def test_a_model_that_nobody_knows_needs_a_spec(monkeypatch, tmp_path):
    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path))
    monkeypatch.setenv("MYNAH_MIOT_SITE", "http://127.0.0.1:9")
    with pytest.raises(fetch.NoSpecError, match=r"cannot be reached.*pass it with --spec FILE"):
        finding.describe("acme.lamp.one")
    with pytest.raises(DescriptionError, match="pass --model NAME or --spec FILE"):
        finding.describe("")


@pytest.mark.parametrize(
    ("role", "entry", "raw", "value", "shown"),
    [
        ("on", {"f": "bool"}, True, True, "on"),
        ("on", {"map": {"on": True, "off": False}}, "off", False, "off"),
        ("on", {"map": {"on": True, "off": False}}, True, True, "on"),
        ("brightness", {"a": [1, 100, 1]}, "40", 40, "40 %"),
        ("brightness", {"f": "uint8", "a": [0, 255, 1]}, 255, 100, "100 %"),
        ("colour-temperature", {"a": [153, 500, 1]}, 250, 4000, "4000 K"),
        ("colour-temperature", {"a": [1, 100, 1]}, 100, 6500, "6500 K"),
        ("colour", {"f": "uint32"}, 0xFF0001, 0xFF0001, "#ff0001"),
        ("mode", {"f": "uint8", "a": {"cool": 2}}, 2, "cool", "cool"),
        ("mode", {"f": "uint8", "a": {"cool": 2}}, 7, 7, "7"),
        ("temperature", {"f": "float"}, 21.5, 21.5, "21.5 °C"),
        ("contact", {"f": "bool"}, True, True, "closed"),
        ("motion", {"f": "bool"}, None, None, "?"),
    ],
)
def test_values_in_words(role, entry, raw, value, shown):
    assert decode(role, entry, raw) == value
    assert show(role, value) == shown


def test_what_a_role_takes_in_words():
    roles = compiled("aircon").roles
    assert takes("target-temperature", roles["target-temperature"]) == "16 to 31 °C"
    assert takes("mode", roles["mode"]) == "cool, dry, fan, heat"
    assert takes("on", roles["on"]) == "on or off"
    assert takes("colour-temperature", {"a": [153, 500, 1]}) == "2000 to 6536 K"
