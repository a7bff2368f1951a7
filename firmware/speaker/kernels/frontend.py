"""The front end's loops: window and FFT, energies, mel channels, noise, logarithm."""

# Chosen once, here. A .mpy for another architecture raises ValueError, a missing one ImportError,
# and a port without a native emitter refuses the source with SyntaxError.
try:
    from speaker.kernels import frontend_viper as _fast

    BACKEND = "viper"
except (ImportError, SyntaxError, ValueError):
    from speaker.kernels import frontend_python as _fast

    BACKEND = "python"

copy = _fast.copy
spectrum = _fast.spectrum
energy = _fast.energy
filterbank = _fast.filterbank
compress = _fast.compress
quantise = _fast.quantise
