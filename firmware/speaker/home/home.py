"""The speaker as a controller: devices, the client that reaches them, the methods over them."""

import asyncio

from speaker.home.devices import Devices
from speaker.home.registry import Registry
from speaker.home.service import Service
from speaker.miot.client import Client
from speaker.miot.server import Later
from speaker.miot.udp import Door
from speaker.util.hints import Any, Callable


class Home:
    """Everything of the home, wired.

    `folder` keeps the devices, `words` is the folder of the data files of what is said to them,
    `joined()` says whether there is a network. The home's socket (net/sockets.py) is opened when
    the first device is known.
    """

    def __init__(
        self, folder: str, words: str, joined: Callable[[], bool], address: str = "0.0.0.0"
    ) -> None:
        self._door = Door(address, "home")
        client = Client(self._door.send)
        self._door.handle = client.handle
        self.devices = Devices(Registry(folder), client, joined)
        self._words = words
        self._runner: Any = None
        self._lock = asyncio.Lock()
        self._service = Service(self.devices, self.do)

    def methods(self) -> dict:
        """Name -> function(params, peer), for the miIO server."""
        return self._service.methods()

    async def do(self, text: object) -> dict:
        """Do what a sentence says: what happened, see home/runner.py."""
        await self.prepare()
        return await self._runner.do(text)

    def directive(self, text: str) -> Later:
        """Do what a text says (MIoT's execute-text-directive): the answer's text, later."""
        return Later(self._answer(text))

    async def _answer(self, text: str) -> str:
        return (await self.do(text))["say"]

    async def run(self) -> None:
        """Task: load the devices, keep their state."""
        await self.devices.run()

    async def follow(self) -> None:
        """Task: make ready for sentences when the first device is known."""
        await self.devices.wanted.wait()
        await self.prepare()

    async def prepare(self) -> None:
        """Make ready for sentences.

        A speaker that knows no device spares the memory: the modules are loaded here, one at a
        time, since each takes a moment.
        """
        async with self._lock:
            if self._runner is None:
                self._runner = await self._make_runner()
        await self._runner.prepare()

    async def _make_runner(self) -> Any:
        from speaker.home import meaning  # noqa: F401

        await asyncio.sleep_ms(0)
        from speaker.home import sentence  # noqa: F401

        await asyncio.sleep_ms(0)
        from speaker.home import numbers  # noqa: F401

        await asyncio.sleep_ms(0)
        from speaker.home import pieces  # noqa: F401

        await asyncio.sleep_ms(0)
        from speaker.home import targets  # noqa: F401

        await asyncio.sleep_ms(0)
        from speaker.home import roles  # noqa: F401

        await asyncio.sleep_ms(0)
        from speaker.home import goals  # noqa: F401

        await asyncio.sleep_ms(0)
        from speaker.home import actions  # noqa: F401

        await asyncio.sleep_ms(0)
        from speaker.home import intents  # noqa: F401

        await asyncio.sleep_ms(0)
        from speaker.home import words  # noqa: F401

        await asyncio.sleep_ms(0)
        from speaker.home import say  # noqa: F401

        await asyncio.sleep_ms(0)
        from speaker.home.runner import Runner

        return Runner(self.devices, self._words)

    async def listen(self) -> None:
        """Task: take what the devices answer."""
        await self.devices.wanted.wait()
        await self._door.run()

    def forget(self) -> None:
        """Forget every device and its token: the speaker has no owner any more."""
        self.devices.clear()
