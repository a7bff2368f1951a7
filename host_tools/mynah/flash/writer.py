"""Write images into a board's flash: one esptool session, every region verified."""

from __future__ import annotations

import re
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mynah.errors import BoardTimeoutError, MynahError, PortError, VerificationError
from mynah.flash import esptool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mynah.flash.plan import Region

DEFAULT_BAUD = 460800
PIECE_SIZE = 0x10000
"""Bytes of a filesystem that are compared, and skipped, at once: what the flash erases quickest."""

_VERIFIED_BY = "MD5 of every region, computed by the chip (esptool write-flash)"
_FILE = re.compile(r"Writing '.*' at (0x[0-9a-f]+)\.\.\.")
_WRITING = re.compile(r"Writing at (0x[0-9a-f]+).*?(\d+(?:\.\d+)?)%")
_SKIPPED = re.compile(r"at (0x[0-9a-f]+) already in flash, skipping write")
_VERIFIED = "Hash of data verified."


@dataclass(slots=True)
class Part:
    """What became of one region: bytes, and seconds (writing and verifying together)."""

    name: str
    offset: int
    size: int
    skipped: int = 0
    """Bytes of it that were in the flash already, by the chip's own MD5."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Written:
    """What a successful write tells."""

    esptool_version: str
    verified_by: str
    """How what was written was verified."""
    parts: list[Part] = field(default_factory=list)
    connect_s: float = 0.0
    """Seconds until the chip was ready to be written, the start of esptool among them."""


def flash(
    url: str,
    regions: Sequence[Region],
    *,
    baud: int = DEFAULT_BAUD,
    erase: bool = False,
    skip: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Written:
    """Write all regions in one esptool run, verify each, and start the board.

    Args:
        url: device path or ``rfc2217://host:port``.
        regions: what to write.
        baud: baud rate for the transfer.
        erase: erase the whole flash first, settings included.
        skip: leave out what the flash holds already.
        progress: called with the share that is written, 0 to 1.

    Raises:
        PortError: the port is missing or busy, or it vanished in mid-flash.
        BoardTimeoutError: nothing answers on the port, or no longer.
        VerificationError: the flash does not hold what was written.
    """
    pieces = [piece for region in regions for piece in _pieces(region)]
    watch = _Watch(regions, pieces, progress)
    options = ["--chip", "esp32s3", "--baud", str(baud), "--after", "hard-reset"]
    with tempfile.TemporaryDirectory(prefix="mynah-flash-") as folder:
        arguments = ["write-flash"]
        arguments += ["--erase-all"] if erase else ["--skip-flashed"] if skip else []
        for offset, data in pieces:
            path = Path(folder, f"{offset:08x}.bin")
            path.write_bytes(data)
            arguments += [f"{offset:#x}", str(path)]
        try:
            lines = esptool.run(url, arguments, options=options, on_line=watch.line)
        except (PortError, BoardTimeoutError) as error:
            if watch.started:
                raise _interrupted(url, watch.share, error) from error
            raise
    watch.check()
    return Written(_version(lines), _VERIFIED_BY, watch.parts, watch.connect_s)


def _pieces(region: Region) -> Iterable[tuple[int, bytes]]:
    """(offset, content) of the files that esptool compares and writes one by one."""
    size = PIECE_SIZE if region.divisible else max(len(region.data), 1)
    for start in range(0, len(region.data), size):
        yield region.offset + start, region.data[start : start + size]


def _version(lines: Sequence[str]) -> str:
    return next((line.split("v", 1)[1] for line in lines if line.startswith("esptool v")), "")


def _interrupted(url: str, share: float, error: MynahError) -> MynahError:
    what = "vanished" if isinstance(error, PortError) else "stopped answering"
    return type(error)(
        f"{url} {what} at {share:.0%}: the flash is half written and will not start; "
        "plug the board in again and run the same command again"
    )


class _Watch:
    """Makes of esptool's lines one share of the whole, and what became of each region."""

    def __init__(
        self,
        regions: Sequence[Region],
        pieces: Sequence[tuple[int, bytes]],
        progress: Callable[[float], None] | None,
    ) -> None:
        self.share = 0.0
        self.started = False
        self.parts = [Part(each.name, each.offset, len(each.data)) for each in regions]
        self.connect_s = 0.0
        self._sizes = {offset: len(data) for offset, data in pieces}
        self._total = sum(self._sizes.values()) or 1
        self._before = 0  # bytes of the pieces that are done
        self._current = 0  # bytes of the piece under way
        self._part: Part | None = None
        self._good = 0
        self._since = time.monotonic()
        self._progress = progress
        if len(pieces) == 1:  # esptool does not name a single file
            self._begin(pieces[0][0])

    def line(self, line: str) -> None:
        """Take a line of esptool's."""
        if found := _FILE.match(line):
            self._begin(int(found[1], 16))
        elif found := _WRITING.search(line):
            self.started = True
            self._show(float(found[2]) / 100)
        elif found := _SKIPPED.search(line):
            self._good += 1
            if self._part is not None:
                self._part.skipped += self._current
            self._show(1.0)
        elif line == _VERIFIED:
            self._good += 1
            self._show(1.0)
        if self._part is not None:
            now = time.monotonic()
            self._part.seconds += now - self._since
            self._since = now

    def check(self) -> None:
        """Raise VerificationError unless each piece was verified."""
        if self._good != len(self._sizes):
            raise VerificationError(
                f"esptool verified {self._good} of {len(self._sizes)} regions: flash again"
            )
        for part in self.parts:
            part.seconds = round(part.seconds, 3)

    def _begin(self, offset: int) -> None:
        now = time.monotonic()
        if self._part is None:
            self.connect_s = round(now - self._since, 3)
            self._since = now
        self._before += self._current
        self._current = self._sizes.get(offset, 0)
        self._part = max(
            (part for part in self.parts if part.offset <= offset), key=lambda part: part.offset
        )

    def _show(self, share: float) -> None:
        self.share = max(self.share, (self._before + self._current * share) / self._total)
        if self._progress:
            self._progress(self.share)
