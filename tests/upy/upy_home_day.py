"""Hours of a home in simulated time: devices that die, move, restart, lose packets; a router, too.

With HOURS = 24 it is a day, in ten seconds.
"""

# ruff: noqa: E402 - the clock comes before what reads it
import asyncio
import gc
import random

from sim.clock import WRAP, Clock, install

CLOCK = Clock(WRAP - 1_800_000)  # the ticks wrap after half an hour
install(CLOCK)

from fakes import house
from fakes.miio_device import FakeDevice

from speaker.home.devices import LONGEST_BACKOFF_MS, POLL_MS, Devices
from speaker.home.registry import Registry
from speaker.home.runner import Runner
from speaker.miot.client import Client
from speaker.util import log

HOURS = 4
N = 12
HOUR_US = 3_600_000_000
BROADCAST = "255.255.255.255"


class Place:
    """A home network: devices at addresses that may change, packets that get lost."""

    def __init__(self):
        self.joined = True
        self.loss = 0.03
        self.sent = 0
        self.broadcasts = 0
        self.where = {}  # address -> FakeDevice
        self.client = Client(self.send)

    def send(self, packet, peer):
        if not self.joined:
            return
        self.sent += 1
        if peer[0] == BROADCAST:
            self.broadcasts += 1
            found = list(self.where.items())
        else:
            found = [(peer[0], self.where[peer[0]])] if peer[0] in self.where else []
        for address, device in found:
            if random.random() < self.loss:
                continue
            device.stamp = device.since + int(CLOCK.now_s)
            for reply in device.handle(packet):
                device.requests.clear()
                if random.random() >= self.loss:
                    delay_ms = 5 + random.getrandbits(6)
                    CLOCK.after(delay_ms, self.client.handle, reply, (address, peer[1]))


class Trouble:
    """What goes wrong, a few times an hour; everything is made good again."""

    def __init__(self, place, fakes):
        self._place = place
        self._fakes = fakes
        self.counts = {"deaf": 0, "moved": 0, "restarted": 0, "router": 0, "busy": 0}

    def begin(self):
        what = random.choice(list(self.counts))
        self.counts[what] += 1
        fake = random.choice(self._fakes)
        if what == "deaf":
            fake.deaf = True
            CLOCK.after(1000 * random.randrange(5, 1800), setattr, fake, "deaf", False)
        elif what == "moved":
            self.move(fake)
        elif what == "restarted":
            fake.since = 10 - int(CLOCK.now_s)
        elif what == "router":
            self._place.joined = False
            for each in self._fakes:
                if random.getrandbits(1):
                    self.move(each)
            CLOCK.after(1000 * random.randrange(5, 300), setattr, self._place, "joined", True)
        else:
            fake.errors = [-9999] * random.randrange(1, 6)
        CLOCK.after(1000 * random.randrange(60, 600), self.begin)

    def move(self, fake):
        where = self._place.where
        old = next(address for address in where if where[address] is fake)
        new = old
        while new in where:
            new = "10.0.0.%d" % random.randrange(2, 250)
        where[new] = where.pop(old)


def tasks():
    """How many are under way, from the scheduler's own queue."""
    from asyncio import core

    found = []
    while core._task_queue.peek():
        found.append(core._task_queue.pop())
    for task in found:
        core._task_queue.push(task)
    return len(found)


def test_hours_of_troubles():
    random.seed(4)
    folder = tmp_path + "/home"
    place = Place()
    devices = Devices(Registry(folder), place.client, lambda: place.joined)
    runner = Runner(devices, "firmware/words")
    write, log._write = log._write, lambda *_: None
    fakes = []
    for i in range(N):
        fake = FakeDevice(did=i + 1, values={(2, 1): True, (2, 2): 50, (2, 3): 4000})
        fake.since = 1000 * i
        fakes.append(fake)
        place.where["10.0.0.%d" % (i + 2)] = fake
        address = "10.0.0.%d" % (i + 2)
        devices.add(
            house.record("lamp %d" % i, "hall", "lamp", house.LAMP, address=address, did=i + 1)
        )
    trouble = Trouble(place, fakes)
    figures = {"said": 0, "done": 0}

    async def until(us):
        while CLOCK.now_us < us:
            await asyncio.sleep_ms(600_000)
            number = random.randrange(N)
            text = random.choice(("turn on lamp %d", "is lamp %d on", "dim lamp %d")) % number
            figures["said"] += 1
            figures["done"] += (await runner.do(text))["ok"]

    def heap():
        gc.collect()
        return gc.mem_alloc()

    async def main():
        task = asyncio.create_task(devices.run())
        trouble.begin()
        await until(HOUR_US)
        before, under_way, sent = heap(), tasks(), place.sent
        await until(HOURS * HOUR_US)
        figures["heap"] = heap() - before
        figures["tasks"] = tasks() - under_way
        figures["packets an hour"] = (place.sent - sent) // (HOURS - 1)
        trouble.begin = lambda: None
        for fake in fakes:
            fake.errors = []
        place.loss = 0
        # Whoever is away may come back half an hour later, and is asked again by then.
        await asyncio.sleep_ms(1_800_000 + LONGEST_BACKOFF_MS + POLL_MS + 60_000)
        assert task.done() is False
        figures["online"] = len([device for device in devices.all() if device.online])
        task.cancel()

    try:
        asyncio.run(main())
    finally:
        log._write = write
        asyncio.new_event_loop()
        kept = {record["did"]: record["address"] for record in Registry(folder).load()}
    print(figures, trouble.counts, place.broadcasts, "broadcasts", CLOCK.wraps, "wraps")
    assert CLOCK.wraps >= 1 and min(trouble.counts.values()) > 0
    assert figures["online"] == N
    assert figures["heap"] < 4096 and figures["tasks"] <= 0, figures
    # A question and some retries a minute and device, and no more.
    assert figures["packets an hour"] < 2 * N * 60, figures
    assert figures["done"] > figures["said"] // 2
    # What the flash has is where the devices are.
    assert kept == {place.where[address].did: address for address in place.where}
