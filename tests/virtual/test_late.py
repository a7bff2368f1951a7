"""The firmware's microphone where interrupts are lost or the computer has no time for the board."""

import os
import signal
import time

import pytest

from mynah import boards
from mynah.flash.plan import plan
from mynah.hil import Console
from mynah.virtual.board import VirtualBoard
from mynah.virtual.cpu import MicroPythonCpu

LATE_S = 1.5  # the firmware starts I2S again after 1 s without sound

# Callbacks of a fast timer fill the scheduler's queue while another one holds it up.
MAIN = b"""
import asyncio, time
from machine import Timer
from speaker.app import main
from speaker.audio.microphone import Microphone
from speaker.util import log

counts = {"frames": 0, "callbacks": 0}
take, on_filled = Microphone.take, Microphone._on_filled

def count_take(self):
    counts["frames"] += 1
    take(self)

def count_on_filled(self, i2s):
    counts["callbacks"] += 1
    on_filled(self, i2s)

Microphone.take, Microphone._on_filled = count_take, count_on_filled

async def flood():
    await asyncio.sleep(1)
    fast = Timer(2, period=1, callback=lambda t: None)
    # No multiple of a frame's 20 ms: each hold-up meets another phase of the frames. A frame that
    # is full in its first 8 ms, before the queue is, loses no callback.
    slow = Timer(3, period=207, callback=lambda t: time.sleep_ms(100))
    await asyncio.sleep(2)
    slow.deinit()
    fast.deinit()
    await asyncio.sleep_ms(200)
    log.info("test", "flood: %d frames, %d callbacks", counts["frames"], counts["callbacks"])
    while True:
        counts["frames"] = 0
        await asyncio.sleep(1)
        log.info("test", "%d frames", counts["frames"])

start = main.Speaker.run

async def run(self):
    task = asyncio.create_task(flood())
    await start(self)

main.Speaker.run = run
main.run()
"""


@pytest.fixture
def board():
    """A board with that program, and its CPU."""
    what = plan(boards.load("virtual"), [])
    what.files["/main.py"] = MAIN
    cpus = []

    def cpu_factory(**wiring):
        cpus.append(MicroPythonCpu(**wiring))
        return cpus[0]

    with VirtualBoard(content=what.parts(16 << 20), cpu_factory=cpu_factory) as board:
        yield board, cpus[0]


def test_the_microphone_goes_on_whatever_comes_late_or_never(board):
    board, cpu = board
    with Console(board.url) as console:
        console.reset_board()
        console.expect("app: ready", 20)
        found = console.expect(r"test: flood: (\d+) frames, (\d+) callbacks", 15)
        n_frames, n_callbacks = map(int, found.groups())
        assert n_callbacks < n_frames  # some were lost indeed,
        assert n_frames > 3000 / 20  # and no sound was
        cpu._alarms.after(0, lambda: time.sleep(LATE_S))  # the host's thread does not run
        time.sleep(LATE_S)
        process = cpu._child._process
        for _ in range(3):  # nor does the board's process
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(LATE_S)
            os.kill(process.pid, signal.SIGCONT)
            found = console.expect(r"test: (\d+) frames", 5)
        found = console.expect(r"test: (\d+) frames", 5)
        assert int(found[1]) > 40
        log = [line for _, line in console.lines]
    assert not [line for line in log if "no sound" in line or "Traceback" in line]
