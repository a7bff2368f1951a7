"""Sample loops in plain Python: what they mean, and the fallback."""

from speaker.util.hints import Any


def samples_from_slots(slots: Any, n: int, out: Any, shift: int) -> None:
    """Turn `n` 32-bit I2S slots into int16 samples: `slot >> shift`, saturated.

    `slots` is an array('H') of halfwords, low one first. A microphone such as the INMP441
    leaves its 24 bits left-justified; shift 16 is unity, each step below it adds 6 dB.
    """
    up = 16 - shift
    for i in range(n):
        value = slots[2 * i + 1]
        if value >= 32768:
            value -= 65536
        value = (value << up) | (slots[2 * i] >> shift)
        if value > 32767:
            value = 32767
        elif value < -32768:
            value = -32768
        out[i] = value


def tone(out: Any, n: int, sine: Any, phase: int, step: int, gain: int, gain_step: int) -> int:
    """Write `n` samples of a sine into `out`; returns the phase after them.

    `sine` is one period in 1024 int16 samples, `phase` and `step` are 16-bit fractions of a
    period, `gain` is Q23 (0 to 1 is 0 to 2**23) and changes by `gain_step` after each sample.
    """
    for i in range(n):
        out[i] = (sine[phase >> 6] * (gain >> 8)) >> 15
        phase = (phase + step) & 0xFFFF
        gain += gain_step
    return phase
