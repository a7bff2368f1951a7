"""What TensorFlow Lite says: the interpreter and the front end inside pymicro-wakeword.

Nothing in here is Mynah's engine; `mynah model compare` and the tests hold the engine against it.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mynah.errors import ModelError
from mynah.models.quantise import FEATURE_SCALE

if TYPE_CHECKING:
    from mynah.audio_files import Samples

_HOP = 160
_CHANNELS = 40
_COOL_OFF_ROWS = 100
_FIRST_ROW_HOPS = 3
_HOP_S = 0.01


class Reference:
    """TensorFlow Lite on a ``.tflite`` file, from silence on.

    Raises:
        ModelError: pymicro-wakeword is missing or too old, or TFLite refuses the file.
    """

    def __init__(self, tflite: Path) -> None:
        try:
            import pymicro_wakeword
        except ImportError as error:
            raise ModelError("no TensorFlow Lite here: pip install pymicro-wakeword") from error
        package = Path(pymicro_wakeword.__file__).parent
        library = next(iter((package / "lib").glob("*tensorflowlite_c.*")), None)
        if library is None or not tflite.is_file():
            raise ModelError(f"no TensorFlow Lite library, or no model at {tflite}")
        self._model: Any = pymicro_wakeword.MicroWakeWord(
            id=tflite.stem, wake_word=tflite.stem, tflite_model=tflite, probability_cutoff=1.0,
            sliding_window_size=1, trained_languages=[], libtensorflowlite_c_path=library,
        )  # fmt: skip
        if not hasattr(self._model, "input_dtype"):
            raise ModelError("this pymicro-wakeword is too old to compare with; 2.5 is known good")
        self.stride = int(self._model.stride)

    def outputs(self, samples: Samples) -> npt.NDArray[np.uint8]:
        """The output, 0..255, of every inference over a recording.

        pymicro-wakeword lets int8 inputs wrap round above a feature of 665; ESPHome clamps them, so
        they are clamped before they are handed in.
        """
        model, stride = self._model, self.stride
        rows = features(samples) * FEATURE_SCALE / model.input_scale + model.input_zero_point
        quantised = np.clip(np.round(rows), -128, 127).astype(np.int8)
        outputs = np.zeros(len(quantised) // stride, np.uint8)
        result = np.zeros(1, np.uint8)
        pointer = result.ctypes.data_as(ctypes.c_void_p)
        for number in range(len(outputs)):
            data = quantised[number * stride : (number + 1) * stride].tobytes()
            model.lib.TfLiteTensorCopyFromBuffer(model.input_tensor, data, len(data))
            model.lib.TfLiteInterpreterInvoke(model.interpreter)
            model.lib.TfLiteTensorCopyToBuffer(model.output_tensor, pointer, 1)
            outputs[number] = result[0]
        return outputs


def features(samples: Samples) -> npt.NDArray[np.int64]:
    """pymicro-features' rows of 40 16-bit features."""
    from pymicro_features import MicroFrontend

    frontend: Any = MicroFrontend()
    rows = []
    for at in range(0, len(samples) - _HOP + 1, _HOP):
        made = frontend.process_samples(samples[at : at + _HOP].astype("<i2").tobytes())
        if made.features:
            rows.append(made.features)
    return np.rint(np.array(rows).reshape(-1, _CHANNELS) / FEATURE_SCALE).astype(np.int64)


def detections(
    outputs: npt.NDArray[np.uint8], stride: int, cutoff: int, window: int
) -> list[float]:
    """When ESPHome's rule finds the word in these outputs, in seconds from the first sample.

    The sum of the last outputs is over the cutoff; and since the start or the last detection, 100
    rows of features have passed at which the latest output was under it.
    """
    found, recent, waiting, latest = [], [0] * window, _COOL_OFF_ROWS, 0
    for number, output in enumerate(outputs.tolist()):
        waiting -= min(waiting, stride - 1) if latest < cutoff else 0
        recent = [*recent[1:], output]
        latest = output
        waiting -= min(waiting, 1) if latest < cutoff else 0
        if not waiting and sum(recent) > cutoff * window:
            row = (number + 1) * stride - 1
            found.append(round((row + _FIRST_ROW_HOPS) * _HOP_S, 3))
            recent, waiting, latest = [0] * window, _COOL_OFF_ROWS, 0
    return found
