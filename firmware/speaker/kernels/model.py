"""The model's loops, one an instruction of a ``.wake`` file."""

from speaker.util.hints import Any

try:
    from speaker.kernels import model_viper

    _fast: Any = model_viper
    BACKEND = "viper"
except (ImportError, SyntaxError, ValueError):
    from speaker.kernels import model_python

    _fast = model_python
    BACKEND = "python"

matvec = _fast.matvec
depthwise = _fast.depthwise
table = _fast.table
append = _fast.append
copy = _fast.copy
