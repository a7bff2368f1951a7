"""The model's loops, one an instruction of a ``.wake`` file."""

from speaker.util.hints import Any

# Chosen once, here; see frontend.py. The Xtensa code runs any number of instructions in one call.
RUN: Any = None
SCRATCH = 0
"""Bytes that it wants behind the arena."""
_one: Any = None
try:
    from speaker.kernels import model_xtensa

    RUN = model_xtensa.run
    SCRATCH = model_xtensa.SCRATCH
    BACKEND = "xtensa"
except (ImportError, SyntaxError, ValueError):
    try:
        from speaker.kernels import model_viper

        _one = model_viper
        BACKEND = "viper"
    except (ImportError, SyntaxError, ValueError):
        from speaker.kernels import model_python

        _one = model_python
        BACKEND = "python"

# The instructions' codes: host_tools/mynah/models/program.py.
_NAMES = ("matvec", "depthwise", "table", "append", "copy")  # 1 and on
_MORE = ("add", "mul", "mean", "largest")  # 6 and on: loaded when a model needs one


def of(code: int) -> Any:
    """What runs an instruction: ``kernel(blob, arena, at)``, or RUN; None if it is unknown."""
    if 1 <= code <= len(_NAMES):
        return RUN or getattr(_one, _NAMES[code - 1])
    if not 6 <= code < 6 + len(_MORE):
        return None
    from speaker.kernels import elementwise

    return getattr(elementwise, _MORE[code - 6])
