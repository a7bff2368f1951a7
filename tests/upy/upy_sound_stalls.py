"""Sound while nobody reads: what the driver keeps is not lost, what it cannot keep is counted."""

import random
import time

import micropython
from fakes.i2s import FakeI2S

from speaker.app.counters import Counters
from speaker.audio.microphone import Microphone
from speaker.audio.ring import FrameRing
from speaker.util import log

N = 320
FRAME_MS = 20
DMA_MS = 304


class Flag:
    def set(self):
        pass


class Recorder:
    """Frames as the driver hands them out: full every 20 ms, up to DMA_MS kept while none is read.

    `drift` is how much slower than the ticks the microphone's clock runs, in millionths.
    """

    def __init__(self, drift=0):
        self.mic = Microphone(lambda: None, Flag(), FrameRing(4, N), Flag(), 16, DMA_MS)
        self.now = 1000 * 1000.0  # microseconds
        self.mic._due_ms = self.ms() + FRAME_MS
        self.frame_us = FRAME_MS * (1000 + drift / 1000)
        self.full_at = self.now + self.frame_us
        self.lost_us = 0

    def ms(self):
        return int(self.now // 1000) & (2**30 - 1)

    def read(self, latency_us=0):
        """Serve the next frame as soon as it is full."""
        self.now = max(self.now, self.full_at) + latency_us
        kept = DMA_MS * 1000
        if self.now - self.full_at > kept:
            self.lost_us += self.now - self.full_at - kept
            self.full_at = self.now - kept
        self.mic.account(self.ms())
        self.full_at += self.frame_us

    def stall(self, ms):
        self.now += 1000 * ms


def test_a_stall_that_the_driver_absorbs_loses_nothing():
    for stall_ms in (50, 150, 300):
        recorder = Recorder()
        for _ in range(20):
            for _ in range(50):
                recorder.read()
            recorder.stall(stall_ms)
        assert recorder.lost_us == 0
        assert recorder.mic.lost_ms == 0, stall_ms


def test_a_longer_one_is_counted():
    for stall_ms in (350, 500, 2000):
        recorder = Recorder()
        for _ in range(50):
            recorder.read()
        recorder.stall(stall_ms)
        for _ in range(100):
            recorder.read()
        assert recorder.lost_us > 1000
        assert abs(recorder.mic.lost_ms - recorder.lost_us / 1000) <= FRAME_MS, stall_ms


def test_a_second_stall_before_the_backlog_is_read():
    recorder = Recorder()
    for _ in range(50):
        recorder.read()
    recorder.stall(250)
    for _ in range(3):
        recorder.read()
    recorder.stall(250)
    for _ in range(60):
        recorder.read()
    assert recorder.lost_us > 100000
    assert abs(recorder.mic.lost_ms - recorder.lost_us / 1000) <= 2 * FRAME_MS


def test_a_loop_that_is_always_too_slow_is_counted():
    recorder = Recorder()
    for _ in range(200):
        recorder.read()
        recorder.stall(30)
    assert recorder.lost_us > 1000000
    assert abs(recorder.mic.lost_ms * 1000 / recorder.lost_us - 1) < 0.1


def test_clocks_that_drift_and_late_tasks_are_no_loss():
    random.seed(1)
    for drift in (-200, 0, 200):
        recorder = Recorder(drift)
        for _ in range(60000):  # 20 minutes
            recorder.read(random.getrandbits(13))
        assert recorder.mic.lost_ms == 0, drift


def test_the_ticks_may_wrap():
    recorder = Recorder()
    recorder.now = (2**30 - 500) * 1000.0
    recorder.mic._due_ms = recorder.ms() + FRAME_MS
    recorder.full_at = recorder.now + recorder.frame_us
    for _ in range(100):
        recorder.read()
    assert recorder.mic.lost_ms == 0


def test_counting_allocates_nothing():
    mic = Microphone(FakeI2S, Flag(), FrameRing(4, N), Flag(), 16, DMA_MS)
    mic._start()
    now_ms = time.ticks_ms()
    micropython.heap_lock()
    try:
        for i in range(100):
            mic.account((now_ms + 100 * i) & 0x3FFFFFFF)
    finally:
        micropython.heap_unlock()
    assert mic.lost_ms > 0


def test_a_loss_is_logged_once():
    records = []
    write, log._write = log._write, lambda _level, _source, text, args: records.append(text % args)
    try:
        counters = Counters(None, None, None, None)
        for lost_ms in (0, 200, 200, 200, 350, 350):
            counters._report("mic", "ms of sound lost in a stall", lost_ms)
    finally:
        log._write = write
    assert records == [
        "ms of sound lost in a stall: 200 more, 200 in all",
        "ms of sound lost in a stall: 150 more, 350 in all",
    ]
