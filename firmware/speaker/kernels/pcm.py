"""The sound path's loops: I2S slots to samples, tones."""

# Chosen once, here; see frontend.py.
try:
    from speaker.kernels import pcm_viper as _fast

    BACKEND = "viper"
except (ImportError, SyntaxError, ValueError):
    from speaker.kernels import pcm_python as _fast

    BACKEND = "python"

samples_from_slots = _fast.samples_from_slots
tone = _fast.tone
