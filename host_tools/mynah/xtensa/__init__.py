"""Xtensa code for stock MicroPython: an assembler, and ``.mpy`` files that carry what it makes.

Sources are the ``*_xtensa.py`` files of the firmware: Python that is run on the host, where an
instruction is a function of its name. mpy-cross has such an assembler too, but of an older Xtensa:
without MAC16, zero-overhead loops and the products' upper halves, and its functions are of a kind
that stock firmware imports and then cannot call.
"""

from mynah.xtensa.isa import AssemblyError
from mynah.xtensa.module import assemble, build, constants

__all__ = ["AssemblyError", "assemble", "build", "constants"]
