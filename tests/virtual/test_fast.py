"""A board whose time jumps does the same as one in real time, only sooner."""

import json
import re
import socket
import threading

import numpy as np
import pytest

from mynah import boards
from mynah.audio_files import load
from mynah.hil.software import SPEAKER, Software
from mynah.link.urlhandler.protocol_rfc2217 import Serial
from mynah.paths import AUDIO_DIR
from mynah.virtual import clock as clocks
from mynah.virtual.alarms import Alarms
from mynah.virtual.board import VirtualBoard
from mynah.virtual.clock import Clock, FastClock, processor_time_of
from mynah.virtual.world import World

RATE = 16000
FIRST_FRAME = 2 * RATE  # the firmware listens long before
TRIES = 3
HOUR_MS = 3600 * 1000


@pytest.fixture
def fast(fast_micropython):
    """A `MicroPython` board on a fast clock."""
    yield fast_micropython
    fast_micropython.restart()


def test_sleep_takes_its_time_and_no_longer(fast):
    lengths = fast.value("got", "import time\ngot = []\n" + _SLEEPS)
    assert [round(us / 1000) for us in lengths] == [1, 1000, 60_000, HOUR_MS]


_SLEEPS = """
def measure(sleep, n):
    start = time.ticks_us()
    sleep(n)
    got.append(time.ticks_diff(time.ticks_us(), start))
for ms in (1, 1000, 60_000): measure(time.sleep_ms, ms)
start = time.time_ns(); time.sleep(3600); got.append((time.time_ns() - start) // 1000)
"""


def test_an_hour_of_tasks_timers_and_clock(fast):
    """Each counts on its own; together they say whether anything was lost or came twice."""
    code = """
import asyncio, machine, time
ticks, naps, flags = 0, 0, 0
def tick(_):
    global ticks
    ticks += 1
    flag.set()
flag = asyncio.ThreadSafeFlag()
async def nap():
    global naps
    while True:
        await asyncio.sleep_ms(250)
        naps += 1
async def wait():
    global flags
    while True:
        await flag.wait()
        flags += 1
async def main():
    tasks = [asyncio.create_task(nap()), asyncio.create_task(wait())]
    machine.Timer(0).init(period=1000, callback=tick)
    start, clock = time.ticks_ms(), time.time()
    await asyncio.sleep(3600)
    result = time.ticks_diff(time.ticks_ms(), start), time.time() - clock, ticks, naps, flags
    for task in tasks: task.cancel()
    print(result)
asyncio.run(main())
"""
    elapsed_ms, seconds, ticks, naps, flags = eval(fast.run(code, timeout_s=60))
    assert HOUR_MS <= elapsed_ms < HOUR_MS + 5
    assert seconds == 3600
    assert ticks in {3599, 3600}
    assert flags == ticks
    # Each nap is a little longer than 250 ms, as its loop looks at the clock.
    assert 14_300 < naps <= 14_400


def test_the_same_program_gives_the_same_ticks_each_time(fast, monkeypatch):
    monkeypatch.setattr(clocks, "CALM_S", 0.0)  # the code that comes over the serial port
    code = """
import asyncio, time
async def main():
    got = []
    async def nap(ms):
        for _ in range(20):
            await asyncio.sleep_ms(ms)
            got.append((ms, time.ticks_ms() - start))
    time.sleep_us(100_000 - time.ticks_us() % 100_000)
    start = time.ticks_ms()
    await asyncio.gather(nap(7), nap(11), nap(13))
    print(got)
asyncio.run(main())
"""
    assert fast.run(code) == fast.run(code)


def test_a_loop_that_watches_the_clock_ends_and_its_interrupts_come(fast):
    code = (
        "import machine, time\nn = 0\ndef tick(_):\n global n\n n += 1\n"
        "machine.Timer(0).init(period=5, callback=tick)\nstart = time.ticks_ms()\n"
        "while time.ticks_diff(time.ticks_ms(), start) < 1000: pass\n"
        "machine.Timer(0).deinit()"
    )
    assert fast.value("n", code) in range(198, 201)


def test_a_loop_that_watches_nothing_is_interrupted_all_the_same(fast):
    code = (
        "import machine\nn = 0\ndef tick(_):\n global n\n n += 1\n"
        "machine.Timer(0).init(mode=0, period=50, callback=tick)\nwhile not n: pass"
    )
    assert fast.value("n", code) == 1


def test_a_program_that_hangs_is_bitten_by_its_watchdog(fast):
    fast.start("import machine\nmachine.WDT(timeout=300)\nwhile True: pass")
    fast.console.expect(b"Task watchdog got triggered")
    fast.console.expect(b">>> ")
    assert fast.value("machine.reset_cause() == machine.WDT_RESET", "import machine") is True


def test_a_watchdog_that_is_fed_does_not_bite(fast):
    code = (
        "import machine, time\nw = machine.WDT(timeout=1000)\n"
        "for _ in range(600): time.sleep_ms(900); w.feed()\nprint('alive')"
    )
    assert fast.run(code) == "alive\n"


def test_ctrl_c_stops_what_waits_and_what_computes(fast):
    for code in ("while True: pass", "import asyncio; asyncio.run(asyncio.Event().wait())"):
        fast.start(f"print('begun')\n{code}")
        fast.console.expect(b"begun")
        fast.send(b"\x03")
        assert "KeyboardInterrupt" in fast.result()[1]


def test_deep_sleep_ends_when_it_is_time(fast):
    fast.start("import machine; machine.deepsleep(3600 * 1000)")
    fast.console.expect(b"rst:0x5 (DSLEEP)")
    fast.console.expect(b">>> ")
    code = "(machine.reset_cause() == machine.DEEPSLEEP_RESET, time.time())"
    woken, seconds = fast.value(code, "import machine, time")
    assert woken
    assert 3600 <= seconds < 3700


def test_whoever_talks_to_it_meets_it_in_real_time(fast, monkeypatch):
    monkeypatch.setattr(clocks, "CALM_S", 120.0)  # however busy this computer is
    fast.world.wifi.add("home", "secret123")
    fast.run(
        "import network, socket, time\nsta = network.WLAN(); sta.active(True)\n"
        "sta.connect('home', 'secret123')\nwhile not sta.isconnected(): time.sleep_ms(10)\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('0.0.0.0', 5055))"
    )
    fast.start(
        "seen = []\nfor _ in range(3):\n"
        "  data, who = s.recvfrom(99); seen.append(time.ticks_ms()); s.sendto(data, who)\n"
        "print(seen)"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(20)
        clock = Clock()
        start = clock.now()
        for _ in range(3):
            clock.wait_until(clock.now() + 0.2)
            peer.sendto(b"hello", (fast.board.address, 5055))
            assert peer.recv(99) == b"hello"
        elapsed_ms = (clock.now() - start) * 1000
    first, _, last = json.loads(fast.result()[0])
    fast.world.wifi.clear()
    # What the CPU computes takes no time of it, so it may be behind, but never ahead.
    assert 0 < last - first <= elapsed_ms


def test_a_pressed_button_is_pressed_for_as_long(fast):
    fast.run("import machine, time; pin = machine.Pin(0, machine.Pin.IN, machine.Pin.PULL_UP)")
    fast.start(
        "while pin.value(): time.sleep_ms(1)\nstart = time.ticks_ms()\n"
        "while not pin.value(): time.sleep_ms(1)\nprint(time.ticks_ms() - start)"
    )
    fast.world.buttons.press(0, 5.0)
    # The press begins and ends between two looks, and this thread may be late at either.
    assert 4900 < int(fast.result()[0]) < 60_000


def test_sound_goes_through_both_ways_whole(fast):
    sound = np.random.default_rng(7).integers(1000, 9000, 4 * RATE).astype(np.int16)
    playback = fast.world.mic.play(sound, frame=3000)
    with fast.world.speaker.record() as recording:
        fast.run(
            "from machine import I2S, Pin\nimport array\n"
            "i = I2S(0, sck=Pin(5), ws=Pin(4), sd=Pin(6), mode=I2S.RX, bits=16,\n"
            "  format=I2S.MONO, rate=16000, ibuf=20000)\n"
            "o = I2S(1, sck=Pin(15), ws=Pin(16), sd=Pin(7), mode=I2S.TX, bits=16,\n"
            "  format=I2S.MONO, rate=16000, ibuf=20000)\n"
            "b = bytearray(1000)\n"
            "for _ in range(8): o.write(b)\n"  # the output is never short of sound
            "for _ in range(2 * 5 * 16): i.readinto(b); o.write(b)\n"
            "i.deinit(); o.deinit()"
        )
    played = recording.stop()
    assert playback.wait(0)
    assert fast.world.mic.overruns == 0
    start = int(np.flatnonzero(np.abs(played) > 100)[0])  # of the sound; before it is noise
    assert np.array_equal(played[start : start + len(sound)], sound)


@pytest.fixture(scope="module")
def speaker_content():
    """The flash of a virtual board with the speaker's firmware."""
    return Software.named(SPEAKER, root=AUDIO_DIR).virtual_content(boards.load("virtual"))


def _sound(names):
    pause = np.zeros(RATE // 2, np.int16)
    return np.concatenate([part for name in names for part in (load(AUDIO_DIR / name), pause)])


def _listen(content, sound, *, fast):
    """What a new speaker logs while it hears a sound, and the sound that it lost, in frames."""
    world = World(fast=fast)
    text = b""
    with VirtualBoard(content=content, world=world) as board, Serial(board.url, timeout=0.1) as p:
        board.power_off()
        p.reset_input_buffer()
        playback = world.mic.play(sound, frame=FIRST_FRAME)
        board.power_on()
        while not playback.wait(0.05):
            text += p.read(max(p.in_waiting, 1))
        end = world.clock.now() + 2
        while world.clock.now() < end:
            text += p.read(max(p.in_waiting, 1))
        return text.decode(), world.mic.overruns


_WAKE = re.compile(r"wake: (heard|missed) .*$", re.MULTILINE)
_TICKS = re.compile(r"^([A-Z]) \d+ (?=[a-z]+: )", re.MULTILINE)


def _lines(text):
    """Log lines without what is counted in milliseconds and bytes, in order of their text."""
    lines = _TICKS.sub(r"\1 ", text[text.rindex("app: Mynah") :]).splitlines()
    return sorted(line for line in lines if "heap used" not in line and "token" not in line)


def test_the_same_words_are_heard_at_the_same_samples(speaker_content):
    sound = _sound(["okay_nabu_2.flac", "negative_1.flac"])
    fast, lost = _listen(speaker_content, sound, fast=True)
    assert lost == 0
    for _ in range(TRIES):  # in real time a busy computer may lose sound
        real, lost = _listen(speaker_content, sound, fast=False)
        if not lost and "of sound lost" not in real:
            break
    else:
        pytest.skip("sound was lost in real time: this computer is too busy to compare with")
    heard = [match[0] for match in _WAKE.finditer(fast)]
    assert [word for word in heard if word.startswith("wake: heard")] != []
    assert heard == [match[0] for match in _WAKE.finditer(real)]
    assert _lines(fast) == _lines(real)


def test_every_recording_is_heard_alike_each_time(speaker_content):
    manifest = json.loads((AUDIO_DIR / "manifest.json").read_text(encoding="utf-8"))
    sound = _sound([item["file"] for item in manifest["recordings"] if item["label"] != "tones"])
    first, lost = _listen(speaker_content, sound, fast=True)
    again, lost_again = _listen(speaker_content, sound, fast=True)
    assert (lost, lost_again) == (0, 0)
    wakes = [match[0] for match in _WAKE.finditer(first)]
    n_words = sum(item["label"] == "okay_nabu" for item in manifest["recordings"])
    assert sum(word.startswith("wake: heard") for word in wakes) == n_words
    assert wakes == [match[0] for match in _WAKE.finditer(again)]


def test_the_clock_jumps_only_forward_and_tells_whoever_waits():
    clock = FastClock()
    clock.rest()
    start_us = clock.now_us()
    thread = threading.Thread(target=lambda: clock.wait_until(start_us / 1e6 + 1000))
    thread.start()
    clock.jump(start_us + 999_000_000)
    assert thread.is_alive()
    clock.jump(0)
    assert clock.now_us() == start_us + 999_000_000
    clock.jump(clock.now_us() + 1_000_001)
    thread.join(10)
    assert not thread.is_alive()
    assert clock.wait_until(clock.now() - 1)


def test_a_count_of_seconds_moves_it_beyond_what_is_free():
    seconds = 5.0
    clock = FastClock()
    clock.rest()
    start = clock.now_us()
    clock.run(lambda: seconds, free_s=0.2)
    seconds += 0.1
    assert clock.now_us() == start
    seconds += 0.4
    assert clock.now_us() == start + 300_000
    clock.rest()
    seconds += 9
    assert clock.now_us() == start + 300_000


def test_alarms_ring_in_order_as_the_clock_jumps():
    clock = FastClock()
    clock.rest()
    alarms = Alarms(clock)
    rung = []
    for seconds in (3, 1, 2, 1):
        alarms.after(seconds, lambda seconds=seconds: rung.append((seconds, clock.now())))
    alarms.after(1.5, lambda: rung.append("cancelled")).cancel()
    start = clock.now()
    alarms.sleep(2.5)
    alarms.stop()
    assert [seconds for seconds, _ in rung] == [1, 1, 2]
    assert [when - start for _, when in rung] == pytest.approx([1, 1, 2], abs=2e-6)
    assert clock.now() - start == pytest.approx(2.5, abs=2e-6)


def test_a_process_that_has_ended_takes_no_more_time():
    count = processor_time_of(2**22)  # no such number
    assert count() == count() == 0.0
