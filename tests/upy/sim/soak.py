"""Hours of polling, loss, router restarts, wrong DHCP, floods and power cuts in a few seconds."""

import gc
from array import array

from sim import clients
from sim.clock import WRAP
from sim.hardware import MAC, NeoPixel
from sim.world import PASSWORD, SSID, World

# The longest pause between attempts (60 s), one that is refused an address twice (2 x 10 s), and
# the time that a lost link takes to be noticed (6 s), with room for an attempt's steps.
ONLINE_WITHIN_S = 95
# Of each life, before its heap counts: the memories of packets and replies fill up. At most a
# sixth of the whole time.
_WARM_UP_S = 1800
_CHECK_MS = 1000
_SAMPLE_MS = 60_000
_MOST_PARTS = 10_000
_MOST_WAIT_S = 600
_N_PART = 10  # samples of which the least counts: what is in flight comes and goes
_FIRST = (2, 1), (2, 2), (3, 1), (4, 1), (7, 1), (7, 2), (7, 3), (1, 1), (1, 2), (1, 3)


class Report:
    """What happened, and what should not have."""

    def __init__(self, world):
        self._world = world
        self.asked = 0
        self.polls = 0
        self.in_an_outage = 0  # calls that nobody could answer
        self.answers_s = 0.0
        self.slowest_s = 0.0
        self.violations = []
        self.disturbed_us = 0  # when something was done to the board or its network, last
        self.recoveries = Waits()

    def violation(self, text):
        at = "%.1f h: " % (self._world.clock.now_s / 3600)
        if len(self.violations) < 20:
            self.violations.append(at + text)

    def answered(self, asked_us, good, reply):
        self.asked += 1
        self.polls += 1
        took_s = (self._world.clock.now_us - asked_us) / 1e6
        self.answers_s += took_s
        self.slowest_s = max(self.slowest_s, took_s)
        if not good:
            self.violation("a wrong reply: %s" % reply)

    def unanswered(self, asked_us):
        self.asked += 1
        if self.disturbed_us + ONLINE_WITHIN_S * 1_000_000 < asked_us:
            self.violation(
                "no answer to a call %.0f s after the last disturbance"
                % ((asked_us - self.disturbed_us) / 1e6)
            )
        else:
            self.in_an_outage += 1

    def is_disturbed(self):
        """Whether the board may be offline now."""
        until_us = self.disturbed_us + ONLINE_WITHIN_S * 1_000_000
        return self._world.clock.now_us < until_us

    def wrong_answer(self, what, packet):
        self.violation("%d bytes in answer to %s" % (len(packet), what))


class Chance:
    """The troubles' own random numbers, so that a seed brings the same ones at the same times.

    What else is random comes in the order in which asyncio runs tasks that are due at once, which
    depends on the computer's clock. The numbers are Numerical Recipes' 32-bit generator's.
    """

    def __init__(self, seed):
        self._state = seed & 0xFFFFFFFF
        for _ in range(8):
            self.randrange(1)

    def randrange(self, low, high=None):
        if high is None:
            low, high = 0, low
        self._state = (1664525 * self._state + 1013904223) & 0xFFFFFFFF
        return low + (self._state >> 8) * (high - low) // (1 << 24)


class Growth:
    """A number that may swing but not grow, in each of the board's lives. Allocates nothing."""

    def __init__(self):
        self._parts = array("i", bytes(4 * _MOST_PARTS))  # the least of every so many samples
        self._next = 0
        self._n_samples = 0
        self._start = 0  # of this life
        self._longest = (0, 0)

    def new_life(self):
        self._start = self._next
        self._n_samples = 0

    def add(self, used):
        if self._n_samples == 0 or used < self._parts[self._next]:
            self._parts[self._next] = used
        self._n_samples += 1
        if self._n_samples == _N_PART:
            self._n_samples = 0
            self._next += 1
            first, end = self._longest
            if self._next - self._start > end - first:
                self._longest = (self._start, self._next)

    def first(self):
        return self._parts[0]

    def grew(self):
        """In the last two thirds of the longest life: what is made when it is first needed is there
        by then.
        """
        first, end = self._watched()
        return self._parts[end - 1] - self._parts[first]

    def hours(self):
        """How long that was."""
        first, end = self._watched()
        return (end - first) * _N_PART * _SAMPLE_MS / 3_600_000

    def _watched(self):
        first, end = self._longest
        return first + (end - first) // 3, end


class Waits:
    """Whole seconds, counted. Allocates nothing."""

    def __init__(self):
        self._counts = array("H", bytes(2 * _MOST_WAIT_S))
        self.n = 0
        self.longest = 0

    def add(self, seconds):
        seconds = int(seconds)
        self._counts[min(seconds, _MOST_WAIT_S - 1)] += 1
        self.n += 1
        self.longest = max(self.longest, seconds)

    def median(self):
        left = self.n // 2
        for seconds, count in enumerate(self._counts):
            left -= count
            if left < 0:
                return seconds
        return 0


class Soak:
    """One board, its clients and its troubles.

    Trouble comes every `every_s` (least, most) seconds; power cuts only in the second half, so that
    the first one is one long life.
    """

    def __init__(self, seed=1, sound=False, ticks_ms=WRAP - 600_000, every_s=(900, 2700)):
        self.world = World(seed, ticks_ms, sound)
        self.report = Report(self.world)
        self._did = int.from_bytes(MAC[2:6], "big")
        self._every_s = every_s
        self._chance = Chance(seed)
        self._power_cuts = False
        self._offline_us = None
        self._heap, self._tasks = Growth(), Growth()
        self._life_us = -1
        self.router_restarts = self.no_addresses = self.new_channels = 0
        self._clients = []
        clients.Pairing(self.world, SSID, PASSWORD, self._paired)

    def run(self, hours, progress=None):
        """Live for so long; the figures as a dict."""
        self._progress = progress
        self._warm_up_us = int(min(_WARM_UP_S, hours * 600) * 1_000_000)
        self.world.clock.after(hours * 1_800_000, self._allow_power_cuts)
        self.world.run(hours * 3600)
        return self._figures()

    def _allow_power_cuts(self):
        self._power_cuts = True

    def _paired(self, token):
        world, report = self.world, self.report
        net = world.net
        net.loss, net.double = 0.03, 0.02
        for i, (twice, every_ms, n) in enumerate(
            ((False, 30_000, 10), (False, 15_000, 5), (True, 10_000, 3), (True, 60_000, 10))
        ):
            client = clients.Client(world, "192.168.1.%d" % (50 + i), 10_000, token, twice)
            self._clients.append(client)
            clients.Poller(world, report, client, every_ms, _FIRST[:n])
        clients.Owner(world, report, self._client(60, token), 600_000)
        self.quiet = [
            clients.Guesser(world, report, "192.168.1.%d" % (70 + i), self._did, 700 + 300 * i)
            for i in range(3)
        ]
        self.quiet.append(clients.Thief(world, report, "192.168.1.80", self._clients[0], 90_000))
        self._subscriber = clients.Subscriber(world, report, self._client(61, token))
        self.lamp = clients.Lamp(world)
        self._resident = clients.Resident(world, report, self._client(62, token), self.lamp)
        self._browser = clients.Browser(world, report)
        self.flooder = clients.Flooder(world, "192.168.1.90", self._did, 400_000)
        clock = world.clock
        clock.after(_CHECK_MS, self._check)
        clock.after(_SAMPLE_MS, self._sample)
        clock.after(self._every_s[0] * 1000, self._trouble)

    def _client(self, number, token):
        """One of ours, at an address of its own."""
        address = "192.168.1.%d" % number
        self._clients.append(clients.Client(self.world, address, 10_000, token, True))
        return self._clients[-1]

    def _trouble(self):
        """Something goes wrong around the board."""
        clock, router = self.world.clock, self.world.router
        least_s, most_s = self._every_s
        clock.after(self._chance.randrange(least_s, most_s) * 1000, self._trouble)
        kind = self._chance.randrange(6 if self._power_cuts else 4)
        self.disturb()
        if kind in (0, 1):
            self.router_restarts += 1
            self._change(up=False)
            lease = self._chance.randrange(20, 40)
            clock.after(
                self._chance.randrange(5_000, 300_000),
                self._change_all,
                ("up", "lease"),
                (True, lease),
            )
        elif kind == 2:
            self.no_addresses += 1
            self._change(up=False, dhcp=False)
            clock.after(20_000, self._change_all, ("up",), (True,))
            clock.after(
                self._chance.randrange(60_000, 180_000), self._change_all, ("dhcp",), (True,)
            )
        elif kind == 3:
            self.new_channels += 1
            self._change(channel=1 + router.channel % 11)
        elif kind == 4:
            self.world.cut_power()
        else:
            # In the midst of a write, if there is one soon.
            flash = self.world.flash
            flash.cut_at = flash.operations + self._chance.randrange(1, 6)
            clock.after(300_000, self._no_cut)
            self._owner_slides()

    def _owner_slides(self):
        self.world.speaker.store.set("volume", self._chance.randrange(101))

    def _no_cut(self):
        self.world.flash.cut_at = None

    def _change(self, **settings):
        self.world.router.change(**settings)
        self.disturb()

    def _change_all(self, names, values):
        self._change(**dict(zip(names, values)))

    def disturb(self):
        self.report.disturbed_us = self.world.clock.now_us

    def _check(self):
        world, report = self.world, self.report
        world.clock.after(_CHECK_MS, self._check)
        now_us = world.clock.now_us
        if world.started_us > report.disturbed_us:
            report.disturbed_us = world.started_us
        if not world.router.up or not world.router.dhcp:
            report.disturbed_us = now_us
            self._offline_us = now_us
            return
        if world.radio.station.hears():
            if self._offline_us is not None:
                report.recoveries.add((now_us - self._offline_us) / 1e6)
                self._offline_us = None
        elif self._offline_us is None:
            self._offline_us = now_us
        elif now_us - max(self._offline_us, world.started_us) > ONLINE_WITHIN_S * 1_000_000:
            report.violation("not online for %d s" % ((now_us - self._offline_us) / 1e6))
            self._offline_us = now_us

    def _sample(self):
        world = self.world
        world.clock.after(_SAMPLE_MS, self._sample)
        if world.started_us != self._life_us:
            self._life_us = world.started_us
            self._heap.new_life()
            self._tasks.new_life()
        if world.clock.now_us - world.started_us < self._warm_up_us:
            return
        gc.collect()
        self._heap.add(gc.mem_alloc())
        self._tasks.add(world.tasks.alive)
        if self._progress is not None:
            self._progress(world.clock.now_s / 3600, len(self.report.violations))

    def _figures(self):
        world, report = self.world, self.report
        return {
            "hours": world.clock.now_s / 3600,
            "calls": report.asked,
            "answered": report.polls,
            "nobody could answer": report.in_an_outage,
            "retries": sum([client.retries for client in self._clients]),
            "replies to nobody's call": sum([client.wrong for client in self._clients]),
            "mean answer s": round(report.answers_s / max(1, report.polls), 3),
            "slowest answer s": round(report.slowest_s, 1),
            "datagrams to the board": world.net.taken,
            "datagrams from the board": world.net.sent,
            "datagrams lost in a full queue": world.net.overrun,
            "guesses and replays": sum([each.sent for each in self.quiet]),
            "flood": self.flooder.sent,
            "pushes to the subscriber": self._subscriber.pushes,
            "times found by mDNS": self._browser.found,
            "sentences for the lamp done": self._resident.done,
            "sentences while it was off": self._resident.refused,
            "router restarts": self.router_restarts,
            "times without an address": self.no_addresses,
            "new channels": self.new_channels,
            "power cuts": world.power_cuts,
            "resets": world.resets,
            "times offline": report.recoveries.n,
            "back online after s, median": report.recoveries.median(),
            "back online after s, longest": report.recoveries.longest,
            "flash operations": world.flash.operations,
            "erases of the most erased block": world.flash.most_erases(),
            "led frames": NeoPixel.shown,
            "ticks wraps": world.clock.wraps,
            "tasks": self._tasks.first(),
            "tasks grew by": self._tasks.grew(),
            "most tasks": world.tasks.most,
            "heap in use": self._heap.first(),
            "heap grew by": self._heap.grew(),
            "in hours without a restart": round(self._heap.hours(), 1),
            "warnings": world.log.counts.get("W", 0),
            "faults": world.log.faults,
            "violations": report.violations,
        }


def run(hours, seed=1, progress=None, **options):
    """Make a world and let it live; the figures as a dict."""
    return Soak(seed, **options).run(hours, progress)
