"""The whole of flashing a board: look at the chip, plan, refuse or write, start, report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from mynah.errors import MynahError, PortError
from mynah.flash import bauds, esptool, health, writer
from mynah.flash import chip as chips
from mynah.flash.plan import DEFAULT_MODELS, Plan, named, plan
from mynah.link import open_port
from mynah.link.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mynah.boards import Board
    from mynah.flash.chip import ChipInfo
    from mynah.logs import LogRecord

_T = TypeVar("_T")
_BACK_S = 15.0  # the chip's own USB goes away with a reset, and may get another name


@dataclass(frozen=True, slots=True)
class FlashReport:
    """What was done to which board, and how many seconds each part took."""

    board: str
    port: str
    chip: str
    mac: str
    image: str
    micropython: str
    n_files: int
    baud: int
    written_bytes: int
    skipped_bytes: int
    """What the flash held already."""
    verified_by: str
    esptool: str
    identify_s: float
    prepare_s: float
    """Fetching the image, compiling the files, building the filesystem."""
    connect_s: float
    parts: list[writer.Part] = field(default_factory=list)
    start_s: float | None = None
    """From reset until the speaker said that it is ready; None: nobody waited for that."""
    seconds: float = 0.0


@dataclass(slots=True)
class _Job:
    """What the steps of one flashing share."""

    url: str
    say: Callable[[str], None]
    rates: tuple[int, ...]
    """The baud rates that are still to be tried, the next one first."""

    def at_a_rate_that_holds(self, act: Callable[[int], _T]) -> _T:
        """What ``act(baud)`` gives, at the first rate that does not let it fail."""
        while True:
            try:
                return act(self.rates[0])
            except MynahError as error:
                if len(self.rates) == 1 or not _may_be_the_rate(error) or not self._is_there():
                    raise
            self.say(f"{self.rates[0]} baud does not hold; trying {self.rates[1]}")
            self.rates = self.rates[1:]

    def _is_there(self) -> bool:
        try:
            open_port(self.url).close()
        except PortError:
            return False
        return True


def _may_be_the_rate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, esptool.RateChangedError):
            return True
        error = error.__cause__
    return False


def flash_board(
    board: Board,
    url: str,
    *,
    image: Path | None = None,
    models: Sequence[str] = DEFAULT_MODELS,
    files: Mapping[str, bytes] | None = None,
    erase: bool = False,
    baud: int | None = None,
    wait: bool = False,
    progress: Callable[[float], None] | None = None,
    talk: Callable[[str], None] | None = None,
    on_log: Callable[[LogRecord], None] | None = None,
) -> FlashReport:
    """Put MicroPython and the speaker's firmware on a board; settings on it are lost.

    An image that is named is checked before the port is touched. The chip is read before anything
    is erased, and decides which image is fetched. What the flash holds already is left as it is.

    Args:
        board: what is on the port.
        url: device path or ``rfc2217://host:port``.
        image: MicroPython for it; None takes the newest (for the virtual board, our own).
        models: names of the wake-word models to install.
        files: other files than the speaker's firmware, by absolute path.
        erase: erase the whole flash first.
        baud: baud rate of the transfer; None: the fastest that holds.
        wait: wait until the speaker says that it is well.
        progress: called with the share that is written, 0 to 1.
        talk: called with a line for the user now and then.
        on_log: called with each line of the board's log while it starts.

    Raises:
        ImageError: the image is truncated, corrupt, or for another chip or PSRAM.
        UsageError: no image can be fetched, the chip is not what the board file says, or the
            files do not fit.
        PortError: the port is missing or busy, or the board vanished.
        BoardTimeoutError: nothing answers on the port, or the speaker does not become ready.
        VerificationError: the flash does not hold what was written.
    """
    say = talk or (lambda _: None)
    job = _Job(url, say, (baud,) if baud else bauds.candidates(url))
    started = time.monotonic()
    if image is not None:
        named(image)
    place = Place(url)
    open_port(url).close()  # no download for a board that is not there
    chip = job.at_a_rate_that_holds(lambda rate: chips.identify(url, baud=rate))
    identified = time.monotonic()
    say(f"chip: {chip.description}, {chip.flash_mb} MB flash, {chip.psram or 'no PSRAM in it'}")
    for note in chips.check(chip, board):
        say(f"note: {note}; what was read counts")
    what = _plan(board, chip, models, image, files)
    say(f"image: {what.micropython.name}, MicroPython {what.micropython.app.version}")
    regions = what.regions(chip.flash_mb << 20)
    size = sum(len(region.data) for region in regions)
    say(f"comparing and writing {size // 1024} KB: MicroPython and {len(what.files)} files")
    prepared = time.monotonic()

    def write(rate: int) -> writer.Written:
        return writer.flash(
            url,
            regions,
            baud=rate,
            erase=erase,
            skip=not erase,
            progress=progress,
        )

    try:
        written = job.at_a_rate_that_holds(write)
    except KeyboardInterrupt:
        say("stopped: the flash may be half written; the same command writes what is missing")
        raise
    bauds.remember(url, job.rates[0])
    start_s = None
    if wait:
        there = place.find_now(patience_s=_BACK_S)
        start_s = health.wait_until_well(there, on_log=on_log)
    skipped = sum(part.skipped for part in written.parts)
    return FlashReport(
        board=board.name,
        port=url,
        chip=chip.description,
        mac=chip.mac,
        image=what.micropython.name,
        micropython=what.micropython.app.version,
        n_files=len(what.files),
        baud=job.rates[0],
        written_bytes=size - skipped,
        skipped_bytes=skipped,
        verified_by=written.verified_by,
        esptool=written.esptool_version,
        identify_s=round(identified - started, 3),
        prepare_s=round(prepared - identified, 3),
        connect_s=written.connect_s,
        parts=written.parts,
        start_s=None if start_s is None else round(start_s, 3),
        seconds=round(time.monotonic() - started, 3),
    )


def _plan(
    board: Board,
    chip: ChipInfo,
    models: Sequence[str],
    image: Path | None,
    files: Mapping[str, bytes] | None,
) -> Plan:
    variant = chips.image_for(chip, board)
    what = plan(board, models, image=image, variant=variant, files=files)
    psram = chip.psram or board.psram
    what.micropython.check(chip.flash_mb << 20, psram.kind if psram else None, variant)
    return what
