"""Front-end kernels as native code: ``frontend_python`` says what each one means."""

# 32-bit integers must do (on a PC viper has 64): every product is split where it could grow larger,
# by the bounds noted beside it. Loads are unsigned: (v ^ 0x8000) - 0x8000 brings a sign back.

import micropython
from micropython import const

_WINDOW = const(480)
_POINTS = const(256)
_CHANNELS = const(40)
_QUARTER = const(8191)
_HALF = const(16383)
_ROUND = const(1 << 14)
_SIGN = const(0x8000)


@micropython.viper
def copy(target: ptr16, at: int, source: ptr16, start: int, count: int):
    """Copy 16-bit words."""
    to = ptr16(int(target) + 2 * at)
    of = ptr16(int(source) + 2 * start)
    i = 0
    while i < count:
        to[i] = of[i]
        i += 1


@micropython.viper
def spectrum(history: ptr16, window: ptr16, order: ptr8, twiddles: ptr16, work: ptr16) -> int:
    """Window, scale, transform; return the scale in bits."""
    largest = 0
    i = 0
    while i < _WINDOW:
        v = (((history[i] ^ _SIGN) - _SIGN) * window[i]) >> 12
        work[2 * order[i >> 1] + (i & 1)] = v
        if v < 0:
            v = 0 - v
        if v > largest and v != _SIGN:
            largest = v
        i += 1
    while i < 2 * _POINTS:
        work[2 * order[i >> 1] + (i & 1)] = 0
        i += 1
    shift = 15
    while largest > 0:
        largest >>= 1
        shift -= 1
    if shift > 0:
        i = 0
        while i < 2 * _POINTS:
            work[i] = work[i] << shift
            i += 1

    m = 1
    stride = _POINTS >> 2
    while m < _POINTS:
        k = 0
        while k < m:
            t = ptr16(int(twiddles) + 4 * k * stride)
            pr = (t[0] ^ _SIGN) - _SIGN
            pi = (t[1] ^ _SIGN) - _SIGN
            t = ptr16(int(twiddles) + 8 * k * stride)
            qr = (t[0] ^ _SIGN) - _SIGN
            qi = (t[1] ^ _SIGN) - _SIGN
            t = ptr16(int(twiddles) + 12 * k * stride)
            sr = (t[0] ^ _SIGN) - _SIGN
            si = (t[1] ^ _SIGN) - _SIGN
            at = k
            while at < _POINTS:
                a = ptr16(int(work) + 4 * at)
                b = ptr16(int(a) + 4 * m)
                c = ptr16(int(b) + 4 * m)
                d = ptr16(int(c) + 4 * m)
                r = (((b[0] ^ _SIGN) - _SIGN) * _QUARTER + _ROUND) >> 15
                j = (((b[1] ^ _SIGN) - _SIGN) * _QUARTER + _ROUND) >> 15
                br = (r * pr - j * pi + _ROUND) >> 15
                bi = (r * pi + j * pr + _ROUND) >> 15
                r = (((d[0] ^ _SIGN) - _SIGN) * _QUARTER + _ROUND) >> 15
                j = (((d[1] ^ _SIGN) - _SIGN) * _QUARTER + _ROUND) >> 15
                dr = (r * sr - j * si + _ROUND) >> 15
                di = (r * si + j * sr + _ROUND) >> 15
                r = (((c[0] ^ _SIGN) - _SIGN) * _QUARTER + _ROUND) >> 15
                j = (((c[1] ^ _SIGN) - _SIGN) * _QUARTER + _ROUND) >> 15
                cr = (r * qr - j * qi + _ROUND) >> 15
                ci = (r * qi + j * qr + _ROUND) >> 15
                ar = (((a[0] ^ _SIGN) - _SIGN) * _QUARTER + _ROUND) >> 15
                ai = (((a[1] ^ _SIGN) - _SIGN) * _QUARTER + _ROUND) >> 15
                er = ar - cr
                ei = ai - ci
                ar += cr
                ai += ci
                r = br + dr
                j = bi + di
                a[0] = ar + r
                a[1] = ai + j
                c[0] = ar - r
                c[1] = ai - j
                r = br - dr
                j = bi - di
                b[0] = er + j
                b[1] = ei - r
                d[0] = er - j
                d[1] = ei + r
                at += 4 * m
            k += 1
        m <<= 2
        stride >>= 2
    return shift


@micropython.viper
def energy(work: ptr16, split: ptr16, energies: ptr32):
    """Squared magnitudes, each under 2**31."""
    k = 1
    while k <= _POINTS >> 1:
        p = ptr16(int(work) + 4 * k)
        n = ptr16(int(work) + 4 * (_POINTS - k))
        t = ptr16(int(split) + 4 * (k - 1))
        pr = (((p[0] ^ _SIGN) - _SIGN) * _HALF + _ROUND) >> 15
        pi = (((p[1] ^ _SIGN) - _SIGN) * _HALF + _ROUND) >> 15
        nr = (((n[0] ^ _SIGN) - _SIGN) * _HALF + _ROUND) >> 15
        ni = ((_SIGN - (n[1] ^ _SIGN)) * _HALF + _ROUND) >> 15
        wr = (t[0] ^ _SIGN) - _SIGN
        wi = (t[1] ^ _SIGN) - _SIGN
        gr = pr - nr
        gi = pi - ni
        tr = (gr * wr - gi * wi + _ROUND) >> 15
        ti = (gr * wi + gi * wr + _ROUND) >> 15
        pr += nr
        pi += ni
        r = (pr + tr) >> 1
        i = (pi + ti) >> 1
        energies[k] = r * r + i * i
        r = (pr - tr) >> 1
        i = (ti - pi) >> 1
        energies[_POINTS - k] = r * r + i * i
        k += 1


@micropython.viper
def filterbank(
    energies: ptr32, first: int, widths: ptr8, weights: ptr16, shift: int, signal: ptr32
):
    """Weighted sums in two words (12 bits and the rest), then the square root."""
    e = ptr32(int(energies) + 4 * first)
    w = weights
    next_high = 0
    next_low = 0
    channel = 0
    while channel <= _CHANNELS:
        # All energies together stay under 2**28 (Parseval), a weight under 2**13.
        high = next_high
        low = next_low
        next_high = 0
        next_low = 0
        n = widths[channel]
        while n > 0:
            v = e[0] & 0xFFF
            low += w[0] * v
            next_low += w[1] * v
            v = e[0] >> 12
            high += w[0] * v
            next_high += w[1] * v
            e = ptr32(int(e) + 4)
            w = ptr16(int(w) + 4)
            n -= 1
        if channel > 0:
            high += low >> 12
            low &= 0xFFF
            at = 28
            while at > 0:
                if high >> at:
                    break
                at -= 2
            root = 0
            rest = 0
            while at >= -12:
                if at >= 0:
                    v = high >> at
                else:
                    v = low >> (at + 12)
                rest = (rest << 2) | (v & 3)
                root <<= 1
                if rest > 2 * root:
                    rest -= 2 * root + 1
                    root += 1
                at -= 2
            if rest > root and root != 0xFFFF:
                root += 1
            signal[channel - 1] = root >> shift
        channel += 1


@micropython.viper
def compress(signal: ptr32, estimates: ptr32, gains: ptr16, logarithms: ptr16, features: ptr16):
    """Noise reduction, gain control, logarithm."""
    i = 0
    while i < _CHANNELS:
        v = signal[i]  # under 2**20
        smoothing = 409
        if i & 1:
            smoothing = 983
        # (scaled * s + estimate * (2**14 - s)) >> 14 is estimate + (s * difference >> 14)
        scaled = v << 10
        estimate = estimates[i]
        n = scaled - estimate
        estimate += smoothing * (n >> 14) + ((smoothing * (n & 0x3FFF)) >> 14)
        estimates[i] = estimate
        n = (v * 819) >> 14
        v = 0
        if scaled > estimate:
            v = (scaled - estimate) >> 10
        if v < n:
            v = n

        if estimate <= 2:
            gain = gains[estimate]
        else:
            interval = 0
            n = estimate
            while n > 0:
                n >>= 1
                interval += 1
            g = ptr16(int(gains) + 2 * (4 * interval - 6))
            if interval < 11:
                n = (estimate << (11 - interval)) & 0x3FF
            else:
                n = (estimate >> (interval - 11)) & 0x3FF
            gain = (((g[2] ^ _SIGN) - _SIGN) * n) >> 5
            gain += ((g[1] ^ _SIGN) - _SIGN) << 5
            gain = ((gain * n + _ROUND) >> 15) + g[0]
        # (v * gain) >> 6 in two parts: v has 20 bits, gain 15
        v = (v >> 6) * gain + (((v & 63) * gain) >> 6)
        if v < 8192:
            v = (v * v) >> 20
        else:
            v = (v >> 6) - 64

        v <<= 3
        if v > 1:
            whole = 0 - 1
            n = v
            while n > 0:
                n >>= 1
                whole += 1
            one = 1
            n = v - (one << whole)
            if whole < 16:
                n <<= 16 - whole
            else:
                n >>= whole - 16
            at = n >> 9
            g = ptr16(int(logarithms) + 2 * at)
            v = n + g[0] + (((g[1] - g[0]) * (n - (at << 9))) >> 16)
            # (45426 * v + 32768) >> 16, the whole part apart; 45426 is 2 * 22713
            whole += v >> 16
            v = 45426 * whole + ((22713 * (v & 0xFFFF) + 16384) >> 15)
            v = ((v << 6) + 32768) >> 16
        else:
            v = 0
        features[i] = v
        i += 1


@micropython.viper
def quantise(features: ptr16, multiplier: int, shift: int, largest: int, arena: ptr8, at: int):
    """Features to a model's input bytes."""
    half = 1
    half <<= shift - 1
    to = ptr8(int(arena) + at)
    i = 0
    while i < _CHANNELS:
        v = features[i]
        if v > largest:
            v = largest
        v = (v * multiplier + half) >> shift
        if v > 255:
            v = 255
        to[i] = v
        i += 1
