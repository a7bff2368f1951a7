"""Take the times: the speaker's own code and python-miio, in turn, on the same simulators."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mynah.bench.home.controller import PROGRAM
from mynah.bench.home.peers import (
    TOKEN,
    Simulated,
    Simulators,
    ask,
    child,
    end,
    read_line,
)
from mynah.errors import MynahError, VerificationError
from mynah.home.description import Record
from mynah.home.miot import compile_instance
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LAMP = Path(__file__).with_name("lamp.json")
N_DEVICES = 8

_MODEL = "mynah.light.bench"
_FIRST_ADDRESS = "127.91.{}.{}"

# What a user of python-miio writes: one object a device, one thread a device where there are more.
_PYTHON_MIIO = """
import json, logging, sys, time, warnings
from concurrent.futures import ThreadPoolExecutor
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from miio import MiotDevice

addresses, token = json.loads(sys.argv[1]), sys.argv[2]
pool = ThreadPoolExecutor(len(addresses))
known = [MiotDevice(address, token) for address in addresses]

def set_on(pair):
    device, value = pair
    device.set_property_by(2, 1, value)

def take(n, value, cold):
    start = time.perf_counter()
    some = [MiotDevice(each, token) for each in addresses[:n]] if cold else known[:n]
    if n == 1:
        set_on((some[0], value))
    else:
        list(pool.map(set_on, [(each, value) for each in some]))
    return (time.perf_counter() - start) * 1e6

def check(n):
    return [device.get_property_by(2, 1)[0]["value"] for device in known[:n]]

print("ready", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    what = request.pop("what")
    print(json.dumps(take(**request) if what == "take" else check(**request)), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Case:
    """Times of one situation, in microseconds, in the order in which they were taken."""

    name: str
    n_devices: int
    cold: bool
    """No handshake yet."""
    mynah_us: tuple[float, ...]
    """From the sentence to the last device's acknowledgement, on the speaker."""
    mynah_call_us: tuple[float, ...]
    """The same without the sentence: from knowing what to set."""
    python_miio_us: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How many times as long the speaker took as python-miio; from the medians."""
        return statistics.median(self.mynah_us) / statistics.median(self.python_miio_us)


_CASES = (
    ("one lamp, warm", 1, False),
    ("one lamp, cold", 1, True),
    (f"{N_DEVICES} lamps at once, warm", N_DEVICES, False),
    (f"{N_DEVICES} lamps at once, cold", N_DEVICES, True),
)


def measure(takes: int, tick: Callable[[float], None] = lambda _: None) -> list[Case]:
    """Time every case ``takes`` times, the speaker and python-miio in turn.

    Args:
        takes: how often.
        tick: called with the share that is done.

    Raises:
        UsageError: python-miio is not installed.
        VerificationError: a lamp did not do what was asked.
        MynahError: a process failed.
    """
    addresses = [_FIRST_ADDRESS.format(os.getpid() % 250, i + 1) for i in range(N_DEVICES)]
    simulated = [Simulated(address, _MODEL, LAMP) for address in addresses]
    with (
        Simulators(simulated),
        _python_miio(addresses) as theirs,
        _mynah(addresses) as ours,
    ):
        cases = []
        for number, case in enumerate(_CASES):
            cases.append(_time(case, takes, ours, theirs))
            tick((number + 1) / len(_CASES))
        return cases


_Process = subprocess.Popen[str]


def _time(case: tuple[str, int, bool], takes: int, ours: _Process, theirs: _Process) -> Case:
    name, n, cold = case
    times: dict[str, list[float]] = {"sentence": [], "call": [], "python-miio": []}
    for number in range(takes + 1):  # the first is for everybody's caches
        for turn, (who, taken) in enumerate(times.items()):
            value = bool((number * len(times) + turn) % 2)
            request = {"n": n, "value": value, "cold": cold}
            if who == "python-miio":
                elapsed_us = ask(theirs, {"what": "take", **request})
            else:
                elapsed_us = ask(ours, {"what": who, **request})
            if ask(theirs, {"what": "check", "n": n}) != [value] * n:
                raise VerificationError(f"{name}: a lamp is not what {who} set it to")
            if number:
                taken.append(float(elapsed_us))
    return Case(name, n, cold, *(tuple(taken) for taken in times.values()))


@contextlib.contextmanager
def _python_miio(addresses: list[str]) -> Iterator[_Process]:
    process = child(_PYTHON_MIIO, json.dumps(addresses), TOKEN.hex())
    try:
        _expect_ready(process, "python-miio's client")
        yield process
    finally:
        end(process)


@contextlib.contextmanager
def _mynah(addresses: list[str]) -> Iterator[_Process]:
    """The speaker's controller in MicroPython, with the lamps added."""
    with tempfile.TemporaryDirectory(prefix="mynah-bench-") as folder:
        records = Path(folder, "records.json")
        records.write_text(json.dumps([_record(i, a) for i, a in enumerate(addresses)]))
        process = subprocess.Popen(
            [*micropython_command(), "-c", PROGRAM, str(records), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ, MICROPYPATH=f"{FIRMWARE_DIR}{os.pathsep}.frozen"),
        )
        try:
            _expect_ready(process, "the speaker's controller")
            yield process
        finally:
            end(process)


def _record(number: int, address: str) -> dict[str, Any]:
    description = compile_instance(json.loads(LAMP.read_text(encoding="utf-8")))
    name = f"lamp {number + 1}"
    return Record(name, "", _MODEL, address, TOKEN, 0, description).data()


def _expect_ready(process: _Process, who: str) -> None:
    said = read_line(process)
    if said != "ready":
        raise MynahError(f"{who} did not start: {said or 'it ended without a word'}")
