"""A house with devices of every type, for tests of what is said to it."""

from fakes.miio_device import TOKEN

from speaker.home import records
from speaker.home.device import Device

ON = {"p": [2, 1], "f": "bool"}


def number(piid, low, high, step=1, kind="uint16"):
    return {"p": [2, piid], "f": kind, "a": [low, high, step]}


def read_only(piid, kind="float"):
    return {"p": [3, piid], "f": kind, "r": 1}


LAMP = {"on": ON, "brightness": number(2, 1, 100), "colour-temperature": number(3, 2700, 6500)}
COLOURED = {
    "on": ON,
    "brightness": number(2, 1, 255),
    "colour-temperature": number(3, 153, 500),
    "colour": number(4, 0, 0xFFFFFF, 1, "uint32"),
    "mode": {"p": [2, 5], "f": "uint8", "a": {"Day": 0, "Night": 1, "Party": 2}},
}
PLUG = {"on": ON, "power": read_only(1)}
FAN = {
    "on": ON,
    "fan-level": number(2, 1, 4),
    "mode": {"p": [2, 3], "f": "uint8", "a": {"Straight Wind": 0, "Sleep": 1}},
    "swing": {"p": [2, 4], "f": "bool"},
}
CLIMATE = {
    "on": ON,
    "mode": {"p": [2, 2], "f": "uint8", "a": {"Cool": 2, "Dry": 3, "Fan": 4, "Heat": 5, "Auto": 1}},
    "target-temperature": number(3, 16, 30, 0.5, "float"),
    "fan-level": {"p": [2, 4], "f": "uint8", "a": {"Auto": 0, "Low": 1, "Medium": 2, "High": 3}},
    "temperature": read_only(1),
}
HEATING = {"on": ON, "target-temperature": number(2, 5, 28), "temperature": read_only(1)}
CURTAIN = {
    "position": number(2, 0, 100),
    "current-position": read_only(1, "uint8"),
    "open": {"x": [2, 1]},
    "close": {"x": [2, 2]},
    "stop": {"x": [2, 3]},
}
SENSOR = {"temperature": read_only(1), "humidity": read_only(2), "battery": read_only(3)}
LOCK = {"locked": {"p": [2, 1], "f": "bool"}, "on": ON, "open": {"x": [2, 1]}}

DEVICES = (
    ("kitchen lamp", "kitchen", "lamp", COLOURED),
    ("bedside lamp", "bedroom", "lamp", LAMP),
    ("ceiling lamp", "living room", "lamp", LAMP),
    ("床头灯", "卧室", "lamp", LAMP),
    ("coffee machine", "kitchen", "plug", PLUG),
    ("tower fan", "bedroom", "fan", FAN),
    ("air conditioner", "living room", "air-conditioner", CLIMATE),
    ("bathroom heater", "bathroom", "thermostat", HEATING),
    ("curtain", "living room", "curtain", CURTAIN),
    ("thermometer", "bedroom", "sensor", SENSOR),
    ("front door", "hall", "lock", LOCK),
)


def record(name, room, kind, roles, address="10.0.0.1", **more):
    made = {"name": name, "room": room, "type": kind, "model": "test.x.y", "address": address}
    made.update({"token": TOKEN, "roles": roles})
    made.update(more)
    return made


def devices(client=None):
    return [Device(records.check(record(*entry)), client) for entry in DEVICES]
