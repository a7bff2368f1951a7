"""Write images into a board's flash: one esptool session, every region verified."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mynah.errors import BoardTimeoutError, MynahError, PortError, VerificationError
from mynah.flash import esptool

DEFAULT_BAUD = 460800

_VERIFIED_BY = "MD5 of every region, computed by the chip (esptool write-flash)"
_WRITING = re.compile(r"Writing at (0x[0-9a-f]+).*?(\d+(?:\.\d+)?)%")
_VERIFIED = "Hash of data verified."

Images = Sequence[tuple[int, bytes]]
"""What to write where: (offset in the flash, content)."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a successful write tells."""

    esptool_version: str
    verified_by: str
    """How what was written was verified."""


def flash(
    url: str,
    images: Images,
    *,
    baud: int = DEFAULT_BAUD,
    erase: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Written:
    """Write all images in one esptool run, verify each, and start the board.

    Args:
        url: device path or ``rfc2217://host:port``.
        images: what to write where; offsets are multiples of 4096.
        baud: baud rate for the transfer.
        erase: erase the whole flash first, settings included.
        progress: called with the share that is written, 0 to 1.

    Raises:
        PortError: the port is missing or busy, or it vanished in mid-flash.
        BoardTimeoutError: nothing answers on the port, or no longer.
        VerificationError: the flash does not hold what was written.
    """
    meter = _Meter(images, progress)
    options = ["--chip", "esp32s3", "--baud", str(baud), "--after", "hard-reset"]
    with tempfile.TemporaryDirectory(prefix="mynah-flash-") as folder:
        arguments = ["write-flash", *(["--erase-all"] if erase else [])]
        for offset, data in images:
            path = Path(folder, f"{offset:08x}.bin")
            path.write_bytes(data)
            arguments += [f"{offset:#x}", str(path)]
        try:
            lines = esptool.run(url, arguments, options=options, on_line=meter.line)
        except (PortError, BoardTimeoutError) as error:
            if meter.started:
                raise _interrupted(url, meter.share, error) from error
            raise
    if lines.count(_VERIFIED) != len(images):
        raise VerificationError(
            f"esptool verified {lines.count(_VERIFIED)} of {len(images)} regions: flash again"
        )
    return Written(_version(lines), _VERIFIED_BY)


def _version(lines: Sequence[str]) -> str:
    return next((line.split("v", 1)[1] for line in lines if line.startswith("esptool v")), "")


def _interrupted(url: str, share: float, error: MynahError) -> MynahError:
    what = "vanished" if isinstance(error, PortError) else "stopped answering"
    return type(error)(
        f"{url} {what} at {share:.0%}: the flash is half written and will not start; "
        "plug the board in again and run the same command again"
    )


class _Meter:
    """Turns esptool's lines, which count each file by itself, into one share of the whole."""

    def __init__(self, images: Images, progress: Callable[[float], None] | None) -> None:
        self.share = 0.0
        self.started = False
        self._images = images
        self._total = sum(len(data) for _, data in images)
        self._progress = progress

    def line(self, line: str) -> None:
        found = _WRITING.search(line)
        if not found:
            return
        self.started = True
        address, percent = int(found[1], 16), float(found[2])
        before = sum(len(data) for offset, data in self._images if offset + len(data) < address)
        current = next(
            (len(data) for offset, data in self._images if offset <= address <= offset + len(data)),
            0,
        )
        self.share = max(self.share, (before + current * percent / 100) / self._total)
        if self._progress:
            self._progress(self.share)
