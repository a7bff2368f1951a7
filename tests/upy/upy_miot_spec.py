"""Properties and actions: the right code for every mistake."""

from speaker.miot import spec as miot
from speaker.miot import spec_table
from speaker.miot.server import MiioError
from speaker.miot.spec import Spec, is_allowed

PROPERTIES = {
    (2, 1): ("speaker.volume", "uint8", 7, (0, 100, 5)),
    (2, 2): ("speaker.mute", "bool", 7, None),
    (3, 1): ("play.state", "uint8", 5, [0, 1, 2]),
    (5, 1): ("text.content", "string", 0, None),
    (5, 2): ("text.secret", "uint32", 2, (0, 9, 1)),
}
ACTIONS = {(3, 1): ("play.play", ()), (5, 1): ("text.say", (1, 2))}


class World:
    def __init__(self):
        self.values = {
            "speaker.volume": 40,
            "speaker.mute": False,
            "play.state": 1,
            "text.secret": 0,
        }
        self.done = []

    def spec(self):
        def reader(name):
            return lambda: self.values[name]

        def writer(name):
            return lambda value: self.values.__setitem__(name, value)

        def doer(name):
            def do(*arguments):
                self.done.append((name, arguments))
                return list(arguments)

            return do

        names = list(self.values)
        return Spec(
            PROPERTIES,
            ACTIONS,
            {name: reader(name) for name in names},
            {name: writer(name) for name in names},
            {name: doer(name) for name, _ in ACTIONS.values()},
        )


def test_get():
    spec = World().spec()
    asked = [
        {"did": "a", "siid": 2, "piid": 1},
        {"did": "b", "siid": 9, "piid": 1},
        {"did": "c", "siid": 5, "piid": 1},
        {"siid": 2, "piid": 2},
        {},
        {"siid": "2", "piid": [1]},
    ]
    got = spec.get_properties(asked, None)
    assert got[0] == {"did": "a", "siid": 2, "piid": 1, "code": 0, "value": 40}
    assert got[1] == {"did": "b", "siid": 9, "piid": 1, "code": miot.NOT_FOUND}
    assert got[2]["code"] == miot.NOT_READABLE and "value" not in got[2]
    assert got[3] == {"siid": 2, "piid": 2, "code": 0, "value": False}
    assert got[4] == {"code": miot.NOT_FOUND}
    assert got[5]["code"] == miot.NOT_FOUND


def test_set():
    world = World()
    spec = world.spec()
    for value, code in (
        (45, 0),
        (42, miot.BAD_VALUE),  # not on a step
        (105, miot.BAD_VALUE),
        (-5, miot.BAD_VALUE),
        (40.0, miot.BAD_VALUE),
        ("40", miot.BAD_VALUE),
        (True, miot.BAD_VALUE),
        (None, miot.BAD_VALUE),
    ):
        item = {"did": "x", "siid": 2, "piid": 1, "value": value}
        assert spec.set_properties([item], None) == [
            {"did": "x", "siid": 2, "piid": 1, "code": code}
        ], value
    assert world.values["speaker.volume"] == 45
    assert spec.set_properties([{"siid": 2, "piid": 1}], None)[0]["code"] == miot.BAD_VALUE
    assert (
        spec.set_properties([{"siid": 2, "piid": 2, "value": 1}], None)[0]["code"] == miot.BAD_VALUE
    )
    assert (
        spec.set_properties([{"siid": 3, "piid": 1, "value": 1}], None)[0]["code"]
        == miot.NOT_WRITABLE
    )
    assert (
        spec.set_properties([{"siid": 7, "piid": 1, "value": 1}], None)[0]["code"] == miot.NOT_FOUND
    )


def test_a_batch_is_not_stopped_by_its_mistakes():
    world = World()
    codes = [
        result["code"]
        for result in world.spec().set_properties(
            [
                {"siid": 2, "piid": 1, "value": 200},
                {"siid": 2, "piid": 2, "value": True},
                {"siid": 5, "piid": 2, "value": 3},
            ],
            None,
        )
    ]
    assert codes == [miot.BAD_VALUE, 0, 0]
    assert world.values["speaker.mute"] is True and world.values["text.secret"] == 3


def test_action():
    world = World()
    spec = world.spec()
    asked = {"did": "call", "siid": 3, "aiid": 1, "in": []}
    assert spec.action(asked, None) == {"did": "call", "siid": 3, "aiid": 1, "code": 0, "out": []}
    assert spec.action({"siid": 3, "aiid": 1}, None)["code"] == 0
    assert spec.action({"siid": 3, "aiid": 9}, None)["code"] == miot.NOT_FOUND
    for arguments in ([1], {}, "x", None):
        assert spec.action({"siid": 3, "aiid": 1, "in": arguments}, None)["code"] == miot.BAD_INPUT
    say = {"siid": 5, "aiid": 1}
    for arguments, code in (
        (["hello", 3], 0),
        ([{"piid": 1, "value": "hello"}, {"piid": 2, "value": 3}], 0),
        ([{"piid": 2, "value": 3}, {"piid": 1, "value": "hello"}], miot.BAD_INPUT),
        (["hello", 10], miot.BAD_INPUT),
        ([3, "hello"], miot.BAD_INPUT),
        (["hello"], miot.BAD_INPUT),
    ):
        say["in"] = arguments
        assert spec.action(say, None)["code"] == code, arguments
    assert world.done[-1] == ("text.say", ("hello", 3))


def test_what_is_no_list_of_objects_is_an_error():
    spec = World().spec()
    for method in (spec.get_properties, spec.set_properties):
        for params in (None, {}, 3, "x", [1], [[]], [{}] * 33):
            try:
                method(params, None)
            except MiioError:
                continue
            raise AssertionError(params)
    for params in (None, [], 3):
        try:
            spec.action(params, None)
        except MiioError:
            continue
        raise AssertionError(params)


def test_ranges():
    assert is_allowed(0xFFFFFF, "uint32", (0, 0xFFFFFF, 1))
    assert not is_allowed(0x1000000, "uint32", (0, 0xFFFFFF, 1))
    assert is_allowed("", "string", None) and not is_allowed(b"", "string", None)
    assert is_allowed(2, "uint8", [0, 2]) and not is_allowed(1, "uint8", [0, 2])


def test_an_unbound_name_is_found_at_start():
    try:
        Spec(spec_table.PROPERTIES, {}, {}, {}, {})
    except ValueError:
        return
    raise AssertionError
