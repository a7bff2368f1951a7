"""Pictures of a sound: its waveform as SVG, its spectrogram as PNG."""

from __future__ import annotations

import io

import numpy as np

from mynah.hil.sound import Sound

WIDTH, HEIGHT = 900, 90
"""Of the waveform, in pixels."""

_SPECTRUM_HEIGHT = 96
_WINDOW = 512
_FLOOR_DB, _TOP_DB = -90.0, -10.0


def load_wav(data: bytes) -> Sound:
    """A sound of a WAV file's content; of several channels the first."""
    import soundfile

    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    return Sound(samples[:, 0], int(rate))


def waveform_svg(sound: Sound) -> str:
    """Highest and lowest sample of each column, with the level in dBFS and the length below it."""
    columns = min(WIDTH, max(len(sound), 1))
    edges = np.linspace(0, len(sound), columns + 1).astype(int)
    high, low = np.zeros(columns), np.zeros(columns)
    for i in range(columns):
        part = sound.samples[edges[i] : max(edges[i + 1], edges[i] + 1)]
        if len(part):
            high[i], low[i] = part.max(), part.min()
    middle = HEIGHT / 2
    x = np.arange(columns) * WIDTH / columns
    up = [f"{a:.1f},{middle - b / 32768 * middle:.1f}" for a, b in zip(x, high, strict=True)]
    down = [f"{a:.1f},{middle - b / 32768 * middle:.1f}" for a, b in zip(x, low, strict=True)]
    outline = " ".join(up + down[::-1])
    return (
        f'<svg class="wave" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="waveform"><line x1="0" y1="{middle}" x2="{WIDTH}" y2="{middle}"/>'
        f'<polygon points="{outline}"/></svg>'
    )


def spectrogram_png(sound: Sound) -> bytes | None:
    """Time to the right, 0 Hz to half the rate upwards, -90 to -10 dBFS; None if too short."""
    from matplotlib.image import imsave

    n = len(sound)
    if n < _WINDOW:
        return None
    n_columns = min(WIDTH // 2, n // (_WINDOW // 4))
    starts = np.linspace(0, n - _WINDOW, n_columns).astype(int)
    window = np.hanning(_WINDOW)
    frames = np.stack([sound.samples[start : start + _WINDOW] for start in starts]) / 32768.0
    power = np.abs(np.fft.rfft(frames * window, axis=1)) / (window.sum() / 2)
    decibels = 20 * np.log10(power[:, 1:].T[::-1] + 1e-9)
    rows = np.linspace(0, len(decibels) - 1, _SPECTRUM_HEIGHT).astype(int)
    scaled = np.clip((decibels[rows] - _FLOOR_DB) / (_TOP_DB - _FLOOR_DB), 0, 1)
    buffer = io.BytesIO()
    imsave(buffer, scaled, cmap="magma", vmin=0, vmax=1, format="png")
    return buffer.getvalue()
