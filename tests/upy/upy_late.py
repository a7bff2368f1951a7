"""Parts that are loaded with first use: once, in steps, and what happens when one cannot be."""

import asyncio
import json
import os

from speaker.app import console as console_
from speaker.app.console import Console
from speaker.app.house import House
from speaker.app.secure_door import SecureDoor
from speaker.miot.server import INTERNAL, Later, Server
from speaker.miot.spec import NotAvailableError
from speaker.util import late as late_
from speaker.util import log
from speaker.util.late import Late, NotLoadedError

PEER = ("10.0.0.9", 1)
COMMAND = b"mynah live\n"


class Clock:
    """Stands in for `time` in late.py."""

    PERIOD = 1 << 30

    def __init__(self, now_ms=0):
        self.now_ms = now_ms

    def ticks_ms(self):
        return self.now_ms % self.PERIOD

    def ticks_diff(self, a, b):
        return (a - b + self.PERIOD // 2) % self.PERIOD - self.PERIOD // 2


class Lines:
    """Takes the log's place for a while, and the clock's in late.py."""

    def __enter__(self):
        self.text = []
        self._kept = log._write, late_.time
        late_.time = self.clock = Clock()
        log._write = lambda _level, _source, text, args: self.text.append(
            text % args if args else text
        )
        return self

    def _take(self, _level, _source, text, args):
        self.text.append(text % args if args else text)

    def __exit__(self, *_):
        log._write, late_.time = self._kept


def run(main):
    result = asyncio.run(main)
    asyncio.new_event_loop()
    return result


class Steps:
    """Three steps; `fails` is what the second one raises."""

    def __init__(self, fails=None):
        self.n = 0
        self.fails = fails

    def __call__(self, *arguments):
        self.n += 1
        yield None
        if self.fails:
            raise self.fails
        yield None
        yield arguments


def test_it_is_loaded_once_for_all_who_wait_and_others_have_their_turn():
    steps = Steps()
    part = Late("part", steps, 1, 2)
    turns = []

    async def other():
        while part.part is None:
            turns.append(steps.n)
            await asyncio.sleep_ms(0)

    async def main():
        assert part.part is None
        waiting = [asyncio.create_task(part.get()) for _ in range(3)]
        asyncio.create_task(other())
        return await asyncio.gather(*waiting)

    with Lines() as lines:
        assert run(main()) == [(1, 2)] * 3
    assert steps.n == 1 and part.part == (1, 2)
    assert len(turns) >= 2  # between the steps
    assert len(lines.text) == 1 and lines.text[0].startswith("part: loaded in")


def fails(part):
    async def main():
        try:
            await part.get()
        except NotLoadedError:
            return True
        return False

    return run(main())


def test_what_cannot_be_loaded_is_told_once_and_tried_again_later():
    for error in (
        MemoryError("no room"),
        ImportError("no module"),
        ValueError("incompatible .mpy"),
    ):
        steps = Steps(error)
        part = Late("part", steps)
        with Lines() as lines:
            assert fails(part) and fails(part) and fails(part)
            assert steps.n == 1
            assert [text for text in lines.text if "cannot be loaded" in text] == [
                "part cannot be loaded; a restart may help"
            ]
            lines.clock.now_ms += 10_001
            assert fails(part) and steps.n == 2
            lines.clock.now_ms += 10_001
            assert fails(part) and steps.n == 2  # each time it takes twice as long
            lines.clock.now_ms += 10_000
            assert fails(part) and steps.n == 3
            steps.fails = None
            lines.clock.now_ms += 7 * 24 * 3600 * 1000  # more than half of the ticks' period
            assert not fails(part) and part.part == ()


def test_who_is_cancelled_leaves_it_to_the_next():
    steps = Steps()
    part = Late("part", steps)

    async def main():
        first = asyncio.create_task(part.get())
        await asyncio.sleep_ms(0)
        second = asyncio.create_task(part.get())
        await asyncio.sleep_ms(0)
        first.cancel()
        return await second

    with Lines():
        assert run(main()) == ()
    assert steps.n == 2


def server(methods):
    sent = []

    def keep(packet, _peer):
        sent.append(packet)

    return Server(bytes(16), 7, lambda: 1000, methods, lambda _peer: False, keep), sent


def call(made, sent, number, method):
    async def main():
        request = json.dumps({"id": number, "method": method, "params": [number]}).encode()
        mark = bytes([number] * 16)
        made.guard.take(PEER, mark, 1000)
        answer = made.execute(request, PEER, mark, json.loads)
        if answer is None:
            while not sent:
                await asyncio.sleep_ms(1)
            return sent.pop()
        return answer

    return run(main())


def test_a_method_of_a_part_answers_when_it_is_loaded():
    methods = {}

    async def later(params):
        return ["later"] + params

    def steps():
        yield None
        methods["now"] = lambda params, peer: params + [peer[0]]
        methods["later"] = lambda params, _peer: Later(later(params))
        yield "part"

    part = Late("part", steps)
    methods["now"] = methods["later"] = part
    made, sent = server(methods)
    with Lines():
        assert call(made, sent, 1, "later") == {"id": 1, "result": ["later", 1]}
        assert call(made, sent, 2, "now") == {"id": 2, "result": [2, PEER[0]]}
        assert call(made, sent, 3, "later")["result"] == ["later", 3]


def test_a_method_whose_part_cannot_be_loaded_says_so():
    part = Late("part", Steps(MemoryError()))
    made, sent = server({"now": part, "other": lambda _params, _peer: ["fine"]})
    with Lines():
        for number in (1, 2):
            error = call(made, sent, number, "now")["error"]
            assert error["code"] == INTERNAL and "part: not loaded" in error["message"]
        assert call(made, sent, 3, "other")["result"] == ["fine"]


class Keys:
    def __init__(self, text):
        self.text = text

    def take(self, buffer, start, count):
        taken = self.text[:count]
        self.text = self.text[count:]
        buffer[start : start + len(taken)] = taken
        return len(taken)


def test_a_command_of_a_part_gets_what_follows_it():
    seen = []

    async def run_(console):
        rest = bytearray(4)
        assert await console.get(rest, 4, 100)
        seen.append(bytes(rest))

    def steps():
        yield None
        console.add(COMMAND, run_)
        yield run_

    assert COMMAND in console_.COMMANDS
    console = Console(Keys(COMMAND + b"abcd" + COMMAND + b"efgh"))
    console.add(COMMAND, Late("part", steps))
    with Lines():
        run(console.look(bytearray()))
    assert seen == [b"abcd", b"efgh"]


def test_a_command_whose_part_cannot_be_loaded_is_none():
    console = Console(Keys(COMMAND + b"\n"))
    console.add(COMMAND, Late("part", Steps(MemoryError())))
    with Lines() as lines:
        run(console.look(bytearray()))
    assert "part cannot be loaded; a restart may help" in lines.text


class Settings:
    channel_key = b""


class Mode:
    """A loaded secure mode; its channel answers with what it got."""

    is_on = True

    class channel:
        @staticmethod
        def handle(packet, _peer):
            return b"told " + packet


class Plain:
    """A miIO server that answers everything."""

    dropped = {"secure": 0}

    def handle(self, packet, peer):
        return packet


def door(late, key=b""):
    settings, sent = Settings(), []
    settings.channel_key = key
    made = SecureDoor(
        settings,
        late,
        Plain(),
        lambda address: address == "192.168.4.2",
        lambda packet, peer: sent.append((packet, peer)),
    )
    return made, sent


def test_the_first_packet_of_the_channel_loads_it_and_is_answered_then():
    def steps():
        yield None
        yield Mode

    made, sent = door(Late("part", steps))

    async def main():
        assert made.handle(b"MY1", PEER) is None
        assert made.handle(b"MY2", PEER) is None  # clients send it again
        while not sent:
            await asyncio.sleep_ms(1)
        await asyncio.sleep_ms(5)
        return made.handle(b"MY3", PEER)

    with Lines():
        assert run(main()) == b"told MY3"
    assert sent == [(b"told MY1", PEER)]


def test_a_secure_mode_that_cannot_be_loaded_lets_nobody_in():
    """What was switched on stays on, whatever the memory is."""
    made, sent = door(Late("part", Steps(MemoryError())), key=bytes(32))

    async def main():
        assert made.handle(b"MY1", PEER) is None
        await asyncio.sleep_ms(5)

    with Lines() as lines:
        run(main())
        assert made.is_on and "part cannot be loaded; a restart may help" in lines.text
        assert made.handle(bytes(64), PEER) is None and Plain.dropped["secure"] == 1
        assert made.handle(bytes(32), PEER) == bytes(32)  # a hello finds it
        assert made.handle(bytes(64), ("192.168.4.2", 1)) == bytes(64)
        assert made.forbids("get_properties", PEER) and not made.forbids("miIO.info", PEER)
    assert sent == []


def test_a_home_without_devices_is_not_used_and_forgetting_loads_what_it_needs():
    folder = tmp_path + "/home"
    part = Late("home", Steps(MemoryError()))
    house = House(folder, part)
    assert not house.is_used
    house.forget()
    os.mkdir(folder)
    assert not house.is_used
    for name in ("/00.a", "/00.b", "/07.a"):
        with open(folder + name, "w") as file:
            file.write("a token")
    assert house.is_used
    with Lines():
        assert fails(part)
        house.forget()
    assert os.listdir(folder) == [] and not house.is_used


def test_a_directive_for_a_home_that_cannot_be_loaded_says_so():
    house = House("/nowhere", Late("home", Steps(MemoryError())))

    async def main():
        try:
            await house.directive("turn on the lamp").coroutine
        except NotAvailableError as error:
            return error.args[0]
        return None

    with Lines():
        assert run(main()) == "the home's controller is not loaded"
