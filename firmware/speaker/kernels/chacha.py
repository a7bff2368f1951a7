"""ChaCha20 and Poly1305 (RFC 8439): encryption in place, and a MAC."""

from speaker.util.hints import Any

# Chosen once, here; see frontend.py.
try:
    from speaker.kernels import chacha_xtensa

    _fast: Any = chacha_xtensa
    BACKEND = "xtensa"
except (ImportError, SyntaxError, ValueError):
    try:
        from speaker.kernels import chacha_viper

        _fast = chacha_viper
        BACKEND = "viper"
    except (ImportError, SyntaxError, ValueError):
        from speaker.kernels import chacha_python

        _fast = chacha_python
        BACKEND = "python"

CIPHER = _fast.CIPHER
MAC = _fast.MAC
crypt = _fast.crypt
mac_start = _fast.mac_start
mac_update = _fast.mac_update
mac_finish = _fast.mac_finish
