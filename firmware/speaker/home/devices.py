"""All devices of the home: added, removed, polled gently, found again after they were away."""

import asyncio
import time

from speaker.home import records, registry
from speaker.home.device import Device
from speaker.miot.client import Client, NoAnswerError
from speaker.miot.server import MiioError
from speaker.util import log
from speaker.util.hints import Any, Callable

# Plain numbers, not const(): the tests shorten them.
POLL_MS = 60_000  # every device's state is at most so old
GAP_MS = 250  # between two polls: the radio is for others, too
FIRST_BACKOFF_MS = 5_000
LONGEST_BACKOFF_MS = 300_000
IDLE_MS = 500


class Devices:
    """The devices by name, kept in the registry.

    `wanted` is set as soon as there is one: before that nothing need be listened for.
    `joined()` says whether there is a network to ask them over.
    """

    def __init__(self, kept: registry.Registry, client: Client, joined: Callable[[], bool]) -> None:
        self._kept = kept
        self._client = client
        self._joined = joined
        self._by_key: dict = {}
        self._due: dict = {}  # key -> (when to poll it, how long to wait after a failure)
        self.loaded = False
        self.wanted = asyncio.Event()

    def all(self) -> list:
        """Every device, by name."""
        return [self._by_key[key] for key in sorted(self._by_key)]

    def find(self, name: str) -> Device:
        """The device of that name; KeyError when there is none."""
        return self._by_key[registry.key(name)]

    def add(self, record: Any) -> None:
        """Know a device from now on. Raises ValueError, registry.FullError or OSError."""
        checked = records.check(record)
        self._kept.save(checked)
        self._know(checked)
        log.info("home", "added %s, %s at %s", checked["name"], checked["type"], checked["address"])

    def forget(self, name: str) -> None:
        """Forget a device; KeyError when there is none."""
        self._kept.forget(name)
        self._by_key.pop(registry.key(name))
        self._due.pop(registry.key(name))
        log.info("home", "removed %s", name)

    def clear(self) -> None:
        """Forget every device and its token."""
        self._kept.clear()
        self._by_key.clear()
        self._due.clear()

    async def run(self) -> None:
        """Task: load the devices, then poll each in its turn."""
        for record in self._kept.load():
            self._know(record)
            await asyncio.sleep_ms(0)
        self.loaded = True
        if self._by_key:
            log.info("home", "%d devices", len(self._by_key))
        await self.wanted.wait()
        while True:
            if not self._joined():
                await self._wait_for_network()
            key = self._next()
            if key is None:
                await asyncio.sleep_ms(IDLE_MS)
                continue
            await self._poll(key, self._by_key[key])
            await asyncio.sleep_ms(GAP_MS)

    async def _wait_for_network(self) -> None:
        """Afterwards every device is asked at once: whoever was offline may be back as well."""
        while not self._joined():
            await asyncio.sleep_ms(IDLE_MS)
        for key in self._due:
            self._due[key] = (time.ticks_ms(), FIRST_BACKOFF_MS)

    def _know(self, record: dict) -> None:
        key = registry.key(record["name"])
        self._by_key[key] = Device(record, self._client)
        self._due[key] = (time.ticks_ms(), FIRST_BACKOFF_MS)
        self.wanted.set()

    def _next(self) -> Any:
        """The device whose poll is most overdue, or None."""
        now_ms = time.ticks_ms()
        found, longest = None, -1
        for key, (due_ms, _) in self._due.items():
            late_ms = time.ticks_diff(now_ms, due_ms)
            if late_ms > longest:
                found, longest = key, late_ms
        return found

    async def _poll(self, key: str, device: Device) -> None:
        backoff_ms = self._due[key][1]
        try:
            await device.read(patient=False)
            delay_ms, backoff_ms = POLL_MS, FIRST_BACKOFF_MS
        except NoAnswerError:
            delay_ms, backoff_ms = backoff_ms, min(2 * backoff_ms, LONGEST_BACKOFF_MS)
        except MiioError as error:
            log.debug("home", "%s: error %d", device.name, error.args[0])
            delay_ms = POLL_MS
        if self._by_key.get(key) is device:  # not removed or replaced meanwhile
            self._due[key] = (time.ticks_add(time.ticks_ms(), delay_ms), backoff_ms)
            self._follow(device)

    def _follow(self, device: Device) -> None:
        """Keep the address and the number that a device has proven to have."""
        remote = device.remote
        address, port = remote.home
        if not remote.proven or (address, port, remote.did) == device.address():
            return
        device.move(address, port, remote.did)
        try:
            record = self._kept.read(device.name)
            record.update(address=address, port=port, did=remote.did)
            self._kept.save(record)
        except (KeyError, OSError) as error:
            log.error("home", "%s: address not saved: %s", device.name, error)
        log.info("home", "%s is at %s", device.name, address)
