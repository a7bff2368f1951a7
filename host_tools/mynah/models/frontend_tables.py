"""Make ``firmware/speaker/wake/tables.py``: the constants of the microWakeWord front end.

The board's floats have 32 bits or none at all, so what the C front end computes at start-up is
computed here, once, in the same float type. Run it after a change, on Linux (see ``_mel``)::

    python -m mynah.models.frontend_tables

Sources of the formulas: tflite-micro, ``tensorflow/lite/experimental/microfrontend/lib``
(``window_util``, ``filterbank_util``, ``pcan_gain_control_util``, ``log_lut``) and KISS FFT's
16-bit fixed-point twiddles; of the settings: ESPHome's ``micro_wake_word``.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mynah.paths import FIRMWARE_DIR

_RATE_HZ = 16000
_WINDOW = 480
_FFT = 512
_CHANNELS = 40
_LOW_HZ, _HIGH_HZ = 125.0, 7500.0
_PCAN_STRENGTH, _PCAN_OFFSET, _PCAN_GAIN_BITS = 0.95, 80.0, 21
_PCAN_INPUT_BITS = 10 - 3  # smoothing bits less the correction for the size of the FFT
_LOG_SEGMENTS = 128

_F = np.float32
_Words = npt.NDArray[np.int64]


def window() -> _Words:
    """A Hann window in 12 bits, sampled between the points."""
    step = _F(math.pi) * _F(2) / _F(_WINDOW)
    angles = step * (np.arange(_WINDOW, dtype=_F) + _F(0.5))
    values = _F(0.5) - _F(0.5) * np.cos(angles.astype(np.float64)).astype(_F)
    rounded: _Words = np.floor(values * _F(4096) + _F(0.5)).astype(np.int64)
    return rounded


def twiddles() -> _Words:
    """``exp(-2 pi i k / 256)`` as pairs in 15 bits."""
    return _unit_circle([-2 * math.pi * k / (_FFT // 2) for k in range(_FFT // 2)])


def split_twiddles() -> _Words:
    """What parts the spectrum of even samples from that of odd ones, as pairs in 15 bits."""
    half = _FFT // 2
    return _unit_circle([-math.pi * ((k + 1) / half + 0.5) for k in range(half // 2)])


def order() -> bytes:
    """The order in which a radix-4 FFT of 256 points takes its input: base-4 digits reversed."""
    return bytes(
        sum((n >> 2 * digit & 3) << 2 * (3 - digit) for digit in range(4)) for n in range(256)
    )


def filterbank() -> tuple[int, bytes, _Words]:
    """The first FFT bin in use, bins a channel, and for each bin its weight in two channels."""
    mel_low, mel_high = _mel(_F(_LOW_HZ)), _mel(_F(_HIGH_HZ))
    spacing = (mel_high - mel_low) / _F(_CHANNELS + 1)
    centres = [mel_low + spacing * _F(i + 1) for i in range(_CHANNELS + 1)]
    hz_per_bin = _F(0.5) * _F(_RATE_HZ) / _F(_FFT // 2)
    first = at = int(_F(1.5) + _F(_LOW_HZ) / hz_per_bin)
    widths, weights = [], []
    for channel, centre in enumerate(centres):
        start = at
        below = centres[channel - 1] if channel else mel_low
        while (mel := _mel(_F(at) * hz_per_bin)) <= centre:
            weight = (centre - mel) / (centre - below)
            weights.append(math.floor(weight * _F(4096) + _F(0.5)))
            weights.append(math.floor((_F(1) - weight) * _F(4096) + _F(0.5)))
            at += 1
        widths.append(at - start)
    return first, bytes(widths), np.array(weights, dtype=np.int64)


def gains() -> _Words:
    """The gain of PCAN over the noise estimate: a parabola for each power of two."""
    table = [_gain(0), _gain(1)]
    for interval in range(2, 33):
        x0 = 1 << (interval - 1)
        x2 = x0 + (x0 - 1) if interval == 32 else 2 * x0
        y0, y1, y2 = _gain(x0), _gain(x0 + (x0 >> 1)), _gain(x2)
        a1 = 4 * (y1 - y0) - (y2 - y0)
        table += [y0, a1, (y2 - y0) - a1, 0]
    return np.array(table[:-1], dtype=np.int64)


def logarithms() -> _Words:
    """``65536 * (log2(1 + i / 128) - i / 128)``: what a straight line lacks."""
    steps = np.arange(_LOG_SEGMENTS + 1) / _LOG_SEGMENTS
    values = np.rint(65536 * (np.log2(1 + steps) - steps)).astype(np.int64)
    return np.append(values, 0)


def source() -> str:
    """The text of ``tables.py``."""
    first, widths, weights = filterbank()
    blobs = {
        "WINDOW": _words(window()),
        "ORDER": order(),
        "TWIDDLES": _words(twiddles()),
        "SPLIT": _words(split_twiddles()),
        "WIDTHS": widths,
        "WEIGHTS": _words(weights),
        "GAINS": _words(gains()),
        "LOGARITHMS": _words(logarithms()),
    }
    lines = [
        '"""Constants of the front end; made by ``python -m mynah.models.frontend_tables``."""',
        "",
        "from micropython import const",
        "",
        f"FIRST_BIN = const({first})",
    ]
    for name, blob in blobs.items():
        lines += ["", f"{name} = ("]
        lines += [f"    {_literal(blob[at : at + 20])}" for at in range(0, len(blob), 20)]
        lines += [")"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the file."""
    path = FIRMWARE_DIR / "speaker" / "wake" / "tables.py"
    Path(path).write_text(source(), "ascii")


def _unit_circle(phases: list[float]) -> _Words:
    pairs = [(math.cos(phase), math.sin(phase)) for phase in phases]
    return np.array([[math.floor(0.5 + 32767 * x) for x in pair] for pair in pairs]).ravel()


def _mel(hz: np.float32) -> np.float32:
    # numpy takes the C library's log1pf, whose last bit shows in two weights: glibc's is that of
    # the reference, pymicro-features on Linux.
    mel: np.float32 = _F(1127) * _F(np.log1p(_F(hz / _F(700))))
    return mel


def _gain(x: int) -> int:
    base = _F(x) / _F(1 << _PCAN_INPUT_BITS) + _F(_PCAN_OFFSET)
    gain = _F(1 << _PCAN_GAIN_BITS) * _F(math.pow(base, _F(-_PCAN_STRENGTH)))
    return 32767 if gain > _F(32767) else int(gain + _F(0.5))


def _words(values: _Words) -> bytes:
    return (values & 0xFFFF).astype("<u2").tobytes()


def _literal(data: bytes) -> str:
    return 'b"' + "".join(f"\\x{byte:02x}" for byte in data) + '"'


if __name__ == "__main__":
    main()
