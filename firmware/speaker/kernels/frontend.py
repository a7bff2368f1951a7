"""The front end's loops: window and FFT, energies, mel channels, noise, logarithm."""

from speaker.util.hints import Any

# Chosen once, here. A .mpy for another architecture raises ValueError, a missing one ImportError,
# and a port without a native emitter refuses the source with SyntaxError.
try:
    from speaker.kernels import frontend_viper

    _fast: Any = frontend_viper
    BACKEND = "viper"
except (ImportError, SyntaxError, ValueError):
    from speaker.kernels import frontend_python

    _fast = frontend_python
    BACKEND = "python"

copy = _fast.copy
spectrum = _fast.spectrum
energy = _fast.energy
filterbank = _fast.filterbank
compress = _fast.compress
quantise = _fast.quantise
