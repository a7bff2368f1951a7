"""Does what a sentence says: understands it, runs it on its devices at once, tells the outcome."""

import asyncio
import json

from micropython import const

from speaker.home import actions, say, words
from speaker.home.device import Device, RefusedError
from speaker.home.devices import Devices
from speaker.home.intents import thinking
from speaker.home.meaning import Intent, Problem
from speaker.miot.client import NoAnswerError
from speaker.miot.server import MiioError
from speaker.util import log
from speaker.util.hints import Any

# Plain number, not const(): the tests shorten it. A client that waits 5 s for us does not wait in
# vain, and nobody asks twice.
LIMIT_MS = 4500

_AT_ONCE = const(8)  # the ESP32's socket holds 6 datagrams: more would push each other out
_MAX_REPLY = const(1200)  # bytes of JSON: what a packet holds, and some room
_MAX_SAY = const(250)

LATE = "late"


class Runner:
    """`do(text)` for the methods, for text directives and for a voice."""

    def __init__(self, devices: Devices, folder: str) -> None:
        self._devices = devices
        self._folder = folder
        self._words: Any = None
        self._lock = asyncio.Lock()

    async def do(self, text: object) -> dict:
        """What happened: `ok`, `say`, `intent`, `results`, `candidates`; it fits a reply.

        Never raises but when it is cancelled: what goes wrong with a device is in its result.
        """
        vocabulary = await self._vocabulary()
        understood: Any = None
        for understood in thinking(text, self._devices.all(), vocabulary):  # noqa: B007
            await asyncio.sleep_ms(0)
        speech = say.Speech(vocabulary, understood.language)
        if isinstance(understood, Problem):
            answer = {"ok": False, "say": speech.problem(understood), "why": understood.what}
            if understood.candidates:
                answer["candidates"] = understood.candidates
            log.info("home", "not understood: %s", understood.what)
            return answer
        results = await self._run(understood)
        done = all(result["ok"] for result in results)
        log.info("home", "%s, %d devices: %s", understood.action, len(results), _outcome(results))
        answer = {
            "ok": done,
            "say": speech.results(understood, results),
            "intent": understood.describe(),
            "results": [_told(result) for result in results],
        }
        return _fitting(answer)

    async def prepare(self) -> None:
        """Load the words before somebody waits for them."""
        await self._vocabulary()

    async def _vocabulary(self) -> words.Words:
        async with self._lock:
            if self._words is None:
                self._words = await words.load(self._folder)
        return self._words

    async def _run(self, intent: Intent) -> list:
        """One result a device, in their order. Those known to be offline come last."""
        results: dict = {}
        waiting = sorted(intent.devices, key=lambda device: device.online is False)
        workers = [
            asyncio.create_task(_work(waiting, intent, results))
            for _ in range(min(_AT_ONCE, len(waiting)))
        ]
        try:
            await asyncio.wait_for_ms(_all(workers), LIMIT_MS)
        except asyncio.TimeoutError:
            pass
        finally:
            for worker in workers:
                worker.cancel()
        return [
            results.get(device.name) or {"name": device.name, "ok": False, "why": LATE}
            for device in intent.devices
        ]


async def _all(workers: list) -> None:
    for worker in workers:
        await worker


async def _work(waiting: list, intent: Intent, results: dict) -> None:
    while waiting:
        device = waiting.pop(0)
        results[device.name] = await _result(device, intent)


async def _result(device: Device, intent: Intent) -> dict:
    result: dict = {"name": device.name, "ok": False}
    try:
        result["values"] = await actions.carry_out(device, intent)
        result["ok"] = True
    except (RefusedError, NoAnswerError) as error:
        result["why"] = error.args[0]
    except MiioError as error:
        result["code"] = error.args[0]
        result["why"] = str(error.args[1])
    except ValueError:  # no such value in the device's list, or none that it takes
        result["why"] = "cannot"
    except Exception as error:  # a fault of ours with one device must not silence the others
        log.exception("home", error)
        result["why"] = "cannot"
    return result


def _told(result: dict) -> dict:
    """A result as JSON: of several values the last one, which is what the sentence was about."""
    told = {key: result[key] for key in ("name", "ok", "code", "why") if key in result}
    values = result.get("values")
    if values:
        told["role"], told["value"] = values[-1] if len(values) == 1 else values[0]
        if len(values) > 1:
            told["values"] = dict(values)
    return told


def _outcome(results: list) -> str:
    bad = [result for result in results if not result["ok"]]
    return "done" if not bad else "%d failed" % len(bad)


def _fitting(answer: dict) -> dict:
    """The answer, with fewer results when they are too many for a packet: failures stay longest."""
    results = answer["results"]
    answer["results"] = []
    if len(answer["say"]) > _MAX_SAY:
        answer["say"] = answer["say"][:_MAX_SAY] + " ..."
    room = _MAX_REPLY - _size(answer)
    kept: list = []
    for result in sorted(results, key=lambda result: result["ok"]):
        room -= _size(result)
        if room < 0:
            answer["omitted"] = len(results) - len(kept)
            break
        kept.append(result["name"])
    answer["results"] = [result for result in results if result["name"] in kept]
    return answer


def _size(value: dict) -> int:
    return len(json.dumps(value).encode())
