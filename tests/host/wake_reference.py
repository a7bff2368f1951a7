"""The references of the wake tests: pymicro-features, and TFLite as pymicro-wakeword brings it.

Nothing in here is Mynah's: what it returns is what Mynah must equal.
"""

import ctypes

import numpy as np
import pytest

FEATURE_SCALE = 0.0390625  # pymicro-features hands 16-bit features out as floats of this step
HOP = 160


def features(samples):
    """Rows of 40 16-bit features of pymicro-features, as ints."""
    pymicro_features = pytest.importorskip("pymicro_features")
    frontend = pymicro_features.MicroFrontend()
    rows = []
    for at in range(0, len(samples) - HOP + 1, HOP):
        made = frontend.process_samples(samples[at : at + HOP].astype("<i2").tobytes())
        assert made.samples_read == HOP
        if made.features:
            rows.append(made.features)
    return np.rint(np.array(rows).reshape(-1, 40) / FEATURE_SCALE).astype(np.int64)


class Interpreter:
    """TensorFlow Lite's C library inside pymicro-wakeword, on one of its models."""

    def __init__(self, name):
        pymicro_wakeword = pytest.importorskip("pymicro_wakeword")
        self._model = pymicro_wakeword.MicroWakeWord.from_builtin(pymicro_wakeword.Model(name))
        if not hasattr(self._model, "input_dtype"):
            pytest.skip("this pymicro-wakeword is too old to be a reference")

    @classmethod
    def of_file(cls, path):
        """The interpreter on a ``.tflite`` file."""
        alexa = cls("alexa")
        model = alexa._model
        model.close()
        model.model_path = str(path).encode()
        model._load_model()
        assert model.lib.TfLiteInterpreterAllocateTensors(model.interpreter) == 0
        return alexa

    def tensors(self, inputs):
        """The whole output tensor, flat and unsigned (int8 plus 128), for each int8 input."""
        model = self._model
        size = model.lib.TfLiteTensorByteSize(model.output_tensor)
        outputs = []
        for values in inputs:
            data = values.astype(np.int8).tobytes()
            model.lib.TfLiteTensorCopyFromBuffer(model.input_tensor, data, len(data))
            assert model.lib.TfLiteInterpreterInvoke(model.interpreter) == 0
            result = np.zeros(size, np.uint8)
            pointer = result.ctypes.data_as(ctypes.c_void_p)
            model.lib.TfLiteTensorCopyToBuffer(model.output_tensor, pointer, size)
            outputs.append(result if model.output_dtype is np.uint8 else result ^ 0x80)
        return np.array(outputs)

    def probabilities(self, rows):
        """The uint8 output of each inference over rows of 16-bit features.

        pymicro-wakeword lets int8 inputs wrap round above a feature of 665; ESPHome clamps them, so
        they are clamped before they are handed in.
        """
        model = self._model
        stride = model.stride
        outputs = []
        result = np.zeros(1, np.uint8)
        for at in range(0, len(rows) - stride + 1, stride):
            real = rows[at : at + stride] * FEATURE_SCALE
            quantised = np.round(real / model.input_scale + model.input_zero_point)
            data = np.clip(quantised, -128, 127).astype(np.int8).tobytes()
            model.lib.TfLiteTensorCopyFromBuffer(model.input_tensor, data, len(data))
            model.lib.TfLiteInterpreterInvoke(model.interpreter)
            pointer = result.ctypes.data_as(ctypes.c_void_p)
            model.lib.TfLiteTensorCopyToBuffer(model.output_tensor, pointer, 1)
            outputs.append(int(result[0]))
        return np.array(outputs)


def sounds():
    """Generated recordings that reach the corners: name to samples, always the same."""
    rng = np.random.default_rng(20)
    time = np.arange(24000) / 16000
    return {
        "silence": np.zeros(16000, np.int16),
        "faint": rng.integers(-2, 3, 24000).astype(np.int16),
        "noise": rng.integers(-32768, 32768, 24000).astype(np.int16),
        "dc": np.full(12000, 32767, np.int16),
        "negative dc": np.full(12000, -32768, np.int16),
        "clipping": np.clip(90000 * np.sin(2 * np.pi * 437 * time), -32768, 32767).astype(np.int16),
        "square": np.where(np.sin(2 * np.pi * 997 * time) > 0, 32767, -32768).astype(np.int16),
        "nyquist": np.tile(np.array([32767, -32768], np.int16), 8000),
        "chirp": (32767 * np.sin(2 * np.pi * (50 * time + 2600 * time**2))).astype(np.int16),
        "one sample": np.where(np.arange(12000) == 999, -32768, 0).astype(np.int16),
        "extremes": rng.choice(np.array([-32768, 0, 1], np.int16), 24000),
        "bursts": _bursts(rng),
    }


def _bursts(rng):
    loudness = np.repeat(10 ** rng.uniform(0, 4.5, 48), 1000)
    return np.clip(rng.normal(size=48000) * loudness, -32768, 32767).astype(np.int16)
