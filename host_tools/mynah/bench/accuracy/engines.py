"""The wake-word engines that can be measured, each behind the same three methods."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mynah import models, wake
from mynah.audio_files import RATE_HZ, Samples
from mynah.bench.accuracy.decisions import board_rule, threshold_rule
from mynah.errors import UsageError
from mynah.models import wake_file

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mynah.bench.accuracy.decisions import Detections

_LEVELS = np.arange(1, 256) / 255
"""Cutoffs that are measured for every engine: those that an 8-bit cutoff can have."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a model said over a section, and when: seconds from its start to each output."""

    values: npt.NDArray[Any]
    times_s: npt.NDArray[np.float64]
    detections_s: tuple[float, ...] | None = None
    """Where the engine itself fired at its own cutoff; None: it makes no decisions."""


class Engine(Protocol):
    """A wake-word engine with one model."""

    name: str
    cutoff: float
    """The model's own, 0..1."""
    about: dict[str, Any]
    """What else there is to say of it: version, window, backend."""

    def run(self, samples: Samples) -> Outputs:
        """Start anew and stream a section through the engine."""

    def detections(self, outputs: Outputs, cutoff: float) -> Detections:
        """The numbers of the outputs at which the engine fires at a cutoff of 0..1."""


def cutoffs(engine: Engine) -> tuple[float, ...]:
    """The cutoffs to measure an engine at: 1/255 to 1, and its own."""
    return tuple(sorted({*(float(level) for level in _LEVELS), engine.cutoff}))


class MynahEngine:
    """The firmware's engine, in MicroPython on this computer."""

    name = "mynah"

    def __init__(self, model: str) -> None:
        self._model = model
        _, about = wake_file.read(models.compiled(model))
        self._window = about.window
        self._stride = 0
        self.cutoff = about.cutoff / 255
        self.about: dict[str, Any] = {"window": about.window}

    def run(self, samples: Samples) -> Outputs:
        """Stream a section; MicroPython is started anew for it."""
        result = wake.run(samples, self._model, settle_s=0)
        self.about["backend"] = result.backend
        # An output every so many rows, the first one as soon as there are as many rows.
        self._stride = round(float(result.times_s[1] - result.times_s[0]) * 100)
        heard = tuple(hit.time_s for hit in result.detections)
        return Outputs(result.probabilities, result.times_s, heard)

    def detections(self, outputs: Outputs, cutoff: float) -> Detections:
        """By the firmware's rule."""
        return board_rule(outputs.values, self._stride, round(cutoff * 255), self._window)


class PymicroWakeword:
    """pymicro-wakeword: TensorFlow Lite's C library and pymicro-features.

    Its ``process_streaming`` fires whenever the mean of the last outputs is over a floating-point
    cutoff; it has no cool-off.
    """

    name = "pymicro-wakeword"

    def __init__(self, model: str) -> None:
        package = _import("pymicro_wakeword", "pymicro-wakeword")
        shipped = models.shipped().get(model)
        source = shipped.tflite if shipped else Path(model).with_suffix(".tflite")
        manifest = shipped.manifest_json if shipped else _json_beside(source)
        about = json.loads(manifest)
        self.cutoff = float(about["micro"]["probability_cutoff"])
        self._window = int(about["micro"]["sliding_window_size"])
        self.about: dict[str, Any] = {"window": self._window, "version": _version(self.name)}
        # With a window of one, what the package calls the mean is the model's output.
        about["model"] = str(source.resolve())
        about["micro"]["sliding_window_size"] = 1
        with tempfile.TemporaryDirectory(prefix="mynah-bench-") as folder:
            config = Path(folder, "config.json")
            config.write_text(json.dumps(about), "utf-8")
            self._model = package.MicroWakeWord.from_config(config)
        self._features = package.MicroWakeWordFeatures()
        self._stride = int(self._model.stride)

    def run(self, samples: Samples) -> Outputs:
        """Stream a section."""
        self._model.reset()
        self._features.reset()
        rows = self._features.process_streaming(samples.astype("<i2").tobytes())
        # Rows that do not complete a stride make no output: the package says 0.0 for them.
        said = [self._model.process_streaming_prob(row) for row in rows]
        values = np.array(said[self._stride - 1 :: self._stride], np.float64)
        return Outputs(values, _row_ends_s(len(values), self._stride))

    def detections(self, outputs: Outputs, cutoff: float) -> Detections:
        """Where the mean is over the cutoff, not twice in 2 s."""
        means = self.means(outputs)
        return threshold_rule(means, self._stride / 100, cutoff)

    def means(self, outputs: Outputs) -> npt.NDArray[np.float64]:
        """The sliding means, as the package makes them: 0 until there are enough outputs."""
        total = np.concatenate([[0.0], np.cumsum(outputs.values)])
        means = np.zeros(len(outputs.values))
        means[self._window - 1 :] = (total[self._window :] - total[: -self._window]) / self._window
        return means


class PyopenWakeword:
    """pyopen-wakeword: openWakeWord's models, one score every 80 ms. Not among the requirements."""

    name = "pyopen-wakeword"
    cutoff = 0.5

    def __init__(self, model: str) -> None:
        package = _import("pyopen_wakeword", self.name)
        try:
            chosen = package.Model(model)
        except ValueError:
            known = ", ".join(sorted(each.value for each in package.Model))
            raise UsageError(f"{self.name} has no model {model!r}: it has {known}") from None
        self._model = package.OpenWakeWord.from_builtin(chosen)
        self._features_type = package.OpenWakeWordFeatures
        self.about: dict[str, Any] = {"version": _version(self.name)}

    def run(self, samples: Samples) -> Outputs:
        """Stream a section."""
        self._model.reset()
        features = self._features_type.from_builtin()
        step = RATE_HZ * 80 // 1000
        values, times = [], []
        for first in range(0, len(samples), step):
            chunk = samples[first : first + step].astype("<i2").tobytes()
            for row in features.process_streaming(chunk):
                for score in self._model.process_streaming(row):
                    values.append(float(score))
                    times.append((first + step) / RATE_HZ)
        return Outputs(np.array(values), np.array(times))

    def detections(self, outputs: Outputs, cutoff: float) -> Detections:
        """Where the score is over the cutoff, not twice in 2 s."""
        return threshold_rule(outputs.values, 0.08, cutoff)


ENGINES: dict[str, Callable[[str], Engine]] = {
    engine.name: engine for engine in (MynahEngine, PymicroWakeword, PyopenWakeword)
}
"""The engines by name; each is made with a model's name."""


def make(name: str, model: str) -> Engine:
    """An engine by its name.

    Raises:
        UsageError: there is none, or its package is not installed.
        ModelError: it has no such model.
    """
    if name not in ENGINES:
        raise UsageError(f"no engine {name!r}: there are {', '.join(ENGINES)}")
    return ENGINES[name](model)


def _row_ends_s(n_outputs: int, stride: int) -> npt.NDArray[np.float64]:
    """When each output is made: the first row of features looks at 30 ms, each next 10 ms on."""
    ends: npt.NDArray[np.float64] = (np.arange(1, n_outputs + 1) * stride + 2) / 100
    return ends


def _import(module: str, package: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise UsageError(f"the engine {package} is not installed: pip install {package}") from error


def _version(package: str) -> str:
    from importlib import metadata

    return metadata.version(package)


def _json_beside(path: Path) -> str:
    try:
        return path.with_suffix(".json").read_text("utf-8")
    except OSError as error:
        raise UsageError(f"pymicro-wakeword needs {path} and its .json: {error}") from error
