"""The whole firmware in the simulated world: switched on, cut off, reset, watched."""

import asyncio
import gc
import json
import os
import random
import sys
from asyncio import core

from sim import clock as clocks
from sim import hardware, network, radio

SSID, PASSWORD = "home sweet home", "correct horse"

_BOARD = {
    "name": "test",
    "model": "mynah.speaker.test",
    "mic": {"id": 0, "sck": 5, "ws": 4, "sd": 6},
    "amp": {"id": 1, "sck": 15, "ws": 16, "sd": 7},
    "led": {"kind": "ws2812", "pin": 48, "count": 1},
    "buttons": {"boot": 0},
}
_OFF_MS = 2000  # how long the power stays away
_LINES = 60


class TheEnd(BaseException):
    """The simulated time is over."""


class Frames:
    """Takes what the firmware writes between the lines, to `take` if anybody wants it."""

    take = None

    def write(self, data):
        if self.take is not None:
            self.take(bytes(data))


class Log:
    """Takes the firmware's log lines: counts them, keeps the last ones and those of faults."""

    def __init__(self):
        self.buffer = Frames()
        self.last = []
        self.faults = []
        self.exceptions = 0
        self.counts = {}
        self.heap_used = 0
        self.echo = None

    def write(self, line):
        if self.echo is not None:
            self.echo.write(line)
        self.last.append(line)
        if len(self.last) > _LINES:
            self.last.pop(0)
        self.exceptions += "Traceback" in line
        level = line[0]
        self.counts[level] = self.counts.get(level, 0) + 1
        if level == "E" and len(self.faults) < _LINES:
            self.faults.append(line)


class Tasks:
    """Counts asyncio's tasks: every one that is made is wrapped."""

    def __init__(self):
        self.alive = 0
        self.most = 0
        self._create = core.create_task
        core.create_task = self.create
        asyncio.create_task = self.create

    def create(self, coroutine):
        return self._create(self._counted(coroutine))

    async def _counted(self, coroutine):
        self.alive += 1
        self.most = max(self.most, self.alive)
        try:
            return await coroutine
        finally:
            self.alive -= 1


class World:
    """Everything around one board, and the board. `main` is the firmware's `speaker.app.main`."""

    def __init__(self, seed, ticks_ms, sound=False):
        random.seed(seed)
        self.clock = clocks.Clock(ticks_ms)
        clocks.install(self.clock)
        hardware.install(self.clock)
        hardware.I2S.sound = sound
        self.router = radio.Router(self.clock, SSID, PASSWORD)
        self.radio = radio.Radio(self.clock, self.router)
        radio.install(self.radio)
        self.net = network.Net(self.clock, seed)
        self.net.radio = self.radio
        network.Socket.net = self.net
        sys.modules["socket"] = network.SocketModule
        self.tasks = Tasks()
        self.log = Log()
        self.console = hardware.ConsoleInput()
        self.flash = hardware.Flash()
        self._import_firmware()
        words = _words()
        self.flash.format()
        self.flash.mount()
        with open("/board.json", "w") as file:
            json.dump(_BOARD, file)
        os.mkdir("/words")
        for name, text in words:
            with open("/words/" + name, "w") as file:
                file.write(text)
        self.flash.operations = 0
        self.speaker = None
        self.started_us = 0
        self.power_cuts = 0
        self.resets = 0

    def _import_firmware(self):
        # All at once: what is on this computer cannot be read any more when the flash is mounted.
        __import__("fakes.miio_device")  # of the clients
        for part in ("app", "home", "miot", "net"):
            for name in sorted(os.listdir(_firmware() + "/" + part)):
                if name.endswith(".py") and name != "__init__.py":
                    __import__("speaker." + part + "." + name[:-3])
        from speaker.app import keyboard, main, wiring
        from speaker.util import log

        self.main = main
        self._keyboard = keyboard
        keyboard.sys = hardware.Sys(self.console)
        log.sys = type("sys", (), {"stdout": self.log, "print_exception": sys.print_exception})
        if not hardware.I2S.sound:
            wiring.microphone = _no_microphone(wiring.microphone)

    def run(self, seconds):
        """Let the board live for so long, through every reset; raises what the firmware does."""
        self.clock.after(seconds * 1000, _raise, TheEnd)
        while True:
            self.started_us = self.clock.now_us
            try:
                self.speaker = self.main.Speaker(self.main.config.load("/board.json"))
                asyncio.run(self.speaker.run())
            except TheEnd:
                return
            except hardware.PowerCut:
                self.power_cuts += 1
            except hardware.Reset:
                self.resets += 1
            self._power_off()

    def cut_power(self):
        """To be called by an event."""
        raise hardware.PowerCut

    def _power_off(self):
        self.speaker = None
        self.flash.cut_at = None
        self.flash.unmount()
        asyncio.new_event_loop()
        self.tasks.alive = 0
        self.net.reset()
        self.radio.reset()
        hardware.Pin.made.clear()
        hardware.I2S.epoch += 1
        hardware.Timer.power_off()
        self._keyboard._keyboard = None
        try:
            sys.modules["time"].sleep_ms(_OFF_MS)
        except hardware.PowerCut:
            pass
        # Near the wrap, so that every start crosses it.
        self.clock.restart_ticks(clocks.WRAP - random.randrange(1000, 3_600_000))
        self.flash.mount()
        gc.collect()


def _words():
    """The firmware's files of what is said, `(name, text)`, from where this computer has them."""
    folder = _firmware() + "/../words/"
    texts = []
    for name in os.listdir(folder):
        with open(folder + name) as file:
            texts.append((name, file.read()))
    return texts


def _firmware():
    """The folder of the package `speaker` on this computer."""
    import speaker

    return speaker.__file__.rsplit("/", 1)[0]


def _no_microphone(make):
    """The microphone's task costs a PC two thirds of the time: without it, all else is as it is."""

    def microphone(*arguments):
        made, ring = make(*arguments)

        async def run():
            await asyncio.Event().wait()

        made.run = run
        return made, ring

    return microphone


def _raise(error):
    raise error
