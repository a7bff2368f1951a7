"""The loops of the less common model operators; loaded with the first model that has one."""

from speaker.util.hints import Any

try:
    from speaker.kernels import elementwise_viper

    _fast: Any = elementwise_viper
except (ImportError, SyntaxError, ValueError):
    from speaker.kernels import elementwise_python

    _fast = elementwise_python

add = _fast.add
mul = _fast.mul
mean = _fast.mean
largest = _fast.largest
