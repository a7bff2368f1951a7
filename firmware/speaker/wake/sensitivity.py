"""Sensitivity by name: how far from certainty a model must be, measured by its own cutoff."""

PROFILES = ("strict", "default", "sensitive")

# The share, in quarters, of the distance from the model's own cutoff to certainty (255).
_QUARTERS = {"strict": 2, "default": 4, "sensitive": 12}


def cutoff(profile: str, own: int) -> int:
    """The cutoff of a profile for a model whose own is ``own``; KeyError for an unknown one.

    "strict" halves the model's distance to certainty, "sensitive" trebles it: 0.97 becomes 0.984
    and 0.91, 0.90 becomes 0.95 and 0.70.

    For "Alexa", measured by `mynah bench accuracy` (165 spoken keywords, clean and with noise at 5
    dB; an hour of speech and noise): strict misses 10 % and 21 %, default 7 % and 18 %, neither
    with a false accept; sensitive misses 2 % and 8 %, with two.
    """
    return max(1, 255 - (255 - own) * _QUARTERS[profile] // 4)
