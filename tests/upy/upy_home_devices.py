"""Devices of the home: records checked and kept, values converted, polled, found again."""

import asyncio
import json
import os
import sys

import vfs
from fakes import udp
from fakes.miio_device import TOKEN, FakeDevice, Network, serve
from fakes.nor import Nor, PowerCut

from speaker.home import devices as devices_
from speaker.home import records, registry, values
from speaker.home.device import Device, RefusedError
from speaker.home.devices import Devices
from speaker.home.home import Home
from speaker.home.registry import Registry
from speaker.home.service import Service
from speaker.miot import client, limits
from speaker.miot.client import Client
from speaker.miot.server import MiioError
from speaker.util import log

AT = ("10.0.0.5", 54321)
LAMP = {
    "name": "Kitchen lamp",
    "room": "kitchen",
    "type": "lamp",
    "model": "test.light.one",
    "address": AT[0],
    "did": 0x1234,
    "token": TOKEN,
    "roles": {
        "on": {"p": [2, 1], "f": "bool"},
        "brightness": {"p": [2, 2], "f": "uint8", "a": [1, 255, 1]},
        "colour-temperature": {"p": [2, 3], "f": "uint16", "a": [153, 500, 1]},
        "mode": {"p": [2, 4], "f": "uint8", "a": {"Day": 0, "Night Light": 1}},
        "power": {"p": [3, 1], "f": "float", "r": 1},
        "toggle": {"x": [2, 1]},
    },
}
OLD_PLUG = {
    "name": "plug",
    "room": "",
    "type": "plug",
    "model": "old.plug.one",
    "address": AT[0],
    "token": TOKEN,
    "roles": {
        "on": {"get": "power", "set": "set_power", "map": {"on": True, "off": False}},
        "temperature": {"get": "temperature"},
        "level": {"get": "level", "set": "set_level", "map": {"1": "low", "2": "high"}},
    },
}


def run(main):
    asyncio.run(main)
    asyncio.new_event_loop()


def hurry():
    client.HELLO_MS = (15, 15, 15)
    client.REPLY_MS = (30, 30, 30)
    client.SEARCH_MS = 30
    client.SEARCH_EVERY_MS = 50
    devices_.POLL_MS = 60
    devices_.GAP_MS = devices_.IDLE_MS = 1
    devices_.FIRST_BACKOFF_MS = 20
    devices_.LONGEST_BACKOFF_MS = 60


class Lines:
    """Takes the log's place for a while."""

    def __enter__(self):
        self.text = []
        self._write = log._write
        log._write = lambda _level, _source, text, args: self.text.append(text % args)
        return self

    def __exit__(self, *_):
        log._write = self._write


def record(**changes):
    made = json.loads(json.dumps(LAMP))
    made.update(changes)
    return made


def folder(name):
    return tmp_path + "/" + name


def remove(path):
    for name in os.listdir(path):
        os.remove(path + "/" + name)
    os.rmdir(path)


def refusal(record_):
    try:
        records.check(record_)
    except ValueError as error:
        return error.args[0]
    return ""


def test_a_good_record_is_completed():
    checked = records.check(record(token=TOKEN.upper()))
    assert checked["port"] == 54321 and checked["token"] == TOKEN
    assert checked["roles"] == LAMP["roles"]
    assert records.check(OLD_PLUG)["did"] == 0


def test_every_field_is_checked_and_named():
    for field, wrong in (
        ("name", ""),
        ("name", " "),
        ("name", 5),
        ("name", "x" * 33),
        ("name", "a\nb"),
        ("room", None),
        ("room", "x\x7f"),
        ("type", "toaster"),
        ("type", []),
        ("model", {}),
        ("address", ""),
        ("address", "lamp.local"),
        ("address", "1.2.3"),
        ("address", "1.2.3.256"),
        ("address", "255.255.255.255"),
        ("address", "0.0.0.0"),
        ("address", "224.0.0.1"),
        ("address", "1.2.3.+4"),
        ("address", "1.2.3.4.5"),
        ("port", 0),
        ("port", 65536),
        ("port", "54321"),
        ("did", -1),
        ("did", True),
        ("did", 2**32),
        ("token", ""),
        ("token", "00" * 15),
        ("token", "zz" * 16),
        ("token", None),
        ("roles", {}),
        ("roles", []),
        ("roles", {"On": {"x": [1, 1]}}),
        ("roles", {"on": None}),
        ("roles", {"on": {}}),
        ("roles", {"on": {"p": [2]}}),
        ("roles", {"on": {"p": [2, 0], "f": "bool"}}),
        ("roles", {"on": {"p": [2, 1.5], "f": "bool"}}),
        ("roles", {"on": {"p": [2, 1], "f": "blob"}}),
        ("roles", {"on": {"p": [2, 1], "f": "bool", "r": 2}}),
        ("roles", {"on": {"p": [2, 1], "f": "bool", "z": 2}}),
        ("roles", {"on": {"p": [2, 1], "f": "uint8", "a": [1, 2]}}),
        ("roles", {"on": {"p": [2, 1], "f": "uint8", "a": [2, 1, 1]}}),
        ("roles", {"on": {"p": [2, 1], "f": "uint8", "a": [1, 2, 0]}}),
        ("roles", {"on": {"p": [2, 1], "f": "uint8", "a": {}}}),
        ("roles", {"on": {"p": [2, 1], "f": "uint8", "a": {"x": "1"}}}),
        ("roles", {"on": {"p": [2, 1], "v": []}}),
        ("roles", {"on": {"p": [2, 1], "v": 1, "f": "bool"}}),
        ("roles", {"on": {"p": [2, 1], "f": "bool", "r": 1, "w": 1}}),
        ("roles", {"on": {"x": [2, 1, 1]}}),
        ("roles", {"on": {"x": [2, 1], "in": []}}),
        ("roles", {"on": {"get": ""}}),
        ("roles", {"on": {"set": 'x"y'}}),
        ("roles", {"on": {"get": "power", "map": {}}}),
        ("roles", {"on": {"get": "power", "map": {"on": None}}}),
        ("roles", {"on": {"get": "power", "extra": 1}}),
        ("roles", {"on": {"get": "power", "a": {"x": None}}}),
        ("roles", {"on": {"get": "power", "set": ["off"]}}),
        ("roles", {"on": {"get": "power", "set": ["off", "on"], "map": {"on": True}}}),
        ("roles", {"on": {"get": "power", "set": ["off", 'o"n']}}),
        ("roles", {"on": {"set": "set_power", "args": "smooth"}}),
        ("n", 0),
        ("n", 33),
    ):
        assert refusal(record(**{field: wrong})).startswith(field + ":"), (field, wrong)
    assert refusal(record(colour="red")) == "unknown field: colour"
    assert refusal([]) and refusal(None)
    many = {"role-%d" % i: {"p": [2, 1], "f": "uint8", "a": [0, 100, 1]} for i in range(24)}
    assert "leave roles out" in refusal(record(roles=many))
    assert "24" in refusal(record(roles=dict(many, more={"x": [1, 1]})))


def test_a_wrong_token_is_not_repeated():
    for wrong in ("secret" * 5, TOKEN[:-1], TOKEN + "0"):
        assert wrong not in refusal(record(token=wrong))


def to_and_from(role, entry, value, raw):
    assert values.to_device(role, entry, value) == raw, values.to_device(role, entry, value)
    assert type(values.to_device(role, entry, value)) is type(raw)
    return values.from_device(role, entry, raw)


def test_percent():
    for a, percent, raw in (
        ([1, 100, 1], 50, 50),
        ([1, 100, 1], 0, 1),
        ([1, 255, 1], 50, 128),
        ([1, 65535, 1], 100, 65535),
        ([0, 254, 1], 1, 3),
        ([10, 100, 5], 52, 50),
        ([10, 100, 5], 53, 55),
        ([0.0, 1.0, 0.01], 33, 0.33),
    ):
        entry = {"p": [2, 2], "f": "uint8", "a": a}
        back = to_and_from("brightness", entry, percent, raw)
        assert abs(back - percent) <= max(a[2] * 100 / a[1], 1), (a, percent, back)


def test_colour_temperature():
    kelvin = {"p": [2, 3], "f": "uint16", "a": [2700, 6500, 1]}
    assert to_and_from("colour-temperature", kelvin, 4000, 4000) == 4000
    assert values.to_device("colour-temperature", kelvin, 9000) == 6500
    mired = {"p": [2, 3], "f": "uint16", "a": [153, 500, 1]}
    assert to_and_from("colour-temperature", mired, 4000, 250) == 4000
    assert values.limits("colour-temperature", mired) == (2000, 6536)
    share = {"get": "cct", "set": "set_cct", "a": [1, 100, 1]}
    assert to_and_from("colour-temperature", share, 2700, 1) == 2700
    assert to_and_from("colour-temperature", share, 6500, 100) == 6500
    assert values.to_device("colour-temperature", share, 1000) == 1


def test_lists_words_levels_and_truths():
    mode = {"p": [2, 4], "f": "uint8", "a": {"Day": 0, "Night Light": 1, "Auto Mode": 2}}
    assert to_and_from("mode", mode, "night light", 1) == "Night Light"
    assert to_and_from("mode", mode, "auto", 2) == "Auto Mode"
    levels = {"p": [2, 5], "f": "uint8", "a": {"Level1": 0, "Level2": 1, "Level3": 2}}
    assert to_and_from("fan-level", levels, 3, 2) == "Level3"
    assert values.is_levels("fan-level", levels)
    few = {"p": [2, 5], "f": "uint8", "a": [1, 4, 1]}
    assert to_and_from("fan-level", few, 3, 3) == 3
    many = {"p": [2, 5], "f": "uint8", "a": [1, 100, 1]}
    assert to_and_from("fan-level", many, 30, 30) == 30
    power = OLD_PLUG["roles"]["on"]
    assert to_and_from("on", power, True, "on") is True
    assert values.from_device("on", power, "???") == "???"
    level = OLD_PLUG["roles"]["level"]
    assert to_and_from("level", level, "high", 2) == "high"
    truth = {"get": "x", "set": "set_x", "map": {"true": True, "false": False}}
    assert to_and_from("on", truth, False, False) is False
    number = {"p": [2, 1], "f": "uint8", "a": [0, 1, 1]}
    assert to_and_from("on", number, True, 1) is True
    listed = {"p": [2, 1], "f": "uint8", "a": {"On": 1, "Off": 2}}
    assert to_and_from("on", listed, False, 2) == "Off"
    degrees = {"p": [2, 1], "f": "float", "a": [16, 32, 0.5]}
    assert to_and_from("target-temperature", degrees, 26.3, 26.5) == 26.5
    for entry, value in ((mode, "rain"), (mode, 9), (power, "maybe"), (level, True), (few, "x")):
        try:
            values.to_device("mode", entry, value)
        except ValueError:
            continue
        raise AssertionError((entry, value))


def test_registry_keeps_replaces_and_removes():
    path = folder("registry")
    kept = Registry(path)
    assert list(kept.load()) == []
    kept.save(records.check(LAMP))
    kept.save(records.check(OLD_PLUG))
    kept.save(records.check(record(name="KITCHEN  LAMP", address="10.0.0.9")))
    again = Registry(path)
    loaded = {r["name"]: r["address"] for r in again.load()}
    assert loaded == {"KITCHEN  LAMP": "10.0.0.9", "plug": AT[0]}, loaded
    assert again.read("kitchen lamp")["token"] == TOKEN
    again.forget("kitchen lamp")
    assert [r["name"] for r in Registry(path).load()] == ["plug"]
    assert len(os.listdir(path)) == 1
    for missing in (again.forget, again.read):
        try:
            missing("kitchen lamp")
        except KeyError:
            continue
        raise AssertionError
    again.clear()
    assert os.listdir(path) == []
    os.rmdir(path)


def test_registry_survives_damage_and_says_when_it_is_full():
    path = folder("full")
    kept = Registry(path)
    for i in range(limits.N_HOME_DEVICES):
        kept.save(records.check(record(name="lamp %d" % i)))
    try:
        kept.save(records.check(record(name="one more")))
    except registry.FullError:
        pass
    else:
        raise AssertionError
    kept.save(records.check(record(name="lamp 3", room="hall")))  # replacing still works
    with open(path + "/07.a", "wb") as file:
        file.write(b"rubbish")
    with open(path + "/08.a", "wb") as file:
        file.write(b'{"name": "lamp 8"}')
    again = Registry(path)
    with Lines() as lines:
        names = [r["name"] for r in again.load()]
    assert len(names) == limits.N_HOME_DEVICES - 2 and "lamp 7" not in names
    assert [line for line in lines.text if "damaged" in line] and TOKEN not in str(lines.text)
    again.save(records.check(record(name="one more")))
    assert "07.a" in os.listdir(path)
    remove(path)


def test_device_reads_and_sets_through_miot():
    hurry()
    network = Network()
    network.client = Client(network.send)
    fake = FakeDevice(values={(2, 1): True, (2, 2): 128, (2, 3): 250, (2, 4): 1})
    network.devices[AT] = fake
    lamp = Device(records.check(LAMP), network.client)

    async def main():
        state = await lamp.read()
        assert state == {
            "on": True,
            "brightness": 50,
            "colour-temperature": 4000,
            "mode": "Night Light",
        }, state
        assert len(fake.requests) == 1
        item = fake.requests[0]["params"][0]
        assert set(item) == {"did", "siid", "piid"} and item["did"] == str(0x1234)
        await lamp.write([("on", False), ("brightness", 20)])
        assert fake.values[(2, 1)] is False and fake.values[(2, 2)] == 51
        assert [i["piid"] for i in fake.requests[1]["params"]] == [1, 2]
        assert lamp.state["brightness"] == 20
        await lamp.act("toggle")
        assert fake.requests[-1]["params"] == {"did": "4660", "siid": 2, "aiid": 1, "in": []}
        # As python-miio's simulator answers.
        fake.answer = lambda request: {"id": request["id"], "result": 0}
        await lamp.write([("on", True)])
        fake.answer = lambda request: {"id": request["id"], "result": [{"code": -4005}]}
        try:
            await lamp.write([("on", False)])
        except MiioError as error:
            assert error.args[0] == -4005
        else:
            raise AssertionError
        assert lamp.state["on"] is True and lamp.online

    run(main())


def test_what_must_not_be_set_is_refused_before_anything_is_sent():
    network = Network()
    network.client = Client(network.send)
    lock = Device(records.check(record(type="lock")), network.client)
    lamp = Device(records.check(LAMP), network.client)

    async def refused(call):
        try:
            await call
        except RefusedError as error:
            return error.args[0]
        raise AssertionError

    async def main():
        assert await refused(lock.write([("on", True)])) == "read only"
        assert await refused(lock.act("toggle")) == "read only"
        assert not lock.can_set("on") and not lock.can_act("toggle") and lock.can_read("on")
        assert await refused(lamp.write([("on", True), ("power", 5)])) == "read only"
        assert await refused(lamp.write([("colour", 5)])) == "no colour"
        assert await refused(lamp.act("stop")) == "no stop"
        assert network.sent == []

    run(main())


def test_device_reads_and_sets_the_old_way():
    hurry()
    network = Network()
    network.client = Client(network.send)
    fake = FakeDevice(values={"power": "off", "temperature": 31, "level": 2})
    network.devices[AT] = fake
    plug = Device(records.check(OLD_PLUG), network.client)

    async def main():
        assert await plug.read() == {"on": False, "temperature": 31, "level": "high"}
        await plug.write([("on", True), ("level", "low")])
        assert fake.values["power"] == "on" and fake.values["level"] == 1
        assert [r["params"] for r in fake.requests[1:]] == [["on"], [1]]
        fake.values = {"power": "", "temperature": None}
        assert (await plug.read())["on"] is True

    run(main())


def test_old_devices_that_want_other_calls():
    """Methods without parameters, constants after the value, one name at a time."""
    hurry()
    network = Network()
    network.client = Client(network.send)
    fake = FakeDevice(values={"on": False, "ct": "4000", "mode": "nature"})
    network.devices[AT] = fake
    roles = {
        "on": {"get": "on", "set": ["set_off", "set_on"]},
        "colour-temperature": {
            "get": "ct",
            "set": "set_ct_abx",
            "a": [1700, 6500, 1],
            "args": ["smooth", 300],
        },
        "mode": {"get": "mode", "set": "set_mode", "a": {"natural": "nature", "plain": "normal"}},
    }
    old = Device(records.check(dict(OLD_PLUG, roles=roles, n=1)), network.client)

    async def main():
        state = await old.read()
        assert state == {"on": False, "colour-temperature": 4000, "mode": "natural"}, state
        asked = [request["params"] for request in fake.requests]
        assert sorted(asked) == [["ct"], ["mode"], ["on"]]
        fake.requests.clear()
        await old.write([("on", True)])
        await old.write([("colour-temperature", 3000), ("mode", "plain"), ("on", False)])
        assert [(request["method"], request["params"]) for request in fake.requests] == [
            ("set_on", []),
            ("set_ct_abx", [3000, "smooth", 300]),
            ("set_mode", ["normal"]),
            ("set_off", []),
        ]

    run(main())


def test_a_curtain_s_motor_is_written_and_never_read():
    hurry()
    network = Network()
    network.client = Client(network.send)
    fake = FakeDevice(values={(2, 1): 0, (2, 2): 40, (2, 3): 7})
    network.devices[AT] = fake
    roles = {
        "open": {"p": [2, 1], "v": 1},
        "stop": {"p": [2, 1], "v": 0},
        "current-position": {"p": [2, 2], "f": "uint8", "a": [0, 100, 1], "r": 1},
        "position": {"p": [2, 3], "f": "uint8", "a": [0, 100, 1], "w": 1},
    }
    curtain = Device(records.check(record(type="curtain", roles=roles)), network.client)

    async def main():
        assert await curtain.read() == {"current-position": 40}
        assert len(fake.requests[0]["params"]) == 1
        assert curtain.can_act("open") and not curtain.can_set("open")
        assert curtain.can_set("position") and not curtain.can_read("position")
        await curtain.act("open")
        assert fake.values[(2, 1)] == 1
        await curtain.act("stop")
        assert fake.values[(2, 1)] == 0
        await curtain.write([("position", 60)])
        assert fake.values[(2, 3)] == 60

    run(main())


def make(path, n=1):
    hurry()
    network = Network()
    network.client = Client(network.send)
    fakes = []
    home = Devices(Registry(path), network.client, lambda: True)
    for i in range(n):
        at = ("10.0.1.%d" % (i + 1), 54321)
        fakes.append(FakeDevice(did=i + 1, values={(2, 1): True, (2, 2): 255}))
        network.devices[at] = fakes[-1]
        home.add(record(name="lamp %d" % i, address=at[0], did=0))
    return network, fakes, home


async def until(condition):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep_ms(2)
    raise AssertionError("it did not happen")


def test_polled_in_turn_offline_noticed_and_recovered():
    path = folder("poll")
    network, fakes, home = make(path, 4)

    async def main():
        task = asyncio.create_task(home.run())
        await until(lambda: all(d.online for d in home.all()))
        assert home.all()[2].state["brightness"] == 100
        assert home.all()[2].record["did"] == 3
        assert list(Registry(path).load())[2]["did"] == 3  # what was learnt is kept
        fakes[1].deaf = True
        await until(lambda: home.find("lamp 1").online is False)
        assert home.find("lamp 1").failure == "offline"
        assert home.find("Lamp 0").online and home.find("lamp 1").state["on"] is True
        fakes[0].values[(2, 2)] = 128  # somebody used the switch
        await until(lambda: home.find("lamp 0").state["brightness"] == 50)
        fakes[1].deaf = False
        await until(lambda: home.find("lamp 1").online)
        # It comes back with another address.
        del network.devices[("10.0.1.3", 54321)]
        network.devices[("10.0.1.99", 54321)] = fakes[2]
        home.find("lamp 2").remote.set_clock(-1)
        await until(lambda: home.find("lamp 2").record["address"] == "10.0.1.99")
        assert Registry(path)
        addresses = [r["address"] for r in Registry(path).load()]
        assert "10.0.1.99" in addresses and "10.0.1.3" not in addresses
        home.forget("lamp 0")
        asked = len(fakes[0].requests)
        await asyncio.sleep_ms(150)
        assert len(fakes[0].requests) == asked and len(home.all()) == 3
        task.cancel()

    with Lines() as lines:
        run(main())
    assert TOKEN not in str(lines.text) and "lamp 1: offline" in lines.text
    remove(path)


def error_of(function, params):
    try:
        function(params, AT)
    except MiioError as error:
        return error.args
    raise AssertionError


def test_methods():
    path = folder("methods")
    home = Devices(Registry(path), None, lambda: True)
    methods = Service(home, None).methods()
    add, list_ = methods["mynah.home.add"], methods["mynah.home.list"]
    assert error_of(list_, {})[0] == -9999  # not loaded yet
    home.loaded = True
    assert list_({}, AT) == {"devices": [], "next": None}
    with Lines() as lines:
        assert add(record(), AT) == ["ok"]
        assert "address:" in error_of(add, record(address="x"))[1]
        for i in range(63):
            add(record(name="lamp %02d" % i), AT)
        assert "64 devices" in error_of(add, record(name="one more"))[1]
        names, page = [], {"next": 0}
        while page["next"] is not None:
            page = list_({"from": page["next"]}, AT)
            text = json.dumps(page, separators=(",", ":"))
            assert len(text) < 1300 and "token" not in text and TOKEN not in text
            names += [d["name"] for d in page["devices"]]
        assert len(names) == 64 and names == sorted(names), names
        assert error_of(list_, {"from": "x"})[0] == -5001
        assert list_({"from": 99}, AT) == {"devices": [], "next": None}
        remove_ = methods["mynah.home.remove"]
        assert remove_(["kitchen LAMP"], AT) == ["ok"]
        assert error_of(remove_, ["kitchen lamp"])[0] == -5001
        for wrong in ("x", [], [1], ["a", "b"], {}):
            assert error_of(remove_, wrong)[0] == -5001
    assert TOKEN not in str(lines.text)
    remove(path)


def test_over_real_sockets():
    hurry()
    client.REPLY_MS = client.HELLO_MS = (300, 300, 300)
    udp.install()
    if sys.platform == "esp32":
        skip("a board has no loopback interface")
    path = folder("sockets")
    home = Home(path, "firmware/words", lambda: True, "127.0.0.1")
    fakes = [FakeDevice(did=i + 1, values={(2, 1): True, (2, 2): 255}) for i in range(3)]

    async def main():
        tasks = [asyncio.create_task(home.run()), asyncio.create_task(home.listen())]
        first = 20000 + int.from_bytes(os.urandom(2), "big") % 12000
        ports = [first, first + 1, first + 2]
        for i, fake in enumerate(fakes):
            tasks.append(asyncio.create_task(serve(fake, "127.0.0.1", ports[i])))
        await asyncio.sleep_ms(0)
        for i in range(3):
            home.devices.add(record(name="lamp %d" % i, address="127.0.0.1", port=ports[i], did=0))
        lamps = home.devices.all()
        await asyncio.gather(*[lamp.write([("brightness", 50)]) for lamp in lamps])
        assert [fake.values[(2, 2)] for fake in fakes] == [128] * 3
        for task in tasks:
            task.cancel()
        await asyncio.sleep_ms(5)

    run(main())
    remove(path)


def test_power_cut_at_every_operation():
    """Adding, replacing, forgetting: afterwards it is done or it is not, and nothing else moved."""
    first = records.check(record(name="first"))
    second = records.check(record(name="second", room="hall"))
    newer = records.check(record(name="second", room="study", address="10.0.0.77"))
    prepared = Nor()
    vfs.VfsLfs2.mkfs(prepared)
    with Mounted(prepared) as kept:
        kept.save(first)
        kept.save(records.check(record(name="second", room="attic")))
        kept.save(second)  # so that it has two copies

    def rooms(nor):
        with Mounted(nor) as kept:
            found = {r["name"]: r["room"] for r in kept.load()}
            kept.save(records.check(record(name="later")))  # and the speaker can go on
            assert "later" in [r["name"] for r in Registry("/nor/home").load()]
        return found

    old = {"first": "kitchen", "second": "hall"}
    for do, new in (
        (lambda kept: kept.save(records.check(record(name="third"))), dict(old, third="kitchen")),
        (lambda kept: kept.save(newer), dict(old, second="study")),
        (lambda kept: kept.forget("second"), {"first": "kitchen"}),
    ):
        cut_at, done, outcomes = 0, False, []
        while not done:
            cut_at += 1
            nor = Nor()
            nor.data[:] = prepared.data
            with Mounted(nor) as kept:
                assert len(list(kept.load())) == 2
                nor.operations = 0
                nor.cut_at = cut_at
                try:
                    do(kept)
                    done = True
                except (PowerCut, OSError):
                    pass
            with Lines():
                found = rooms(nor)
            assert found in (old, new), (cut_at, found)
            outcomes.append(found == new)
        assert outcomes[0] is False and outcomes[-1] is True and len(outcomes) > 2, outcomes


class Mounted:
    """The registry of a flash."""

    def __init__(self, nor):
        nor.cut_at = None
        self._nor = nor

    def __enter__(self):
        vfs.mount(vfs.VfsLfs2(self._nor), "/nor")
        return Registry("/nor/home")

    def __exit__(self, *_):
        self._nor.cut_at = None
        vfs.umount("/nor")


def test_restore_forgets_the_devices_before_their_owner():
    from fakes import radio

    radio.install()
    from speaker.app.device import Device as Methods

    path = folder("restore")
    home = Home(path, "firmware/words", lambda: True)
    order = []

    class Settings:
        def restore(self):
            order.append((len(home.devices.all()), os.listdir(path)))

    with Lines():
        home.devices.add(record())
        home.devices.add(record(name="other"))
        assert os.listdir(path)
        methods = Methods("m", "", None, None, Settings(), None, None, home.forget)
        methods.restore()
    assert order == [(0, [])], order
    os.rmdir(path)
