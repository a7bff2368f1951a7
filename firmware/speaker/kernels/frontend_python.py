"""Front-end kernels in plain Python: what the native ones mean."""

# Buffers: arrays of 16-bit words for samples, spectra and features, of 32-bit words for energies,
# signals and noise estimates; tables as bytes (see speaker.wake.tables).
# The arithmetic is that of tflite-micro's microfrontend and of KISS FFT with 16-bit fixed point.

from micropython import const

from speaker.util.hints import Any

_WINDOW = const(480)
_POINTS = const(256)  # complex points: a real FFT of 512 in half the size
_CHANNELS = const(40)
_QUARTER = const(8191)  # KISS FFT divides by 4 and 2 so, with rounding
_HALF = const(16383)
_ROUND = const(1 << 14)


def _s16(table: Any, i: int) -> int:
    """Word i of a table of signed 16-bit words."""
    v = table[2 * i] | table[2 * i + 1] << 8
    return v - 0x10000 if v & 0x8000 else v


def _u16(table: Any, i: int) -> int:
    return table[2 * i] | table[2 * i + 1] << 8


def _bit_length(v: int) -> int:
    n = 0
    while v:
        v >>= 1
        n += 1
    return n


def copy(target: Any, at: int, source: Any, start: int, count: int) -> None:
    """Copy 16-bit words; a move to lower places in the same buffer is right too."""
    for i in range(count):
        target[at + i] = source[start + i]


def spectrum(history: Any, window: Any, order: Any, twiddles: Any, work: Any) -> int:
    """Window 480 samples, scale them up, transform; return by how many bits they were scaled."""
    shift = _window(history, window, order, work)
    m = 1
    while m < _POINTS:
        stride = _POINTS // (4 * m)
        for k in range(m):
            for at in range(k, _POINTS, 4 * m):
                _butterfly(work, at, m, twiddles, k * stride)
        m *= 4
    return shift


def _window(history: Any, window: Any, order: Any, work: Any) -> int:
    """Fill work with windowed samples, in the transform's order, using all bits of a word."""
    largest = 0
    for i in range(2 * _POINTS):
        v = 0
        if i < _WINDOW:
            v = history[i] * _u16(window, i) >> 12
            if largest < abs(v) < 0x8000:  # the C code's 16-bit abs() leaves -32768 negative
                largest = abs(v)
        work[2 * order[i >> 1] + (i & 1)] = v
    shift = 15 - _bit_length(largest)
    for i in range(2 * _POINTS):
        v = work[i] << shift & 0xFFFF
        work[i] = v - 0x10000 if v & 0x8000 else v
    return shift


def _butterfly(work: Any, at: int, m: int, twiddles: Any, step: int) -> None:
    """Four points m apart become their four-point transform, scaled by a quarter."""
    a = 2 * at
    b, c, d = a + 2 * m, a + 4 * m, a + 6 * m
    ar, ai = _scaled(work[a], _QUARTER), _scaled(work[a + 1], _QUARTER)
    br, bi = _turned(work, b, _QUARTER, twiddles, step)
    cr, ci = _turned(work, c, _QUARTER, twiddles, 2 * step)
    dr, di = _turned(work, d, _QUARTER, twiddles, 3 * step)
    er, ei = ar - cr, ai - ci
    ar, ai = ar + cr, ai + ci
    fr, fi = br + dr, bi + di
    gr, gi = br - dr, bi - di
    work[a], work[a + 1] = ar + fr, ai + fi
    work[b], work[b + 1] = er + gi, ei - gr
    work[c], work[c + 1] = ar - fr, ai - fi
    work[d], work[d + 1] = er - gi, ei + gr


def _scaled(v: int, factor: int) -> int:
    return v * factor + _ROUND >> 15


def _turned(work: Any, i: int, factor: int, twiddles: Any, step: int) -> tuple[int, int]:
    """A scaled point times a twiddle."""
    r, j = _scaled(work[i], factor), _scaled(work[i + 1], factor)
    wr, wj = _s16(twiddles, 2 * step), _s16(twiddles, 2 * step + 1)
    return r * wr - j * wj + _ROUND >> 15, r * wj + j * wr + _ROUND >> 15


def energy(work: Any, split: Any, energies: Any) -> None:
    """The squared magnitude of bins 1 to 255 of the real transform."""
    for k in range(1, _POINTS // 2 + 1):
        i, j = 2 * k, 2 * (_POINTS - k)
        pr, pi = _scaled(work[i], _HALF), _scaled(work[i + 1], _HALF)
        nr, ni = _scaled(work[j], _HALF), _scaled(-work[j + 1], _HALF)
        fr, fi = pr + nr, pi + ni
        gr, gi = pr - nr, pi - ni
        wr, wi = _s16(split, 2 * k - 2), _s16(split, 2 * k - 1)
        tr = gr * wr - gi * wi + _ROUND >> 15
        ti = gr * wi + gi * wr + _ROUND >> 15
        r, i = fr + tr >> 1, fi + ti >> 1
        energies[k] = r * r + i * i
        r, i = fr - tr >> 1, ti - fi >> 1
        energies[_POINTS - k] = r * r + i * i


def filterbank(
    energies: Any, first: int, widths: Any, weights: Any, shift: int, signal: Any
) -> None:
    """Mel channels: weighted sums of energies, then the square root, scaled back."""
    i = 0
    carried = 0
    for channel in range(_CHANNELS + 1):
        total, carried = carried, 0
        for _ in range(widths[channel]):
            total += _u16(weights, 2 * i) * energies[first + i]
            carried += _u16(weights, 2 * i + 1) * energies[first + i]
            i += 1
        if channel:  # the one below the first channel has no centre of its own
            signal[channel - 1] = _root(total) >> shift


def _root(n: int) -> int:
    """The square root, rounded to nearest, except that 16 bits do not round up to 17."""
    root = rest = 0
    for at in range(_bit_length(n) + 1 & ~1, -1, -2):
        rest = rest << 2 | n >> at & 3
        root <<= 1
        if rest > 2 * root:
            rest -= 2 * root + 1
            root += 1
    return root + 1 if rest > root and root != 0xFFFF else root


def compress(signal: Any, estimates: Any, gains: Any, logarithms: Any, features: Any) -> None:
    """Noise reduction, gain control (PCAN) and logarithm: signal to 16-bit features."""
    for i in range(_CHANNELS):
        smoothing = 983 if i & 1 else 409  # 0.06 and 0.025 in 14 bits
        scaled = signal[i] << 10
        estimate = scaled * smoothing + estimates[i] * (16384 - smoothing) >> 14
        estimates[i] = estimate
        least = signal[i] * 819 >> 14  # 0.05 of the signal stays
        v = max(scaled - min(estimate, scaled) >> 10, least)
        v = _shrink(v * _gain(estimate, gains) >> 6) << 3
        features[i] = min(_logarithm(v, logarithms), 0xFFFF) if v > 1 else 0


def _gain(estimate: int, gains: Any) -> int:
    """The gain for a noise estimate: a parabola within its power of two."""
    if estimate <= 2:
        return _s16(gains, estimate)
    interval = _bit_length(estimate)
    at = 4 * interval - 6
    fraction = (estimate << 11 - interval if interval < 11 else estimate >> interval - 11) & 0x3FF
    v = (_s16(gains, at + 2) * fraction >> 5) + (_s16(gains, at + 1) << 5)
    return (v * fraction + _ROUND >> 15) + _s16(gains, at)


def _shrink(snr: int) -> int:
    """A square near zero, a straight line above."""
    return snr * snr >> 20 if snr < 8192 else (snr >> 6) - 64


def _logarithm(v: int, logarithms: Any) -> int:
    """64 times the natural logarithm of v."""
    whole = _bit_length(v) - 1
    rest = v - (1 << whole)
    rest = rest << 16 - whole if whole < 16 else rest >> whole - 16
    segment = rest >> 9
    c0, c1 = _u16(logarithms, segment), _u16(logarithms, segment + 1)
    bent = rest + c0 + ((c1 - c0) * (rest - (segment << 9)) >> 16)
    natural = 45426 * ((whole << 16) + bent) + 32768 >> 16
    return (natural << 6) + 32768 >> 16


def quantise(features: Any, multiplier: int, shift: int, largest: int, arena: Any, at: int) -> None:
    """Features to a model's input bytes, by the formula in its file."""
    half = 1 << shift - 1
    for i in range(_CHANNELS):
        arena[at + i] = min(255, min(features[i], largest) * multiplier + half >> shift)
