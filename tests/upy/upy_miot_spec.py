"""Properties and actions: the right code for every mistake."""

import asyncio

from speaker.miot import rows, spec_table
from speaker.miot import spec as miot
from speaker.miot.request import MAX_TEXT, reply
from speaker.miot.server import Later, MiioError
from speaker.miot.spec import NotAvailableError, Spec, is_allowed, whole
from speaker.util import log

PROPERTIES = {
    (2, 1): ("speaker.volume", "uint8", 7, (0, 100, 5)),
    (2, 2): ("speaker.mute", "bool", 7, None),
    (3, 1): ("play.state", "uint8", 5, [0, 1, 2]),
    (5, 1): ("text.content", "string", 0, None),
    (5, 2): ("text.secret", "uint32", 2, (0, 9, 1)),
}
DID = 0x12345678
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
            DID,
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
        (40.5, miot.BAD_VALUE),
        (1e999, miot.BAD_VALUE),
        (45.0, 0),
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
        Spec(rows.properties(spec_table.PROPERTIES), {}, {}, {}, {})
    except ValueError:
        return
    raise AssertionError


def codes(results):
    return [result["code"] for result in results]


def test_what_is_meant_for_another_device_is_not_done():
    world = World()
    spec = world.spec()
    for did, code in (
        (str(DID), 0),
        (DID, 0),
        ("speaker.mute", 0),  # clients put names there, or a short number
        ("0", 0),
        (0, 0),
        ("", 0),
        (None, 0),
        (str(DID + 1), miot.WRONG_DEVICE),
        (DID + 1, miot.WRONG_DEVICE),
        ("1234567890123456789", miot.WRONG_DEVICE),
        ([str(DID)], miot.WRONG_DEVICE),
        (True, miot.WRONG_DEVICE),
    ):
        asked = {"did": did, "siid": 2, "piid": 2, "value": True}
        world.values["speaker.mute"] = False
        assert codes(spec.get_properties([asked], None)) == [code], did
        assert codes(spec.set_properties([asked], None)) == [code], did
        assert world.values["speaker.mute"] is (code == 0), did
        del world.done[:]
        assert spec.action({"did": did, "siid": 3, "aiid": 1}, None)["code"] == code, did
        assert len(world.done) == (code == 0), did


def test_numbers_that_some_clients_write_as_floats():
    world = World()
    spec = world.spec()
    item = {"siid": 2.0, "piid": 1.0, "value": 45.0}
    assert spec.set_properties([item], None) == [{"siid": 2, "piid": 1, "code": 0}]
    assert world.values["speaker.volume"] == 45 and isinstance(world.values["speaker.volume"], int)
    assert spec.action({"siid": 5.0, "aiid": 1.0, "in": ["a", 3.0]}, None)["code"] == 0
    assert world.done[-1] == ("text.say", ("a", 3))
    for odd in (2.5, True, "2", None, [], 1e999, -1e999, 2**70):
        assert codes(spec.get_properties([{"siid": odd, "piid": 1}], None)) == [miot.NOT_FOUND], odd
    assert whole(-0.0) == 0 and whole(3.0) == 3 and whole(2**70) == 2**70


def test_the_same_property_twice_is_answered_twice():
    world = World()
    item = {"siid": 2, "piid": 1}
    assert codes(world.spec().get_properties([item, item], None)) == [0, 0]
    twice = [{"siid": 2, "piid": 1, "value": 5}, {"siid": 2, "piid": 1, "value": 10}]
    assert codes(world.spec().set_properties(twice, None)) == [0, 0]
    assert world.values["speaker.volume"] == 10
    assert world.spec().get_properties([], None) == []


def test_faults_and_what_is_not_there():
    world = World()
    spec = world.spec()

    def fail(*_):
        raise RuntimeError("a fault of ours")

    def refuse(*_):
        raise ValueError("no such thing")

    def lack(*_):
        raise NotAvailableError("no voice yet")

    write, log._write = log._write, lambda *_: None
    try:
        spec._readers["speaker.volume"] = spec._writers["speaker.volume"] = fail
        spec._doers["play.play"] = fail
        item = {"siid": 2, "piid": 1, "value": 5}
        both = [item, {"siid": 2, "piid": 2, "value": True}]
        assert codes(spec.get_properties(both, None)) == [miot.FAILED, 0]
        assert codes(spec.set_properties(both, None)) == [miot.FAILED, 0]
        assert spec.action({"siid": 3, "aiid": 1}, None)["code"] == miot.FAILED
    finally:
        log._write = write
    spec._writers["speaker.volume"] = spec._doers["play.play"] = refuse
    assert codes(spec.set_properties([item], None)) == [miot.BAD_VALUE]
    assert spec.action({"siid": 3, "aiid": 1}, None)["code"] == miot.BAD_INPUT
    spec._doers["play.play"] = lack
    answer = spec.action({"siid": 3, "aiid": 1}, None)
    assert answer == {"siid": 3, "aiid": 1, "code": miot.FAILED, "message": "no voice yet"}


def test_an_action_may_answer_later():
    spec = World().spec()

    async def work(why):
        await asyncio.sleep_ms(1)
        if why:
            raise NotAvailableError(why)
        return ["done"]

    def result(why):
        spec._doers["play.play"] = lambda: Later(work(why))
        later = spec.action({"did": "x", "siid": 3, "aiid": 1}, None)
        assert isinstance(later, Later)
        return asyncio.run(later.coroutine)

    assert result("") == {"did": "x", "siid": 3, "aiid": 1, "code": 0, "out": ["done"]}
    assert result("no")["code"] == miot.FAILED


def test_a_long_text_does_not_keep_the_others_back():
    properties = {(8, n): ("wake.p%d" % n, "string", 1, None) for n in range(1, 11)}
    values = {(8, n): "x" * 60 for n in range(1, 11)}
    readers = {"wake.p%d" % n: lambda n=n: values[(8, n)] for n in range(1, 11)}
    spec = Spec(properties, {}, readers, {}, {})
    asked = [{"did": "wake:p%d" % n, "siid": 8, "piid": n} for n in range(1, 11)]
    assert codes(spec.get_properties(asked, None)) == [0] * 10
    values[(8, 5)] = "y" * 690
    got = spec.get_properties(asked, None)
    assert codes(got) == [0, 0, 0, 0, miot.FAILED, 0, 0, 0, 0, 0]
    assert "value" not in got[4] and "alone" in got[4]["message"]
    assert len(reply(9999, "result", got)) <= MAX_TEXT and b'"error"' not in reply(1, "result", got)
    assert spec.get_properties([asked[4]], None)[0]["value"] == "y" * 690
    values[(8, 1)] = values[(8, 2)] = "\u00e9" * 400
    got = spec.get_properties(asked, None)
    assert codes(got)[:3] == [miot.FAILED, miot.FAILED, 0]
    assert b'"error"' not in reply(1, "result", got)
