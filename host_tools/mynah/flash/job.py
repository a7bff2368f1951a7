"""The whole of flashing a board: plan, look at the chip, refuse or write, report."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.flash import chip as chips
from mynah.flash import writer
from mynah.flash.plan import DEFAULT_MODELS, plan
from mynah.link import open_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mynah.boards import Board


@dataclass(frozen=True, slots=True)
class FlashReport:
    """What was done to which board."""

    board: str
    port: str
    chip: str
    mac: str
    image: str
    micropython: str
    n_files: int
    written_bytes: int
    verified_by: str
    esptool: str
    seconds: float


def flash_board(
    board: Board,
    url: str,
    *,
    image: Path | None = None,
    models: Sequence[str] = DEFAULT_MODELS,
    files: Mapping[str, bytes] | None = None,
    erase: bool = False,
    baud: int = writer.DEFAULT_BAUD,
    progress: Callable[[float], None] | None = None,
    talk: Callable[[str], None] | None = None,
) -> FlashReport:
    """Put MicroPython and the speaker's firmware on a board; settings on it are lost.

    An image that is named is checked before the port is touched; before one is fetched, the port
    is looked at. The chip is checked before anything is erased.

    Args:
        board: what is on the port.
        url: device path or ``rfc2217://host:port``.
        image: MicroPython for it; None takes the newest (for the virtual board, our own).
        models: names of the wake-word models to install.
        files: other files than the speaker's firmware, by absolute path.
        erase: erase the whole flash first.
        baud: baud rate of the transfer.
        progress: called with the share that is written, 0 to 1.
        talk: called with a line for the user now and then.

    Raises:
        ImageError: the image is truncated, corrupt, or for another chip or PSRAM.
        UsageError: no image can be fetched, the chip is not what the board file says, or the
            files do not fit.
        PortError: the port is missing or busy, or the board vanished.
        BoardTimeoutError: nothing answers on the port.
        VerificationError: the flash does not hold what was written.
    """
    say = talk or (lambda _: None)
    started = time.monotonic()
    if image is None and not board.is_virtual:
        open_port(url).close()  # no download for a board that is not there
    what = plan(board, models, image=image, files=files)
    say(f"image: {what.micropython.name}, MicroPython {what.micropython.app.version}")
    chip = chips.identify(url)
    say(f"chip: {chip.description}, {chip.flash_mb} MB flash, {chip.psram or 'no PSRAM in it'}")
    chips.check(chip, board)
    parts = what.parts(chip.flash_mb << 20)
    size = sum(len(data) for _, data in parts)
    say(f"writing {size // 1024} KB: MicroPython and {len(what.files)} files")
    written = writer.flash(url, parts, baud=baud, erase=erase, progress=progress)
    return FlashReport(
        board=board.name,
        port=url,
        chip=chip.description,
        mac=chip.mac,
        image=what.micropython.name,
        micropython=what.micropython.app.version,
        n_files=len(what.files),
        written_bytes=size,
        verified_by=written.verified_by,
        esptool=written.esptool_version,
        seconds=round(time.monotonic() - started, 3),
    )
