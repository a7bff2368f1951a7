"""Sample loops as native code. Loads are unsigned, ints are 32 bits on the chip, 64 on a PC."""

import micropython


@micropython.viper
def samples_from_slots(slots: ptr16, n: int, out: ptr16, shift: int):
    """See pcm_python."""
    up = 16 - shift
    i = 0
    while i < n:
        value = slots[2 * i + 1]
        if value >= 32768:
            value -= 65536
        value = (value << up) | (slots[2 * i] >> shift)
        if value > 32767:
            value = 32767
        elif value < -32768:
            value = -32768
        out[i] = value
        i += 1


@micropython.viper
def tone(out: ptr16, n: int, sine: ptr16, phase: int, step: int, gain: int, gain_step: int) -> int:
    """See pcm_python."""
    i = 0
    while i < n:
        value = sine[phase >> 6]
        if value >= 32768:
            value -= 65536
        out[i] = (value * (gain >> 8)) >> 15
        phase = (phase + step) & 0xFFFF
        gain += gain_step
        i += 1
    return phase
