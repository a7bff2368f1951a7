"""The console's reader and the feed, with a host that loses, damages and repeats, and slow ears."""

# ruff: noqa: E402 - the scripted radio comes before what imports it
import asyncio
import sys
from array import array
from binascii import crc32
from struct import pack

from fakes import radio

radio.install()
sys.modules["machine"] = type("machine", (), {"Timer": None})

from speaker.app import baud, console, feed, keyboard
from speaker.app.feed import COMMAND, Feed
from speaker.app.listener import Listener
from speaker.audio.ring import FrameRing
from speaker.util import log


class Input:
    """The console's input, and its poller: the unix port's takes a millisecond for each look."""

    def __init__(self):
        self.data = bytearray()

    def ipoll(self, timeout_ms):
        assert timeout_ms == 0
        return (self,) if self.data else ()

    def readinto(self, buffer):
        assert self.data, "the board would hang here"
        for i in range(len(buffer)):
            buffer[i] = self.data[0]
            self.data = self.data[1:]


class Poll:
    """The `select` of the console's module."""

    POLLIN = 1

    def poll(self):
        return self

    def register(self, stream, _events):
        self.ipoll = stream.ipoll


async def readable(stream):
    while not stream.ioctl(3, 1):
        await asyncio.sleep_ms(1)


keyboard.select = Poll()
console.readable = readable


class Engine:
    """Keeps what it is fed; an output every 480 samples: the last sample's low byte."""

    stride, cutoff, window, backend, wake_word = 3, 200, 5, "test", "Test"
    kind, name, enabled = "wake", "test", True
    mean = 0

    def __init__(self):
        self.history = self.model = self
        self.words = (self,)
        self.reset()

    def reset(self):
        self.heard = array("h")
        self.outputs = []

    def feed(self, samples, n):
        for i in range(n):
            self.heard.append(samples[i])
            if len(self.heard) >= 800 and (len(self.heard) - 320) % 480 == 0:
                self.outputs.append(samples[i] & 255)
        return 0

    @property
    def newest_row(self):
        return 3 * len(self.outputs) - 1

    @property
    def newest_at_samples(self):
        return self.samples_at(self.newest_row)

    def samples_at(self, row):
        return 480 + 160 * row

    def take_heard(self):
        return False

    def take_missed(self):
        return 0

    def text(self):
        return "".join(["%02x" % value for value in self.outputs[-340:]])


class Mic:
    muted = paused = False


class Rig:
    """Console, feed and listener; `records` is the log, `answers` what the feed sent beside it."""

    def __init__(self, engine="an engine", slow_ms=0, n_frames=4):
        self.input = Input()
        self.engine = Engine() if engine else None
        self.mic = Mic()
        ready = asyncio.ThreadSafeFlag()
        self.ring = FrameRing(n_frames, 320)
        self.listener = Listener(self.ring, ready, self.engine, None, None)
        self.fed = Feed(self.ring, ready, self.mic, self.listener, self.engine)
        self.console = console.Console(keyboard.Keyboard(self.input))
        self.console.add(COMMAND, self.fed.run)
        self.slow_ms = slow_ms
        self.records = []
        self.answers = []
        log._write = lambda _level, source, text, args: self.records.append(
            source + ": " + (text % args)
        )
        feed.sys = self  # its stdout

    @property
    def stdout(self):
        return self

    def write(self, text):
        self.answers.append(text)

    async def _listen(self):
        while True:
            await asyncio.sleep_ms(self.slow_ms)
            self.listener.step()

    def play(self, script):
        """Run `script(self)` beside the parts."""

        async def main():
            tasks = [asyncio.create_task(self.console.run()), asyncio.create_task(self._listen())]
            try:
                await asyncio.wait_for(script(self), 10)
            finally:
                for task in tasks:
                    task.cancel()

        asyncio.run(main())
        asyncio.new_event_loop()

    async def until(self, start):
        while not any(record.startswith(start) for record in self.records):
            await asyncio.sleep_ms(1)

    async def answer(self):
        while not self.answers:
            await asyncio.sleep_ms(1)
        return self.answers.pop(0)

    async def begin(self):
        self.input.data.extend(b"\n" + COMMAND)
        await self.until("feed: begin")


def frame(sequence, samples):
    """Written by hand from the protocol's description."""
    body = bytearray(array("h", samples))
    body.append(sequence & 3)
    body.extend(pack("<I", crc32(body)))
    places = [i for i in range(len(body)) if body[i] == 3]
    head = 0
    for i, place in enumerate(places):
        step = places[i + 1] - place if i + 1 < len(places) else 0
        body[place] = step if step < 3 else step + 1
    if places:
        head = places[0] + 1 if places[0] < 2 else places[0] + 2
    out = bytes([0x7E, len(body), head]) + body
    assert 3 not in out
    return out


def ramp(n):
    return [(i * 771) % 65536 - 32768 for i in range(n)]


async def send(rig, samples, first=0):
    """Frame by frame, each after the answer to the one before; how many were sent."""
    number = first
    for i in range(0, len(samples), 56):
        rig.input.data.extend(frame(number, samples[i : i + 56]))
        assert await rig.answer() == "\x10\x12\x14\x16"[number & 3]
        number += 1
    return number


async def end(rig, number):
    rig.input.data.extend(frame(number, []))
    await rig.until("feed: end")


def test_every_sample_arrives_in_order_and_every_output_is_told():
    rig = Rig()
    samples = ramp(16000 + 700) + [3, 0x0303, 3 << 8] * 40

    async def script(rig):
        await rig.begin()
        assert rig.mic.paused
        await end(rig, await send(rig, samples))

    heard = []
    reset = rig.engine.reset

    def keep():  # the feed resets when it is over
        heard.append((list(rig.engine.heard), list(rig.engine.outputs)))
        reset()

    rig.engine.reset = keep
    rig.play(script)
    got, outputs = max(heard, key=lambda pair: len(pair[0]))
    padded = -(-len(samples) // 320) * 320
    assert got == samples + [0] * (padded - len(samples))
    told = "".join([r.split(" ")[-1] for r in rig.records if r.startswith("feed: p ")])
    assert told == "".join(["%02x" % value for value in outputs])
    assert "feed: end samples=%d" % len(samples) in rig.records
    assert rig.mic.paused is False and rig.ring.dropped == 0


def test_slow_ears_hold_the_host_back_and_nothing_is_lost():
    rig = Rig(slow_ms=5, n_frames=2)
    samples = ramp(320 * 12)
    kept = []

    async def script(rig):
        await rig.begin()
        number = await send(rig, samples)
        while rig.ring.front() is not None:
            await asyncio.sleep_ms(1)
        kept.extend(rig.engine.heard)
        await end(rig, number)

    rig.play(script)
    assert kept == samples[: len(kept)] and len(kept) >= len(samples) - 320
    assert rig.ring.dropped == 0


def test_damaged_and_repeated_frames():
    rig = Rig()
    samples = ramp(320)
    kept = []

    async def script(rig):
        await rig.begin()
        number = await send(rig, samples[:112])
        good = frame(number, samples[112:168])
        for at in (1, 2, 10, len(good) - 1):
            bad = bytearray(good)
            bad[at] ^= 0x40
            rig.input.data.extend(bad)
            answer = await rig.answer()
            assert answer == "\x15", answer
        rig.input.data.extend(good[:30])  # cut short
        assert await rig.answer() == "\x15"
        rig.input.data.extend(b"noise" + good)
        assert await rig.answer() == "\x14"
        rig.input.data.extend(good)  # its answer was lost
        assert await rig.answer() == "\x14"
        rig.input.data.extend(frame(number + 2, samples[:56]))  # the one before is missing
        assert await rig.answer() == "\x15"
        number = await send(rig, samples[168:], number + 1)
        while rig.ring.front() is not None:
            await asyncio.sleep_ms(1)
        kept.extend(rig.engine.heard)
        await end(rig, number)

    rig.play(script)
    assert kept == samples, len(kept)


def test_a_lost_link_gives_the_microphone_back():
    rig = Rig()

    async def script(rig):
        await rig.begin()
        await send(rig, ramp(112))
        rig.input.data.extend(frame(2, ramp(56))[:20])
        await rig.until("feed: link lost after 112")
        await asyncio.sleep_ms(5)
        assert rig.mic.paused is False
        await rig.begin()  # and it can be done again

    rig.play(script)


def test_refused_without_a_model_or_with_a_muted_microphone():
    for engine, why in ((None, "no wake word model"), ("an engine", "muted")):
        rig = Rig(engine)
        rig.mic.muted = engine is not None

        async def script(rig, why=why):
            rig.input.data.extend(COMMAND)
            await rig.until("feed: refused: ")
            assert why in rig.records[0]
            assert rig.mic.paused is False

        rig.play(script)


def test_console_finds_its_words_in_noise_and_lets_others_read():
    rig = Rig()
    got = []

    async def improv(console):
        rest = bytearray(4)
        assert await console.get(rest, 4, 100)
        got.append(bytes(rest))

    console.COMMANDS += (b"IMPROV",)
    rig.console.add(b"IMPROV", improv)

    async def script(rig):
        rig.input.data.extend(
            b"xmynah feed\n" + b"\xff" * 500 + b"\nIMPROV\x01\x03ab\r\nIMPROVwxyz"
        )
        while len(got) < 2:
            await asyncio.sleep_ms(1)

    rig.play(script)
    assert got == [b"\x01\x03ab", b"wxyz"] and rig.records == []


def test_a_closed_console_leaves_the_input_to_the_prompt():
    rig = Rig()

    async def script(rig):
        await asyncio.sleep_ms(5)
        rig.console.close()
        rig.input.data.extend(b"print(1)\r\n")
        await asyncio.sleep_ms(20)

    rig.play(script)
    assert bytes(rig.input.data) == b"print(1)\r\n"


def test_a_faster_console_is_used_and_left():
    rig = Rig()
    rates = []
    rig.console.add(baud.COMMAND, baud.Baud(rates.append).run)
    samples = ramp(320)

    async def script(rig):
        rig.input.data.extend(b"\nmynah baud 921600\n")
        await rig.until("baud: to 921600")
        while not rates:
            await asyncio.sleep_ms(1)
        rig.input.data.extend(b"\xfe\n")
        await rig.until("baud: is 921600")
        await rig.begin()
        await end(rig, await send(rig, samples))
        assert rates == [921600]
        rig.input.data.extend(b"\nmynah baud 115200\n")
        await rig.until("baud: is 115200")
        assert rates == [921600, 115200]

    rig.play(script)


def test_a_faster_console_that_nobody_uses_goes_back():
    for confirmed in (False, True):
        rig = Rig()
        rates = []
        rig.console.add(baud.COMMAND, baud.Baud(rates.append).run)

        async def script(rig, confirmed=confirmed):
            rig.input.data.extend(b"mynah baud 460800\n")
            await rig.until("baud: to 460800")
            if confirmed:
                rig.input.data.extend(b"\n")
            await rig.until("baud: is 115200")
            assert rates == [460800, 115200]
            await rig.begin()

        rig.play(script)


def test_a_console_with_one_rate_says_so():
    def cannot(_rate):
        raise AttributeError("UART")

    rig = Rig()
    rig.console.add(baud.COMMAND, baud.Baud(cannot).run)

    async def script(rig):
        for line in (b"mynah baud 921600\n", b"mynah baud 9999999\n", b"mynah baud fast\n"):
            rig.records.clear()
            rig.input.data.extend(line)
            await rig.until("baud: refused")

    rig.play(script)
