"""The wake engine's speed on this computer, beside pymicro-wakeword's, in one run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mynah import models
from mynah.audio_files import RATE_HZ, load
from mynah.bench.accuracy.engines import PymicroWakeword
from mynah.errors import MynahError
from mynah.paths import AUDIO_DIR, FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

if TYPE_CHECKING:
    from mynah.audio_files import Samples

SECONDS = 10

# Runs in MicroPython, as the board's listener does: frames of 20 ms that are there already.
_RUNNER = """
import sys, json, time
from array import array
from speaker.wake.engine import WakeEngine
engine = WakeEngine(sys.argv[1])
samples = array("h", bytes(2 * int(sys.argv[2])))
sys.stdin.buffer.readinto(samples)
whole = memoryview(samples)
frames = [whole[i : i + 320] for i in range(0, len(samples) - 319, 320)]
start = time.ticks_us()
for frame in frames:
    engine.feed(frame, 320)
elapsed = time.ticks_diff(time.ticks_us(), start)
print(json.dumps({"elapsed_us": elapsed, "backend": engine.backend}))
"""


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds that 10 s of sound took: all takes, each engine's in the order in which they ran."""

    model: str
    backend: str
    mynah_s: tuple[float, ...]
    pymicro_s: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How many times as long Mynah took; from the medians."""
        return statistics.median(self.mynah_s) / statistics.median(self.pymicro_s)


def measure(model: str, takes: int) -> Speed:
    """Time both engines in turn on the same 10 s of speech; loading is not counted.

    Raises:
        UsageError: pymicro-wakeword is not installed.
        ModelError: there is no such model.
        MynahError: MicroPython is missing or failed.
    """
    samples = ten_seconds()
    wake_file = models.compiled(model)
    reference = PymicroWakeword(model)
    mynah_s, pymicro_s, backend = [], [], ""
    with tempfile.TemporaryDirectory(prefix="mynah-bench-") as folder:
        file = Path(folder, "model.wake")
        file.write_bytes(wake_file)
        for _ in range(takes):
            elapsed, backend = _in_micropython(file, samples)
            mynah_s.append(elapsed)
            start = time.perf_counter()
            reference.run(samples)
            pymicro_s.append(time.perf_counter() - start)
    return Speed(model, backend, tuple(mynah_s), tuple(pymicro_s))


def ten_seconds() -> Samples:
    """Ten seconds of the recordings that come with Mynah."""
    names = ("alexa_1.flac", "negative_1.flac", "okay_nabu_1.flac", "negative_2.flac")
    speech = np.concatenate([load(AUDIO_DIR / name) for name in names])
    return np.resize(speech, SECONDS * RATE_HZ)


def _in_micropython(file: Path, samples: Samples) -> tuple[float, str]:
    done = subprocess.run(
        [*micropython_command(), "-c", _RUNNER, str(file), str(len(samples))],
        input=samples.astype("<i2").tobytes(),
        capture_output=True,
        env=dict(os.environ, MICROPYPATH=f"{FIRMWARE_DIR}{os.pathsep}.frozen"),
        check=False,
    )
    if done.returncode:
        raise MynahError(f"the wake engine failed: {done.stderr.decode(errors='replace')[-500:]}")
    said = json.loads(done.stdout)
    return said["elapsed_us"] / 1e6, said["backend"]
