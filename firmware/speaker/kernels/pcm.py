"""Sample loops of the sound path: slots to samples, tones."""

from speaker.kernels import pcm_python as _twin

try:
    from speaker.kernels import pcm_viper as _fast
except (ImportError, SyntaxError, ValueError):
    _fast = _twin

BACKEND = "python" if _fast is _twin else "viper"

samples_from_slots = _fast.samples_from_slots
tone = _fast.tone
