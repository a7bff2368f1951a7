"""``machine.I2S``: real time, DMA rings, callbacks; sound in and out, sample for sample."""

import time

import numpy as np
import pytest

from mynah.virtual.i2s import Receiver

_MIC = (
    "from machine import I2S\nfrom array import array\nimport time\n"
    "rx = I2S(0, sck=5, ws=4, sd=6, mode=I2S.RX, bits={bits}, format=I2S.{form},\n"
    "         rate=16000, ibuf={ibuf})\n"
)
_AMP = (
    "from machine import I2S\nfrom array import array\nimport time\n"
    "tx = I2S(1, sck=15, ws=16, sd=7, mode=I2S.TX, bits={bits}, format=I2S.{form},\n"
    "         rate=16000, ibuf=8192)\n"
)


@pytest.fixture
def board(shared_micropython):
    shared_micropython.world.mic.noise_rms = 0
    yield shared_micropython
    shared_micropython.run(
        "import machine\nfor n in 'rx', 'tx':\n  if n in globals(): globals()[n].deinit()"
    )


def _mic(bits=32, form="MONO", ibuf=16384):
    return _MIC.format(bits=bits, form=form, ibuf=ibuf)


def test_callbacks_bring_every_sample_of_a_sound(board):
    board.run(
        _mic() + "buffers = [memoryview(array('i', bytes(4 * 480))) for _ in range(2)]\n"
        "heard = []; n = 0\n"
        "def done(i2s):\n  global n\n  b = buffers[n % 2]; n += 1\n"
        "  i2s.readinto(buffers[n % 2])\n  heard.extend(x >> 16 for x in b if x)\n"
        "rx.irq(done)\nassert rx.readinto(buffers[0]) == 1920"
    )
    sound = np.arange(1, 4001, dtype=np.int16)
    playback = board.world.mic.play(sound)
    assert playback.wait(5)
    heard = board.value("heard", "while len(heard) < 4000: time.sleep_ms(5)")
    assert heard == sound.tolist()
    assert board.world.mic.overruns == 0
    assert board.world.mic.position >= 4000


def test_sixteen_bits_and_stereo_show_the_left_microphone(board):
    board.run(_mic(16, "STEREO") + "b = array('h', bytes(4 * 2000))")
    board.start("for _ in range(20):\n  rx.readinto(b)\n  if any(b): break\nprint(list(b))")
    playback = board.world.mic.play(np.full(32000, -1234, dtype=np.int16), gain=0.5)
    printed, traceback = board.result()
    playback.stop()
    assert traceback == ""
    frames = np.array(eval(printed)).reshape(-1, 2)
    assert set(frames[:, 0]) <= {0, -617}
    assert frames[-1, 0] == -617
    assert not frames[:, 1].any()


def test_a_slow_reader_loses_the_oldest_sound(board):
    before = board.world.mic.overruns
    board.run(_mic(ibuf=4096) + "b = bytearray(1024); time.sleep(0.3); rx.readinto(b)")
    lost = board.world.mic.overruns - before
    # 0.3 s are 4800 frames, the ring holds 512.
    assert lost >= 4000
    assert lost % 256 == 0


def test_blocking_reads_keep_the_pace_of_the_sample_rate(board):
    elapsed = board.value(
        "time.ticks_diff(time.ticks_ms(), start)",
        _mic() + "b = bytearray(4 * 3200); rx.readinto(b); start = time.ticks_ms(); rx.readinto(b)",
    )
    assert 150 <= elapsed < 1000


def test_a_read_in_the_background_allocates_nothing(board):
    board.run(
        _mic()
        + "import micropython\nb = memoryview(array('i', bytes(1920))); state = [0]; before = 0\n"
        "def done(i2s):\n  state[0] += 1\n  i2s.readinto(b)\n"
        "rx.irq(done); rx.readinto(b); sleep = time.sleep_ms\n"
        "while not state[0]: sleep(5)\n"
        "micropython.heap_lock()\ntry:\n  before = state[0]\n"
        "  while state[0] < before + 3: sleep(5)\nfinally:\n  micropython.heap_unlock()"
    )


def test_a_read_of_what_is_there_already_is_not_lost(board, monkeypatch):
    start = Receiver.start

    def start_and_dawdle(self, n_bytes):
        started = start(self, n_bytes)
        time.sleep(0.005)  # the interrupt is there before the answer
        return started

    monkeypatch.setattr(Receiver, "start", start_and_dawdle)
    board.run(
        _mic() + "b = memoryview(array('i', bytes(64))); n = 0\n"
        "def done(i2s):\n  global n\n  n += 1\n"
        "rx.irq(done); time.sleep_ms(100)\n"
        "for i in range(1, 6):\n  rx.readinto(b)\n  while n < i: time.sleep_ms(1)"
    )


def test_a_callback_that_finds_no_room_leaves_the_sound_in_the_buffer(board):
    # Eight callbacks of a fast timer wait while one of another timer hogs the scheduler.
    board.world.mic.noise_rms = 100
    board.run(
        _mic() + "from machine import Timer\n"
        "b = array('i', bytes(1920)); n = 0; over = False\n"
        "def done(i2s):\n  global n\n  n += 1\n"
        "def hog(t):\n"
        "  global over\n"
        "  time.sleep_ms(50); rx.readinto(b); time.sleep_ms(100)\n"
        "  ticks.deinit(); over = True\n"
        "rx.irq(done)\n"
        "ticks = Timer(0, period=1, callback=lambda t: None)\n"
        "Timer(1, mode=Timer.ONE_SHOT, period=20, callback=hog)\n"
        "while not over: time.sleep_ms(1)\n"
        "time.sleep_ms(50)"
    )
    assert board.value("(n, any(b[-100:]))") == (0, True)
    board.run("rx.readinto(b)\nwhile not n: time.sleep_ms(1)\nassert n == 1")


def test_two_reads_in_the_background_follow_on_each_other(board):
    board.run(
        _mic() + "bs = [array('i', bytes(4 * 320)) for _ in range(3)]; n = 0\n"
        "def done(i2s):\n  global n\n  n += 1\n"
        "rx.irq(done)"
    )
    playback = board.world.mic.play(np.arange(1, 4001, dtype=np.int16))
    board.run("for b in bs: rx.readinto(b)\nwhile n < 2: time.sleep_ms(1)\ntime.sleep_ms(50)")
    heard = np.array(board.value("[x >> 16 for b in bs for x in b]"))
    assert playback.wait(5)
    assert board.value("n") == 2
    assert set(np.diff(heard[heard != 0])) <= {1}
    assert heard[639] != 0
    assert not heard[640:].any()  # the third found no room


def test_asyncio_streams(board):
    n = board.value(
        "n",
        _mic(16) + "import asyncio\nb = bytearray(2000)\n"
        "async def main():\n  global n\n  n = await asyncio.StreamReader(rx).readinto(b)\n"
        "asyncio.run(main())",
    )
    assert 0 < n <= 2000


def test_what_is_played_can_be_recorded(board):
    board.run(_AMP.format(bits=16, form="MONO"))
    with board.world.speaker.record() as recording:
        board.run("tx.write(array('h', range(1, 6001))); time.sleep(0.3)")
    samples = recording.stop()
    start = int(np.flatnonzero(samples)[0])
    assert recording.rate == 16000
    assert samples[start : start + 6000].tolist() == list(range(1, 6001))
    assert not samples[start + 6000 :].any()


def test_stereo_is_mixed_and_32_bits_are_cut(board):
    board.run(_AMP.format(bits=32, form="STEREO"))
    with board.world.speaker.record() as recording:
        board.run("tx.write(array('i', (1000 << 16, 3000 << 16) * 500)); time.sleep(0.2)")
    samples = recording.stop()
    assert set(samples[samples != 0]) == {2000}


def test_writes_in_the_background_call_back(board):
    board.run(
        _AMP.format(bits=16, form="MONO") + "b = array('h', bytes(8000)); n = 0\n"
        "def done(i2s):\n  global n\n  n += 1\n  if n < 3: i2s.write(b)\n"
        "tx.irq(done); assert tx.write(b) == 8000\nwhile n < 3: time.sleep_ms(5)"
    )


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (
            "I2S(2, sck=5, ws=4, sd=6, mode=I2S.RX, bits=32, format=I2S.MONO, rate=8, ibuf=9)",
            "invalid id",
        ),
        (
            "I2S(0, sck=5, ws=4, sd=6, mode=9, bits=32, format=I2S.MONO, rate=8, ibuf=9)",
            "invalid mode",
        ),
        (
            "I2S(0, sck=5, ws=4, sd=6, mode=I2S.RX, bits=24, format=I2S.MONO, rate=8, ibuf=9)",
            "invalid bits",
        ),
        (
            "I2S(0, sck=33, ws=4, sd=6, mode=I2S.RX, bits=16, format=I2S.MONO, rate=8, ibuf=9)",
            "invalid pin",
        ),
        ("I2S(0, sck=5)", "TypeError"),
        ("rx.write(b'12')", "EPERM"),
        ("rx.readinto(bytearray(3))", "EINVAL"),
        ("rx.irq(5)", "invalid callback"),
    ],
)
def test_errors(board, code, error):
    with pytest.raises(AssertionError, match=error):
        board.run(_mic() + code)


def test_shift(board):
    board.run(
        "from machine import I2S\nfrom array import array\na = array('h', [1, -3, 20000])\n"
        "I2S.shift(buf=a, bits=16, shift=2); assert list(a) == [4, -12, 14464], a\n"
        "I2S.shift(buf=a, bits=16, shift=-2); assert list(a) == [1, -3, 3616], a"
    )
