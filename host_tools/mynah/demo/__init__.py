"""``mynah demo``: the whole speaker shown on a virtual board, step by step, with figures."""

from mynah.demo.result import DemoOptions, DemoResult
from mynah.demo.run import run_demo

__all__ = ["DemoOptions", "DemoResult", "run_demo"]
