"""The sound path's loops: I2S slots to samples, tones."""

from speaker.util.hints import Any, Callable

# Chosen once, here; see frontend.py.
try:
    from speaker.kernels import pcm_viper as _fast

    BACKEND = "viper"
except (ImportError, SyntaxError, ValueError):
    from speaker.kernels import pcm_python as _fast  # type: ignore[no-redef]

    BACKEND = "python"

samples_from_slots: Callable[..., Any] = _fast.samples_from_slots
tone: Callable[..., Any] = _fast.tone
