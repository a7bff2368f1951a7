# ruff: noqa: E402 - the stand-ins come before what imports them
"""Ctrl-C told from data, whoever reads the console: its task, or the timer in its place."""

import asyncio
import io
import sys
import time

import micropython


class Timer:
    PERIODIC = 1
    running = None

    def __init__(self, number):
        assert number == 0

    def init(self, *, mode, period, callback):
        Timer.running = (mode, period, callback)

    def deinit(self):
        Timer.running = None


sys.modules["machine"] = type("machine", (), {"Timer": Timer})

from speaker.app import keyboard
from speaker.app.console import Console
from speaker.net import improv_frame

GET_STATE = b"IMPROV\x01\x03\x02\x02\x00\xe5\n"


class Line(io.IOBase):
    """The console's input: what was sent waits until it is read, a byte at a time."""

    def __init__(self, data=b""):
        self.data = bytearray(data)

    def ioctl(self, request, argument):
        if request != 3:
            return -22  # no file descriptor
        return argument & 1 if self.data else 0

    def readinto(self, buffer):
        assert self.data and len(buffer) == 1  # else the real one would wait
        buffer[0] = self.data[0]
        self.data[:] = self.data[1:]
        return 1


class Wires:
    """Takes the place of what raises KeyboardInterrupt in the main program."""

    def __enter__(self):
        self.calls = []
        self._real = keyboard.micropython, keyboard.os
        keyboard.micropython = type(
            "M", (), {"kbd_intr": staticmethod(lambda c: self.calls.append(("kbd_intr", c)))}
        )
        keyboard.os = type(
            "O",
            (),
            {
                "dupterm": staticmethod(self._dupterm),
                "dupterm_notify": staticmethod(self._notify),
            },
        )
        return self

    def __exit__(self, *_):
        keyboard.micropython, keyboard.os = self._real

    def _dupterm(self, terminal):
        self.terminal = terminal
        self.calls.append(("dupterm", terminal is not None))

    def _notify(self, _):
        self.calls.append(("notify", self._read()))

    def _read(self):
        byte = bytearray(1)
        return bytes(byte) if self.terminal.readinto(byte) else None


def take_all(keys):
    buffer = bytearray(600)
    return bytes(buffer[: keys.take(buffer, 0, 600)])


def interrupts(keys):
    try:
        take_all(keys)
    except KeyboardInterrupt:
        return True
    return False


def test_what_is_no_ctrl_c_comes_through():
    data = b"mynah live\n" + GET_STATE + b"IMPROVI" + GET_STATE + bytes(range(4, 256))
    keys = keyboard.Keyboard(Line(data))
    assert take_all(keys) == data
    assert take_all(keys) == b""


def test_ctrl_c_is_told_from_a_3_inside_of_a_frame():
    threes = improv_frame.frame(3, b"\x03" * 200)
    for before in (b"", b"\r", b"IMPROV", b"IMPROV\x02", GET_STATE, threes, b"x" + GET_STATE[:-1]):
        line = Line(before + b"\x03\r\x01")
        assert interrupts(keyboard.Keyboard(line)), before
        assert bytes(line.data) == b"\r\x01"  # that is for the prompt
    assert take_all(keyboard.Keyboard(Line(threes))) == threes


def test_a_frame_that_breaks_off_does_not_take_ctrl_c_away():
    for length in range(7, len(GET_STATE) - 1):
        line = Line(GET_STATE[:length])
        keys = keyboard.Keyboard(line)
        assert not interrupts(keys)
        keys._quiet_ms = time.ticks_add(time.ticks_ms(), -400)  # it is silent for so long
        assert keys.ioctl(3, 1) == 0
        line.data += b"\r\x03"
        assert interrupts(keys), length


def test_a_busy_moment_within_a_frame_is_no_silence():
    line = Line(GET_STATE[:7])
    keys = keyboard.Keyboard(line)
    assert take_all(keys) == GET_STATE[:7]
    line.data += GET_STATE[7:]
    time.sleep_ms(400)  # the loop did something else; the bytes were there all the time
    assert take_all(keys) == GET_STATE[7:]


def test_the_timer_keeps_what_nobody_reads():
    line = Line()
    keys = keyboard.Keyboard(line)
    data = b"mynah live\n" + GET_STATE
    keys.tick(None)
    line.data += data
    keys.tick(None)  # it may have come just now
    assert len(line.data) == len(data)
    keys.tick(None)
    assert not line.data and keys.ioctl(3, 1) == 1
    line.data += b"more"
    assert take_all(keys) == data + b"more"
    assert keys.ioctl(3, 1) == 0


def test_the_timer_leaves_alone_what_is_read_in_time():
    line = Line()
    keys = keyboard.Keyboard(line)
    for _ in range(10):
        line.data += b"x"
        keys.tick(None)
        assert take_all(keys) == b"x"


def test_the_timer_sees_ctrl_c():
    line = Line(b"noise" + GET_STATE + b"\x03\r\x01")
    keys = keyboard.Keyboard(line)
    with Wires() as wires:
        keys.tick(None)
        keys.tick(None)
        assert wires.calls == [("kbd_intr", 3), ("dupterm", True), ("notify", b"\x03")]
        assert wires._read() is None  # once
        keys.tick(None)
        keys.tick(None)
        assert len(wires.calls) == 3
    assert bytes(line.data) == b"\r\x01"
    assert take_all(keys) == b""


def test_more_than_fits_is_dropped_and_ctrl_c_still_seen():
    line = Line(b"y" * 1300)
    keys = keyboard.Keyboard(line)
    with Wires() as wires:
        keys.tick(None)
        keys.tick(None)
        assert not wires.calls and len(take_all(keys)) == 1300 % 512
        line.data += b"y" * 700 + b"\x03"
        keys.tick(None)
        keys.tick(None)
        keys.tick(None)
        assert ("notify", b"\x03") in wires.calls


def test_looking_allocates_nothing():
    line = Line(b"x" * 20 + GET_STATE)
    keys = keyboard.Keyboard(line)
    buffer = bytearray(64)
    line.readinto = None
    data = bytes(line.data)
    place = [0]

    class Stream(io.IOBase):
        def ioctl(self, request, argument):
            if request != 3:
                return -22
            return argument & 1 if place[0] < len(data) else 0

        def readinto(self, into):
            into[0] = data[place[0]]
            place[0] += 1
            return 1

    keys = keyboard.Keyboard(Stream())
    keys.tick(None)
    micropython.heap_lock()
    try:
        keys.take(buffer, 0, 3)
        keys.tick(None)
        keys.tick(None)
        keys.tick(None)
        keys.ioctl(3, 1)
        keys.take(buffer, 0, 64)
        keys.ioctl(3, 1)
    finally:
        micropython.heap_unlock()
    assert place[0] == len(data)


def test_begin_and_end():
    with Wires() as wires:
        keys = keyboard.begin()
        assert keyboard.begin() is keys
        assert Timer.running[:2] == (Timer.PERIODIC, 100)
        keyboard.end()
        keyboard.end()
        assert Timer.running is None
        assert wires.calls[-1] == ("kbd_intr", 3) and wires.calls[0] == ("kbd_intr", -1)
        assert keyboard.begin() is not keys
        keyboard.end()


def test_the_console_reads_what_the_timer_kept():
    line = Line()
    keys = keyboard.Keyboard(line)
    console = Console(keys)
    heard = []

    async def live(_console):
        heard.append("live")

    async def frame(console):
        rest = bytearray(5)
        assert await console.get(rest, 5, 100)
        heard.append(bytes(rest))

    console.add(b"mynah live\n", live)
    console.add(improv_frame.PREFIX, frame)

    async def until(true):
        for _ in range(500):  # a busy computer lets it wait
            if true():
                return
            await asyncio.sleep_ms(10)

    async def main():
        task = asyncio.create_task(console.run())
        await asyncio.sleep_ms(5)
        line.data += b"mynah live\n"
        keys.tick(None)
        keys.tick(None)
        await until(lambda: heard)
        assert heard == ["live"]
        # In the midst of a line, and of one that is longer than any command.
        for before in (b"", b"half a l", b"x" * 100, b"mynah live"):
            heard[:] = []
            line.data += before + GET_STATE
            await until(lambda: heard)
            assert heard == [b"\x03\x02\x02\x00\xe5"], before
        heard[:] = []
        line.data += b"x mynah live\nmynah live\n" + b"y" * 50 + b"mynah live\nmynah live\n"
        await until(lambda: len(heard) == 2)
        await asyncio.sleep_ms(20)
        assert heard == ["live", "live"]
        task.cancel()

    asyncio.run(main())
