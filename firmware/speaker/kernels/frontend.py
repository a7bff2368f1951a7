"""The front end's loops: window and FFT, energies, mel channels, noise, logarithm."""

from speaker.util.hints import Any

# Chosen once, here. A .mpy for another architecture raises ValueError, a missing one ImportError,
# and a port without an emitter for native code refuses the source with SyntaxError.
try:
    from speaker.kernels import frontend_xtensa

    _fast: Any = frontend_xtensa
    BACKEND = "xtensa"
except (ImportError, SyntaxError, ValueError):
    try:
        from speaker.kernels import frontend_viper

        _fast = frontend_viper
        BACKEND = "viper"
    except (ImportError, SyntaxError, ValueError):
        from speaker.kernels import frontend_python

        _fast = frontend_python
        BACKEND = "python"

copy = _fast.copy
quantise = _fast.quantise

# One call computes a row, from an array of addresses, and moves on by a hop; or four stages do.
FRAME = getattr(_fast, "frame", None)
if FRAME is None:
    spectrum = _fast.spectrum
    energy = _fast.energy
    filterbank = _fast.filterbank
    compress = _fast.compress


def addresses(arrays: Any) -> Any:
    """What FRAME takes: the addresses of these buffers, and integers as they are."""
    from array import array

    from uctypes import addressof

    return array("I", [a if isinstance(a, int) else addressof(a) for a in arrays])
