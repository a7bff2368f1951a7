"""Run the firmware's wake engine in MicroPython on this computer, without a board."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mynah import models
from mynah.audio_files import RATE_HZ, Samples
from mynah.errors import BoardTimeoutError, ModelError, MynahError
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

SETTLE_S = 1.1
"""Silence that goes before a recording: the engine ignores its first second, as on the board."""

_HOP = 160
_CHANNELS = 40
_FIRST_ROW_HOPS = 3

# Runs in MicroPython: hops of 160 samples on stdin, one record a row of features on stdout.
_RUNNER = """
import sys, json
from array import array
from speaker.wake.engine import WakeEngine
try:
    engine = WakeEngine(sys.argv[1])
except ValueError as error:
    sys.stderr.write("model: " + str(error))
    sys.exit(3)
about = {"backend": engine.backend, "stride": engine.stride, "wake_word": engine.wake_word,
         "cutoff": engine.cutoff, "window": engine.window, "size": engine.model_size}
out = sys.stdout.buffer
out.write(json.dumps(about).encode() + b"\\n")
hop = array("h", bytes(320))
record = bytearray(3)
with_features = sys.argv[2] == "1"
hops = 0
while sys.stdin.buffer.readinto(hop) == 320:
    record[0] = engine.feed(hop, 160)
    record[1] = engine.probability
    record[2] = engine.mean
    hops += 1
    if hops >= 3:
        out.write(record)
        if with_features:
            out.write(engine.features)
"""


@dataclass(frozen=True, slots=True)
class Detection:
    """The wake word was heard: when the engine said so (s), the last output and the mean, 0..1."""

    time_s: float
    probability: float
    mean: float


@dataclass(frozen=True, slots=True)
class WakeResult:
    """What the engine made of a recording.

    ``times_s[i]`` is when the model gave ``probabilities[i]`` (0..255), whose sliding mean is
    ``means[i]``: the end of the window of sound that it looked at. ``features`` has a row of 40
    16-bit words every 10 ms, where it was asked for.
    """

    wake_word: str
    backend: str
    cutoff: int
    window: int
    model_bytes: int
    duration_s: float
    times_s: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.uint8]
    means: npt.NDArray[np.uint8]
    detections: tuple[Detection, ...]
    features: npt.NDArray[np.uint16] | None = None

    def to_json(self) -> dict[str, Any]:
        """The result for other programs; probabilities as 0..1."""
        return {
            "wake_word": self.wake_word,
            "duration_s": round(self.duration_s, 3),
            "cutoff": round(self.cutoff / 255, 3),
            "window": self.window,
            "backend": self.backend,
            "detections": [
                {"time_s": hit.time_s, "probability": hit.probability, "mean": hit.mean}
                for hit in self.detections
            ],
            "peak": round(int(self.probabilities.max(initial=0)) / 255, 3),
            "probabilities": [round(int(value) / 255, 3) for value in self.probabilities],
        }


def run(
    samples: Samples,
    model: str = "okay_nabu",
    *,
    cutoff: int | None = None,
    settle_s: float = SETTLE_S,
    with_features: bool = False,
) -> WakeResult:
    """Feed a recording to the firmware's engine and return everything that it said.

    Args:
        samples: 16-bit mono at 16 kHz (`mynah.audio_files.load`).
        model: a shipped model's name, or a path that `mynah.models.compiled` takes.
        cutoff: 0..255 instead of the model's own.
        settle_s: seconds of silence before the recording; times count from its start.
        with_features: keep the features too.

    Raises:
        ModelError: no such model, or one that cannot be run.
        MynahError: MicroPython is missing or failed.
    """
    wake_file = models.compiled(model)
    if cutoff is not None:
        wake_file = models.with_cutoff(wake_file, cutoff)
    n_settle = round(settle_s * RATE_HZ) // _HOP * _HOP
    sound = np.concatenate([np.zeros(n_settle, np.int16), np.asarray(samples, np.int16)])
    output = _run_micropython(wake_file, sound, with_features=with_features)
    line, _, body = output.partition(b"\n")
    about = json.loads(line)
    return _result(about, body, len(samples), n_settle, with_features=with_features)


def _run_micropython(wake_file: bytes, sound: Samples, *, with_features: bool) -> bytes:
    environment = dict(os.environ, MICROPYPATH=f"{FIRMWARE_DIR}{os.pathsep}.frozen")
    with tempfile.TemporaryDirectory(prefix="mynah-wake-") as folder:
        runner, model = Path(folder, "runner.py"), Path(folder, "model.wake")
        runner.write_text(_RUNNER, "ascii")
        model.write_bytes(wake_file)
        command = [*micropython_command(), str(runner), str(model), str(int(with_features))]
        try:
            done = subprocess.run(
                command,
                input=sound.astype("<i2").tobytes(),
                capture_output=True,
                env=environment,
                timeout=30 + 2 * len(sound) / RATE_HZ,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BoardTimeoutError("the wake engine did not finish in time") from error
    message = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode == 3:
        raise ModelError(message)
    if done.returncode:
        text = (message or done.stdout.decode("utf-8", "replace")).strip()
        raise MynahError(f"the wake engine failed in MicroPython:\n{text[-2000:]}")
    return done.stdout


def _result(
    about: dict[str, Any], body: bytes, n_samples: int, n_settle: int, *, with_features: bool
) -> WakeResult:
    size = 3 + (2 * _CHANNELS if with_features else 0)
    rows = np.frombuffer(body, np.uint8).reshape(-1, size)
    ends = (np.arange(len(rows)) + _FIRST_ROW_HOPS) * _HOP - n_settle
    times: npt.NDArray[np.float64] = ends / RATE_HZ
    fresh = np.arange(about["stride"] - 1, len(rows), about["stride"])
    fresh = fresh[times[fresh] > 0]
    hits = [row for row in np.flatnonzero(rows[:, 0]) if times[row] > 0]
    return WakeResult(
        wake_word=about["wake_word"],
        backend=about["backend"],
        cutoff=about["cutoff"],
        window=about["window"],
        model_bytes=about["size"],
        duration_s=n_samples / RATE_HZ,
        times_s=times[fresh],
        probabilities=rows[fresh, 1],
        means=rows[fresh, 2],
        detections=tuple(
            Detection(
                round(float(times[row]), 3),
                round(int(rows[row, 1]) / 255, 3),
                round(int(rows[row, 2]) / 255, 3),
            )
            for row in hits
        ),
        features=np.ascontiguousarray(rows[:, 3:]).view("<u2") if with_features else None,
    )
