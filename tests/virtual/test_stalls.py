"""The firmware's loop stands still, as in a collection in PSRAM: what becomes of the sound.

A task of the user's, started by the board's own main.py, holds the loop up.
"""

import re
import time

import pytest

from mynah import boards
from mynah.audio_files import RATE_HZ, load
from mynah.flash.plan import plan
from mynah.hil import Console
from mynah.paths import AUDIO_DIR
from mynah.virtual.board import VirtualBoard

SHORT_MS, LONG_MS = 300, 1500
DMA_MS = 312  # 40,000 bytes at 8 bytes a frame and 16 frames a ms
HEARD = r'wake: heard "Okay Nabu"'

MAIN = b"""
import asyncio, time
from speaker.app import main
from speaker.util import log

async def stalls():
    for ms in (300, 1500):
        await asyncio.sleep(3)
        log.info("test", "stall of %d ms in 1300 ms", ms)
        await asyncio.sleep_ms(1300)
        time.sleep_ms(ms)
        log.info("test", "stall over")
        await asyncio.sleep(6)

start = main.Speaker.run

async def run(self):
    task = asyncio.create_task(stalls())
    await start(self)

main.Speaker.run = run
main.run()
"""


@pytest.fixture
def virtual():
    what = plan(boards.load("virtual"), ["okay_nabu"])
    what.files["/main.py"] = MAIN
    with VirtualBoard(content=what.parts(16 << 20)) as virtual:
        yield virtual


def lines_with(console, text):
    return [line for _, line in console.lines if text in line]


def test_a_short_stall_loses_nothing_and_a_long_one_is_told_once(virtual):
    word = load(AUDIO_DIR / "okay_nabu_1.flac")
    with Console(virtual.url) as console:
        console.reset_board()
        console.expect("app: ready", 20)
        console.expect(f"test: stall of {SHORT_MS} ms", 10)
        # The word is spoken from 1.2 s to 1.9 s: the stall lies in the midst of it.
        virtual.world.mic.play(word, RATE_HZ)
        console.expect("test: stall over", 10)
        console.expect(HEARD, 5)
        console.expect(f"test: stall of {LONG_MS} ms", 15)
        assert not lines_with(console, "sound lost")
        assert not lines_with(console, "dropped")
        console.expect("test: stall over", 10)
        told = console.expect(r"mic: ms of sound lost in a stall: (\d+) more", 10)
        assert abs(int(told[1]) - (LONG_MS - DMA_MS)) < 60
        virtual.world.mic.play(word, RATE_HZ)
        console.expect(HEARD, 8)
        time.sleep(5)  # the counters are looked at every 5 s
        assert len(lines_with(console, "sound lost")) == 1
        assert not re.search(r"restart", "".join(lines_with(console, "mic:")))
