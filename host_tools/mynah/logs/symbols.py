"""Addresses of a panic's backtrace to functions and lines, with `esp_idf_panic_decoder`.

It finds which addresses are code in the ELF file and asks ``addr2line``, which has to be there:
Espressif's toolchain, or GNU binutils of any kind (line numbers are the same for every processor).
"""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mynah.errors import UsageError
from mynah.logs.panics import counters, region

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOOL = "addr2line"
_PREFIXES = ("xtensa-esp32s3-elf-", "xtensa-esp-elf-", "")
_ELF_MAGIC = b"\x7fELF"
# Where Espressif's installer puts its tools (ESP-IDF Programming Guide, "IDF_TOOLS_PATH").
_ESPRESSIF = "tools/xtensa-esp-elf/*/xtensa-esp-elf/bin"

NO_ELF = (
    "no symbols: give the ELF file that was built with this firmware (--elf firmware.elf); "
    "micropython.org offers it beside each .bin"
)
NO_TOOL = (
    "no symbols: addr2line is not on this computer; install binutils (Debian: apt install "
    "binutils) or Espressif's toolchain"
)


class Symbols:
    """Looks up addresses.

    Args:
        elf_files: ELF files of what runs on the chip, in order; none: only regions are told.

    Raises:
        UsageError: a file is missing or is not an ELF file.
    """

    def __init__(self, elf_files: Sequence[Path] = ()) -> None:
        for path in elf_files:
            _check(path)
        self._elf_files = [str(path) for path in elf_files]
        self._prefix = _toolchain() if elf_files else None

    def explain(self, line: str) -> list[str]:
        """A line for each address of code in a backtrace's line, or what is missing."""
        if not self._elf_files:
            return [*_regions(line), NO_ELF]
        if self._prefix is None:
            return [*_regions(line), NO_TOOL]
        found = self._translate(line)
        return found or [*_regions(line), "no symbols: this ELF file has no code at the addresses"]

    def where(self, address: str) -> str | None:
        """Function, file and line of one address; None where that is not known."""
        found = self._translate(address) if self._prefix is not None else []
        return found[0] if found else None

    def _translate(self, line: str) -> list[str]:
        from esp_idf_panic_decoder import PcAddressDecoder

        assert self._prefix is not None
        # It prints what goes wrong on stderr, in red: what there is to say is said by the caller.
        with contextlib.redirect_stderr(io.StringIO()):
            decoded = PcAddressDecoder(self._prefix, self._elf_files).translate_addresses(line)
        told = []
        for address, calls in decoded:
            for depth, call in enumerate(calls):
                where = f"{call.path}:{call.line}" if call.line else call.path
                how = "inlined into" if depth else address
                told.append(f"{how} {call.func} at {where}")
        return told


def _regions(line: str) -> list[str]:
    """Where the calls of a backtrace lie, as far as the address alone tells."""
    return [f"{counter} is {region(int(counter, 16))}" for counter in counters(line)]


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(len(_ELF_MAGIC))
    except OSError as error:
        raise UsageError(f"--elf {path}: {error.strerror}") from None
    if start != _ELF_MAGIC:
        raise UsageError(f"--elf {path}: that is no ELF file; the .bin that is flashed is none")


def _toolchain() -> str | None:
    """What stands before ``addr2line`` in the name of the one that is here."""
    for prefix in _PREFIXES:
        if shutil.which(prefix + _TOOL):
            return prefix
    for folder in sorted(Path.home().joinpath(".espressif").glob(_ESPRESSIF), reverse=True):
        if (folder / f"xtensa-esp32s3-elf-{_TOOL}").exists():
            return f"{folder}/xtensa-esp32s3-elf-"
    return None
