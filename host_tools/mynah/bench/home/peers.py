"""Simulated devices and a client from python-miio, unmodified, in processes of their own.

python-miio is GPL software: it is never imported here. What runs it are the short programs below,
in child processes that end when this one does (their stdin closes).
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mynah.errors import MynahError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from typing_extensions import Self

TOKEN = bytes(16)
"""The token of every device that python-miio simulates."""

# Its simulators take the address that they bind to from nowhere: this gives each one its own, so
# that many run beside each other on the fixed port. All else is python-miio's.
_SIMULATORS = """
import asyncio, json, logging, random, sys, threading, os, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from miio import PushServer
from miio.devtools.simulators import miiosimulator, miotsimulator

class AtAddress(PushServer):
    address = None
    def __init__(self, **options):
        super().__init__(**options)
        self._address = AtAddress.address

miiosimulator.PushServer = miotsimulator.PushServer = AtAddress

async def start(device):
    AtAddress.address = device["address"]
    with open(device["file"], encoding="utf-8") as file:
        description = json.load(file)
    random.seed(1)
    if "services" in description:
        model = miotsimulator.SimulatedDeviceModel.parse_obj(description)
        await miotsimulator.main(model, model=device["model"])
    else:
        simulated = miiosimulator.SimulatedMiio.parse_obj(description)
        simulated._model = device["model"]
        await miiosimulator.main(simulated)

async def main():
    for device in json.loads(sys.argv[1]):
        await start(device)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Simulated:
    """A device to simulate: a MIoT instance, or properties and setters of an old device."""

    address: str
    model: str
    file: Path


class Simulators:
    """A process with python-miio's simulators of some devices, from the constructor to `close`.

    Raises:
        UsageError: python-miio is not installed.
        MynahError: a simulator did not start; the message has its last words.
    """

    def __init__(self, devices: Iterable[Simulated]) -> None:
        require()
        plan = [
            {"address": each.address, "model": each.model, "file": str(each.file)}
            for each in devices
        ]
        self._process = child(_SIMULATORS, json.dumps(plan))
        if read_line(self._process) != "ready":
            self.close()
            raise MynahError("python-miio's simulators did not start")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def kill(self) -> None:
        """End it as a power cut ends a device: at once, with SIGKILL."""
        self._process.kill()
        self.close()

    def close(self) -> None:
        """End it; may be called again."""
        end(self._process)


def require() -> None:
    """Make sure that python-miio is there.

    Raises:
        UsageError: it is not; the message says what to install.
    """
    if find_spec("miio") is None:
        raise UsageError("python-miio is missing: pip install python-miio==0.6.0.dev0")


def child(program: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python process that talks in lines and ends when its stdin closes."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read_line(process: subprocess.Popen[str]) -> str:
    """The next line that a child says; empty when it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ask(process: subprocess.Popen[str], request: Any) -> Any:
    """One line of JSON to a child, one back.

    Raises:
        MynahError: the child has ended.
    """
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
    line = read_line(process)
    if not line:
        raise MynahError("a process of the bench has ended before its time")
    return json.loads(line)


def end(process: subprocess.Popen[str]) -> None:
    """Close a child's stdin and wait for its end; one that stays is killed."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
