"""Who subscribes is told of changes and events: together, and again until it has them."""

import asyncio
import gc
import json
import time

from speaker.app.state import Store
from speaker.miot import codec, subscribers
from speaker.miot.limits import N_SUBSCRIBERS
from speaker.miot.server import MiioError, Server
from speaker.miot.subscribers import Subscribers

OWN = 0x1122334455667788
PEER = ("10.0.0.9", 40001)
DID = 0x12345678
TOKEN = bytes(range(16))
EVENTS = {"wake.heard": (8, 1, (6, 3)), "button.pressed": (9, 1, (1,))}


class Ticks:
    """The module's `time`, moved by the test."""

    ticks_add, ticks_diff = staticmethod(time.ticks_add), staticmethod(time.ticks_diff)

    def __init__(self):
        self.now_ms = (1 << 29) - 3000  # the ticks wrap on the way

    def ticks_ms(self):
        return self.now_ms & ((1 << 30) - 1)


class World:
    """The properties' values, and what was sent."""

    def __init__(self):
        self.ticks = subscribers.time = Ticks()
        self.values = {(2, 1): 40, (2, 2): False, (8, 7): "a"}
        self.sent = []
        self.now = 1000
        self.is_there = True
        self.properties = {}
        for number in self.values:
            self.add(number)
        self.table = Subscribers(self._push, DID, self.properties, EVENTS, lambda: self.now)
        self.methods = self.table.methods()

    def add(self, number):
        self.properties[number] = lambda: self.values[number]

    def _push(self, text, peer):
        self.sent.append((json.loads(text), peer))
        return self.is_there

    def sub(self, own=OWN, peer=PEER, at=77):
        params = {"version": "2.0", "did": str(own), "update_ts": at, "sub_method": "."}
        return self.methods["miIO.sub"](params, peer)

    def kind(self, own=OWN, peer=PEER):
        return self.table.probed(own.to_bytes(8, "big"), peer)

    def set(self, number, value):
        self.values[number] = value
        self.table.changed()

    def pass_ms(self, n):
        """Time passes, a millisecond at a time as long as there is something to do."""
        end = self.ticks.now_ms + n
        wait = self.table.step()
        while self.ticks.now_ms + wait <= end:
            self.ticks.now_ms += wait
            wait = self.table.step()
        self.ticks.now_ms = end
        self.table.step()

    def ack_all(self):
        for message, peer in self.sent:
            self.table.acknowledged(message["id"], peer)


def item(number, value):
    return {"did": str(DID), "siid": number[0], "piid": number[1], "value": value}


def told(messages):
    return [(one["siid"], one["piid"]) for message, _ in messages for one in message["params"]]


def test_a_change_is_told_and_only_to_subscribers():
    world = World()
    world.set((2, 1), 41)
    world.pass_ms(1000)
    assert world.sent == []
    assert world.sub() == {"code": 0}
    world.table.changed()  # nothing has changed since
    world.pass_ms(1000)
    assert world.sent == []
    world.set((2, 1), 42)
    world.pass_ms(0)
    message, peer = world.sent[0]
    assert peer == PEER
    assert message["method"] == "properties_changed"
    assert message["params"] == [item((2, 1), 42)]
    world.ack_all()
    params = {"did": str(OWN), "update_ts": 77, "sub_method": "."}
    assert world.methods["miIO.unsub"](params, PEER) == {"code": 0}
    world.set((2, 1), 43)
    world.pass_ms(20_000)
    assert len(world.sent) == 1


def test_changes_come_together_with_the_newest_values():
    world = World()
    world.sub()
    for volume in range(50, 60):  # a slider, while the first message is not acknowledged yet
        world.set((2, 1), volume)
        world.set((2, 2), volume % 2 == 1)
        world.pass_ms(20)
    assert len(world.sent) == 1
    world.ack_all()
    world.pass_ms(200)
    assert len(world.sent) == 2
    assert {(one["siid"], one["piid"]): one["value"] for one in world.sent[1][0]["params"]} == {
        (2, 1): 59,
        (2, 2): True,
    }
    assert world.sent[0][0]["id"] != world.sent[1][0]["id"]


def test_nobody_is_told_more_often_than_five_times_a_second():
    world = World()
    world.sub()
    for volume in range(100):  # changed and acknowledged every 20 ms, for 2 s
        world.set((2, 1), volume)
        world.pass_ms(20)
        world.ack_all()
    assert 9 <= len(world.sent) <= 11, len(world.sent)


def test_a_message_is_sent_again_until_it_is_acknowledged():
    world = World()
    world.sub()
    world.set((2, 1), 50)
    world.pass_ms(999)
    assert len(world.sent) == 1
    world.pass_ms(1)
    assert len(world.sent) == 2 and world.sent[0] == world.sent[1]  # the same number
    world.table.acknowledged(world.sent[0][0]["id"], ("10.0.0.10", PEER[1]))  # not by another
    world.pass_ms(2000)
    assert len(world.sent) == 3
    world.ack_all()
    world.pass_ms(20_000)
    assert len(world.sent) == 3


def test_who_stays_silent_is_forgotten_and_sees_it_in_the_next_probe():
    world = World()
    world.sub(at=77)
    assert world.kind() == (77, 1)
    assert world.kind(peer=("10.0.0.10", 1)) == (0, 0)  # it is nobody else's to know
    world.set((2, 1), 50)
    world.pass_ms(20_000)
    assert len(world.sent) == 4
    assert world.kind() == (0, 0)
    # One that is not heard of for minutes.
    world.sub(at=78)
    world.now += 181
    world.set((2, 1), 51)
    world.pass_ms(20_000)
    assert len(world.sent) == 4 and world.kind() == (0, 0)
    # Probes keep it.
    world.sub(at=79)
    for _ in range(10):
        world.now += 60
        assert world.kind() == (79, 1)


def test_a_channel_that_is_gone_takes_its_subscriber_with_it():
    world = World()
    world.sub()
    world.is_there = False
    world.set((2, 1), 50)
    world.pass_ms(20_000)
    assert len(world.sent) == 1 and world.kind() == (0, 0)


def test_events():
    world = World()
    world.table.event("wake.heard", "Alexa", 250)  # nobody listens
    world.sub()
    world.table.event("wake.heard", "Alexa", 251)
    world.pass_ms(0)
    message = world.sent[0][0]
    assert message["method"] == "event_occured"
    assert message["params"] == {
        "did": str(DID),
        "siid": 8,
        "eiid": 1,
        "arguments": [{"piid": 6, "value": "Alexa"}, {"piid": 3, "value": 251}],
    }
    for i in range(20):  # more than are kept for one who does not acknowledge
        world.table.event("button.pressed", "b%d" % i)
    for _ in range(12):
        world.ack_all()
        world.pass_ms(300)
    names = [message["params"]["arguments"][0]["value"] for message, _ in world.sent[1:]]
    assert names == ["b%d" % i for i in range(12, 20)], names


def test_long_values_are_split_into_messages_that_fit():
    world = World()
    numbers = [(3, i) for i in range(1, 9)]
    for number in numbers:
        world.values[number] = ""
        world.add(number)
    world.sub()
    for number in numbers:
        world.values[number] = "x" * 400
    world.table.changed()
    for _ in range(6):
        world.pass_ms(300)
        world.ack_all()
    assert sorted(told(world.sent)) == numbers and len(world.sent) == 4
    assert all(len(json.dumps(message)) < 1400 for message, _ in world.sent)


def test_the_table_is_bounded_and_no_address_takes_it_all():
    world = World()
    for i in range(10):
        world.now += 1
        world.sub(own=i)
    assert [i for i in range(10) if world.kind(i)[1]] == [7, 8, 9]
    for i in range(N_SUBSCRIBERS - 3):
        world.sub(own=i, peer=("10.0.1.%d" % i, 1))
    try:
        world.sub(own=99, peer=("10.0.2.1", 1))
        raise AssertionError
    except MiioError as error:
        assert error.args[0] == -9999
    world.sub(own=9, at=88)  # one that is there may subscribe anew
    assert world.kind(9) == (88, 1)
    world.now += 181
    assert world.sub(own=99, peer=("10.0.2.1", 1)) == {"code": 0}


def test_odd_subscriptions_are_refused():
    world = World()
    for params in (
        None,
        [],
        {},
        {"did": "x"},
        {"did": None},
        {"did": True},
        {"did": "-1"},
        {"did": str(2**64)},
        {"did": "1", "update_ts": "x"},
        {"did": "1", "sub_method": "properties_changed"},
    ):
        for method in world.methods.values():
            try:
                method(params, PEER)
            except MiioError as error:
                assert error.args[0] == -5001
                continue
            raise AssertionError(params)
    for params in ({"did": str(2**64 - 1)}, {"did": 5, "update_ts": 2**40}, {"did": 5.0}):
        assert world.methods["miIO.sub"](params, PEER) == {"code": 0}


def test_memory_does_not_grow():
    world = World()

    def rounds(start, n):
        for i in range(start, start + n):
            world.now += 60
            world.sub(own=i, peer=("10.0.0.%d" % (i % 5), i))
            world.set((2, 1), i)
            world.table.event("wake.heard", "Alexa", i)
            world.pass_ms(300)
            if i % 3:
                world.ack_all()
            world.sent.clear()

    rounds(0, 100)
    gc.collect()
    before = gc.mem_alloc()
    rounds(100, 1000)
    gc.collect()
    assert gc.mem_alloc() - before < 4096, gc.mem_alloc() - before


def test_over_the_server_probe_subscribe_push_acknowledge():
    """The packets of ha_xiaomi_home's, as the facts describe them; by the tasks."""
    subscribers.time = time
    sent = []
    methods = {}
    server = Server(TOKEN, DID, lambda: 1000, methods, lambda _: False, lambda *a: sent.append(a))
    store = Store()
    reader = lambda: store.get("volume")  # noqa: E731
    table = Subscribers(server.push, DID, {(2, 1): reader}, EVENTS, lambda: 1000)
    methods.update(table.methods())
    server.subscribers = table
    keys = codec.Codec(TOKEN)
    probe = bytes.fromhex("21310020" + "ff" * 12) + b"MDID" + OWN.to_bytes(8, "big") + bytes(4)

    answer = server.handle(probe, PEER)
    assert answer[:12] == bytes.fromhex("213100200000000012345678")
    assert answer[16:] == b"MSUB" + bytes(4) + b"PUB\x00\xfe\x00\x00\x00"

    def call(body):
        stamp = codec.stamp_of(server.handle(probe, PEER))
        return server.handle(keys.encrypt(DID, stamp, json.dumps(body).encode()), PEER)

    params = {"version": "2.0", "did": str(OWN), "update_ts": 1700000000, "sub_method": "."}
    reply = call({"id": 2**31, "method": "miIO.sub", "params": params})
    assert json.loads(keys.decrypt(reply)) == {"id": 2**31, "result": {"code": 0}}
    answer = server.handle(probe, PEER)
    assert answer[16:] == b"MSUB" + (1700000000).to_bytes(4, "big") + b"PUB\x01\xfe\x00\x00\x00"

    async def scenario():
        tasks = [
            asyncio.create_task(table.run()),
            asyncio.create_task(table.follow(store.watch("volume"))),
        ]
        await asyncio.sleep_ms(0)
        store.set("volume", 41)
        while not sent:
            await asyncio.sleep_ms(1)
        packet, peer = sent.pop()
        assert peer == PEER and keys.is_signed(packet)
        message = json.loads(keys.decrypt(packet))
        assert message["params"] == [item((2, 1), 41)]
        assert call({"id": message["id"], "result": {"code": 0}}) is None
        table.event("button.pressed", "boot")
        while not sent:
            await asyncio.sleep_ms(1)
        assert json.loads(keys.decrypt(sent.pop()[0]))["method"] == "event_occured"
        for task in tasks:
            task.cancel()

    asyncio.run(scenario())
