"""X25519: a private key times a u-coordinate (RFC 7748), in slices."""

from speaker.util.hints import Any

# Chosen once, here; see frontend.py.
try:
    from speaker.kernels import x25519_xtensa

    _fast: Any = x25519_xtensa
    BACKEND = "xtensa"
except (ImportError, SyntaxError, ValueError):
    try:
        from speaker.kernels import x25519_viper

        _fast = x25519_viper
        BACKEND = "viper"
    except (ImportError, SyntaxError, ValueError):
        from speaker.kernels import x25519_python

        _fast = x25519_python
        BACKEND = "python"

WORK = _fast.WORK
STEPS = _fast.STEPS
start = _fast.start
steps = _fast.steps
pack = _fast.pack
