"""A real board's LEDs, seen by what the user has: a colour sensor or a camera, and a program."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from mynah.errors import BoardError
from mynah.hil.parts.power import run_program

if TYPE_CHECKING:
    from mynah.hil.parts import Colour

_COLOUR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


class CommandLight:
    """A command of the user's that prints what its sensor sees, run without a shell.

    Args:
        read: prints ``#rrggbb``, a line an LED.
    """

    def __init__(self, read: str) -> None:
        self._command = shlex.split(read)

    def colours(self) -> list[Colour]:
        """The colours of all LEDs, first LED first.

        Raises:
            BoardError: the command is missing, fails, or prints something else.
        """
        printed = run_program(self._command).split()
        found = [_COLOUR.fullmatch(word) for word in printed]
        colours = [(int(m[1], 16), int(m[2], 16), int(m[3], 16)) for m in found if m is not None]
        if len(colours) < len(found) or not colours:
            raise BoardError(f"{self._command[0]} printed {printed[:3]}, not #rrggbb for each LED")
        return colours
