# ruff: noqa: E402 - the stand-ins come before what imports them
"""Improv and the cable's commands on the console, between a scripted line and a scripted radio."""

import asyncio
import binascii
import io
import sys

from fakes.machine import GOOD, OWNED, WRONG, Machine

sys.modules["machine"] = type("machine", (), {"Timer": None})

from speaker.app.cable import Cable
from speaker.app.console import Console
from speaker.app.keyboard import Keyboard
from speaker.net import improv, improv_frame
from speaker.util import log

READY = b"IMPROV\x01\x01\x01\x02\xe2\n"
PROVISIONING = b"IMPROV\x01\x01\x01\x03\xe3\n"
PROVISIONED = b"IMPROV\x01\x01\x01\x04\xe4\n"
ERROR_3 = b"IMPROV\x01\x02\x01\x03\xe4\n"
GET_STATE = b"IMPROV\x01\x03\x02\x02\x00\xe5"
GET_INFO = b"IMPROV\x01\x03\x02\x03\x00\xe6"
SCAN = b"IMPROV\x01\x03\x02\x04\x00\xe7"
SCAN_END = b"IMPROV\x01\x04\x02\x04\x00\xe8\n"
SET_HOME = bytes.fromhex("494d50524f56010311010f04686f6d6509736563726574313233d4")
URL = b"miio://192.168.1.20:54321"


class Line(io.IOBase):
    def __init__(self):
        self.data = bytearray()

    def ioctl(self, request, argument):
        if request != 3:
            return -22
        return argument & 1 if self.data else 0

    def readinto(self, buffer):
        buffer[0] = self.data[0]
        self.data[:] = self.data[1:]
        return 1


class Board(Machine):
    """A machine with the console before it; what it prints is in `out`, frames and log apart."""

    def __init__(self, saved, *scripts):
        super().__init__(saved, *scripts)
        self.line = Line()
        self.console = Console(Keyboard(self.line))
        self.hostnames = []
        self.improv = improv.Improv(
            self.machine,
            self.settings,
            self.store,
            lambda: ("Mynah", "1.0", "ESP32-S3", self.settings.name or "mynah-0001", "", ""),
            "mynah-0001",
            self.hostnames.append,
        )
        self.console.add(improv_frame.PREFIX, self.improv.run)
        cable = Cable(
            self.machine, self.settings, self.improv, 77, "30:ED:A0:00:00:01", "mynah.speaker.test"
        )
        cable.add_to(self.console)
        self.frames = []
        self.log = []

    def run(self, steps):
        real = log.frame, log._write
        log.frame = self.frames.append
        log._write = lambda _, source, text, args: self.log.append(
            source + ": " + (text % args if args else text)
        )

        async def with_console(board):
            tasks = [
                asyncio.create_task(self.console.run()),
                asyncio.create_task(self.improv.follow()),
            ]
            try:
                await steps(board)
            finally:
                for task in tasks:
                    task.cancel()
                self.improv.close()

        try:
            super().run(with_console)
        finally:
            log.frame, log._write = real

    async def ask(self, request, n=1, timeout_ms=3000):
        """The frames that answer."""
        before = len(self.frames)
        self.line.data += request
        await self.true(lambda: len(self.frames) >= before + n, timeout_ms)
        await asyncio.sleep_ms(20)
        return self.frames[before:]

    async def say(self, line, wanted):
        """The log line that answers."""
        before = len(self.log)
        self.line.data += line
        await self.true(lambda: [each for each in self.log[before:] if wanted in each], 1000)
        return [each for each in self.log[before:] if wanted in each][0]


def fields(line):
    return dict([word.split("=") for word in line.split(" ") if "=" in word])


def result(*texts, command):
    return improv_frame.frame(4, improv_frame.result(command, list(texts)))


def test_frames_are_the_facts_examples():
    frame = improv_frame.frame
    assert frame(1, b"\x02") == READY and frame(1, b"\x04") == PROVISIONED
    assert frame(2, b"\x03") == ERROR_3
    assert frame(4, improv_frame.result(4, [])) == SCAN_END
    url = frame(4, improv_frame.result(1, [b"http://192.168.1.50"]))
    assert url[:12] == b"IMPROV\x01\x04\x16\x01\x14\x13" and url[-2:] == b"\xd3\n"


def test_no_result_has_10_bytes():
    for n in range(20):
        data = improv_frame.result(5, [b"x" * n])
        assert len(data) != 10 and data[1] == len(data) - 2
        assert improv_frame.texts(data[2:])[0] == b"x" * n
    assert improv_frame.texts(b"\x02ab\x00") == [b"ab", b""]
    assert improv_frame.texts(b"\x03ab") is None and improv_frame.texts(b"") == []


def test_a_session():
    board = Board({}, *WRONG, GOOD)
    board.station.heard = [
        (b"home", b"123456", 6, -50, 3, False),
        (b"caf\xc3\xa9", b"123457", 6, -60, 0, False),
        (b"\xff\xfe", b"123458", 6, -70, 3, False),
        (b"home", b"123459", 11, -80, 3, False),
        (b"", b"12345a", 1, -40, 3, False),
    ]

    async def steps(b):
        await b.until("set-up")
        assert await b.ask(GET_STATE) == [READY]
        assert await b.ask(GET_INFO) == [
            result(b"Mynah", b"1.0", b"ESP32-S3", b"mynah-0001", b"", b"", command=3)
        ]
        assert await b.ask(SCAN, 4) == [
            result(b"home", b"-50", b"YES", command=4),
            result(b"caf\xc3\xa9", b"-60", b"NO", command=4),
            result(b"\xff\xfe", b"-70", b"YES", command=4),
            SCAN_END,
        ]
        assert await b.ask(SET_HOME, 3) == [PROVISIONING, READY, ERROR_3]
        assert "wifi: cannot join home: wrong password" in b.log
        no_error = improv_frame.frame(2, b"\x00")
        assert await b.ask(SET_HOME, 4) == [
            no_error, PROVISIONING, PROVISIONED, result(URL, command=1)
        ]  # fmt: skip
        assert await b.ask(GET_STATE, 2) == [PROVISIONED, result(URL, command=2)]
        network = improv_frame.frame(3, b"\x07\x00")
        assert await b.ask(network) == [result(b"3", URL, command=7)]
        assert b.settings.credentials() == (b"home", "secret123") and not b.settings.owned

    board.run(steps)
    assert not [line for line in board.log if "secret123" in line]


def test_noise_and_broken_frames():
    board = Board({})

    async def steps(b):
        await b.until("set-up")
        for noise in (b"", b"\r\n", b"half a line ", b"IMPROV", b"IMPROVIMPRO", b"\xff" * 40):
            assert await b.ask(noise + GET_STATE) == [READY], noise
        assert await b.ask(GET_STATE + b"\n" + GET_STATE, 2) == [READY, READY]
        invalid = improv_frame.frame(2, b"\x01")
        wrong_sum = GET_STATE[:-1] + b"\xe4"
        assert await b.ask(wrong_sum) == [invalid]
        for data in (b"", b"\x01", b"\x02\x01", b"\x01\x00", b"\x01\x02\x05a", b"\x01\x01\x00"):
            assert await b.ask(improv_frame.frame(3, data)) == [invalid], data
        assert await b.ask(improv_frame.frame(3, b"\x63\x00")) == [improv_frame.frame(2, b"\x02")]
        n = len(b.frames)
        b.line.data += READY  # an echo of ours
        b.line.data += GET_STATE[:9]  # breaks off
        await asyncio.sleep_ms(400)
        assert len(b.frames) == n
        assert await b.ask(GET_STATE) == [READY]

    board.run(steps)


def test_a_client_that_is_there_is_told_of_changes():
    board = Board(OWNED, GOOD + [(400, "lost")])

    async def steps(b):
        await b.until("online")
        await asyncio.sleep_ms(20)
        assert not b.frames  # nobody listens
        assert (await b.ask(GET_STATE, 2))[0] == PROVISIONED
        await b.true(lambda: b.frames[-1] == READY)

    board.run(steps)


def test_names():
    board = Board({})

    def hostname(name):
        return improv_frame.frame(3, bytes([5, len(name)]) + name)

    def name(name_):
        return improv_frame.frame(3, bytes([6, len(name_)]) + name_)

    async def steps(b):
        await b.until("set-up")
        assert await b.ask(hostname(b"")) == [result(b"mynah-0001", command=5)]
        assert await b.ask(hostname(b"kitchen-2")) == [result(b"kitchen-2", command=5)]
        assert b.hostnames == ["kitchen-2"] and b.settings.hostname == "kitchen-2"
        for bad in (b"-a", b"a-", b"a b", b"a_b", "caf\u00e9".encode(), b"a" * 33):
            assert await b.ask(hostname(bad)) == [improv_frame.frame(2, b"\x05")], bad
        assert await b.ask(name("K\u00fcche".encode())) == [
            result("K\u00fcche".encode(), command=6)
        ]
        for bad in (b" ", b"\xff", b"a\nb", b"x" * 49):
            assert await b.ask(name(bad)) == [improv_frame.frame(2, b"\x01")], bad
        assert await b.ask(name(b"")) == [result("K\u00fcche".encode(), command=6)]
        assert b"K\xc3\xbcche" in (await b.ask(GET_INFO))[0]

    board.run(steps)
    assert board.hostnames == ["kitchen-2"]


def test_the_token_goes_over_the_cable_and_into_no_log():
    board = Board({}, GOOD)
    mask = bytes(range(100, 116))

    async def steps(b):
        await b.until("set-up")
        ask = b"mynah token " + binascii.hexlify(mask) + b"\n"
        first = await b.say(ask, "cable: ")
        told = fields(first)
        assert told["did"] == "77" and told["mac"] == "30:ED:A0:00:00:01"
        assert told["model"] == "mynah.speaker.test"
        key = bytes.fromhex(told["key"])
        token = bytes([a ^ b for a, b in zip(key, mask)])
        assert token == b.settings.token and not b.settings.owned
        await b.ask(SET_HOME, 3)
        assert not b.settings.owned
        await b.true(lambda: not b.store.get("net_set_up"))
        assert await b.say(ask, "cable: ") == first  # still nobody's
        assert await b.say(b"mynah paired\n", "cable: ") == "cable: paired"
        assert b.settings.owned and b.files.saved[-1]["owned"]
        for line in (ask, b"mynah paired\n"):
            assert "refused did=77: it has an owner" in await b.say(line, "cable: ")
        b.machine.open_window()  # the button
        assert await b.say(ask, "cable: ") == first
        log_ = "\n".join(b.log)
        for secret in (token, mask):
            assert binascii.hexlify(secret).decode() not in log_

    board.run(steps)


def test_masks_that_hide_nothing_are_refused():
    board = Board({})

    async def steps(b):
        await b.until("set-up")
        for mask in (b"00" * 16, b"ab" * 16, b"zz" * 16, b"0001020304050607"[:14] * 2 + b"0000"):
            assert "refused" in await b.say(b"mynah token " + mask + b"\n", "cable: ")

    board.run(steps)


def test_country_and_cancel():
    board = Board({}, [(30, 1001)], GOOD)

    async def steps(b):
        await b.until("set-up")
        assert await b.say(b"mynah country de\n", "cable: ") == "cable: country DE"
        assert "refused" in await b.say(b"mynah country 49\n", "cable: ")
        assert await b.ask(SET_HOME, 1) == [PROVISIONING]
        await b.until("associating")
        assert await b.say(b"mynah cancel\n", "cable: ") == "cable: cancelled"
        await b.until("set-up")
        await b.true(lambda: b.frames[-2:] == [READY, ERROR_3])  # a task of its own tells it
        assert not b.settings.country and not b.files.saved
        await b.say(b"mynah country de\n", "cable: ")
        await b.ask(SET_HOME, 3)
        await b.until("online")
        assert b.settings.country == "DE"

    board.run(steps)
