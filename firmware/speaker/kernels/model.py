"""The model's loops, one an instruction of a ``.wake`` file."""

try:
    from speaker.kernels import model_viper as _fast

    BACKEND = "viper"
except (ImportError, SyntaxError, ValueError):
    from speaker.kernels import model_python as _fast

    BACKEND = "python"

matvec = _fast.matvec
depthwise = _fast.depthwise
table = _fast.table
append = _fast.append
copy = _fast.copy
