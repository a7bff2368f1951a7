"""The volume law: what a step of the slider does to the amplitude.

Loudness halves with every 10 dB, so steps that sound equal are equal in decibels: volume 100 is
0 dB, every step below it takes 0.5 dB away (20 steps sound half as loud), volume 1 is -49.5 dB
and volume 0 is silence.
"""

_DB_PER_STEP = 0.5


def gain_q15(volume: int) -> int:
    """The amplitude, 0..32767, for a volume of 0..100."""
    if volume <= 0:
        return 0
    return round(32767 * 10 ** (-_DB_PER_STEP * (100 - min(volume, 100)) / 20))
