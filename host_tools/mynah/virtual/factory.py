"""Makes a blank virtual board one that boots MicroPython, as a board comes from a shop."""

from __future__ import annotations

import subprocess
from functools import cache

from mynah.errors import MynahError
from mynah.flash import partitions
from mynah.flash.image import BOOT_OFFSET, virtual_images
from mynah.virtual.micropython import micropython_command

_APP_OFFSET = 0x10000
_ASK_VERSION = (
    "import sys; *n, tag = sys.implementation.version; "
    "print('v' + '.'.join(str(x) for x in n) + ('-' + tag if tag else ''))"
)


def flash_content(version: str | None = None) -> list[tuple[int, bytes]]:
    """What makes a virtual board boot: (offset, bytes) of images and stock partition table.

    ``version`` of MicroPython as in ``"v1.29.0"``; None: asked of the one that runs.
    """
    boot, app = virtual_images(version or micropython_version())
    table = partitions.build(partitions.stock())
    return [(BOOT_OFFSET, boot), (partitions.TABLE_OFFSET, table), (_APP_OFFSET, app)]


@cache
def micropython_version() -> str:
    """The version of the MicroPython that is the virtual board's CPU, as in ``"v1.29.0"``.

    Raises:
        MynahError: it does not run.
    """
    asked = subprocess.run(
        [*micropython_command(), "-c", _ASK_VERSION],
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        raise MynahError(f"MicroPython does not run on this computer: {asked.stderr.strip()}")
    return asked.stdout.strip()
