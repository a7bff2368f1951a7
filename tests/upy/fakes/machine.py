# ruff: noqa: E402 - the scripted radio comes before what imports it
"""Provisioning with its store, settings and doors, on a scripted radio."""

import asyncio
import time

from fakes import radio

radio.install()

from speaker.app.set_up import SetUp
from speaker.app.settings import Settings
from speaker.app.state import Store
from speaker.miot.server import MiioError
from speaker.net import provisioning, wifi, window
from speaker.net.provisioning import Provisioning

GOOD = [(50, "link"), (150, "ip")]
WRONG = [[(30, 202)], [(30, 1001), (60, 202)]]
AWAY = [[(20, 1001), (40, 201)]]
OURS, THEIRS = ("192.168.4.2", 1), ("192.168.1.9", 1)


class Files:
    def __init__(self, values):
        self.values = values
        self.saved = []

    def load(self):
        return True

    def forget_older(self):
        pass

    def save(self, values):
        self.values = dict(values)
        self.saved.append(self.values)
        return True


OWNED = {"ssid": "home", "password": "password1", "token": "ab" * 16, "owned": True}


class RecordingStore(Store):
    """A watch of it would miss the steps that take no time here."""

    def __init__(self):
        super().__init__()
        self.states = []

    def set(self, name, value):
        changed = super().set(name, value)
        if changed and name == "net":
            self.states.append(value)
        return changed


class Machine:
    """Provisioning with its store and settings, run for as long as a test's steps take."""

    def __init__(self, saved, *scripts):
        self.station, self.access_point = radio.install()
        wifi.network = radio.Network
        wifi.JOIN_MS, wifi.ADDRESS_MS, wifi.STALE_MS, wifi.POLL_MS = 500, 200, 300, 10
        provisioning.REPLY_MS, provisioning.GRACE_MS, provisioning.CHECK_MS = 20, 200, 20
        provisioning.BACK_OFF_S = (0, 0, 0)
        window.OPEN_MS, window._CHECK_MS = 600_000, 20
        self.station.scripts = list(scripts)
        self.files = Files(dict(saved))
        self.store = RecordingStore()
        self.settings = Settings(self.files, self.store)
        self.radio = wifi.Wifi("mynah")
        self.settings.load()
        self.states = self.store.states
        self.machine = Provisioning(self.radio, self.settings, self.store, "set-up-ssid")
        self.door = SetUp(self.machine)

    def run(self, steps):
        async def main():
            tasks = [
                asyncio.create_task(self.machine.run()),
                asyncio.create_task(self.machine.window.run()),
            ]
            await steps(self)
            for task in tasks:
                task.cancel()
            self.door.close()

        asyncio.run(main())
        asyncio.new_event_loop()

    async def until(self, state, timeout_ms=5000):
        await self.true(lambda: self.store.get("net") == state, timeout_ms)

    async def true(self, condition, timeout_ms=5000):
        started_ms = time.ticks_ms()
        while not condition():
            assert time.ticks_diff(time.ticks_ms(), started_ms) < timeout_ms, self.states
            await asyncio.sleep_ms(5)

    def call(self, method, params=None, peer=OURS):
        return self.door.methods()[method](params, peer)

    def refuses(self, method, params=None, peer=OURS):
        try:
            self.call(method, params, peer)
        except MiioError as error:
            return error.args
        raise AssertionError(method)
