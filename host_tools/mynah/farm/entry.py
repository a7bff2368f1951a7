"""What a labgrid environment file says of a board, as an entry of a bench."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mynah.errors import BenchFileError
from mynah.hil import benchfile
from mynah.hil.software import PLAIN, SPEAKER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mynah.hil.benchfile import BenchBoard
    from mynah.hil.lending import Lender

KEYS = ("type", "power", "audio", "buttons", "second_radio", "address", "features", "notes")
"""The driver's arguments that are a bench file's keys."""


def bench_entry(
    name: str, arguments: Mapping[str, Any], lender: Lender, folder: Path
) -> BenchBoard:
    """The board of that name, as a bench file with the same keys would have it.

    Args:
        name: what tests and reports call it.
        arguments: of `mynah.farm.MynahBoardDriver`; None is what is not there.
        lender: where its port comes from.
        folder: what relative paths are relative to.

    Raises:
        BenchFileError: an argument breaks a rule of bench files; the message says which.
    """
    row = {key: arguments[key] for key in KEYS if arguments.get(key) is not None}
    try:
        (entry,) = benchfile.parse({"board": [{**row, "name": name, "port": "lent"}]})
    except BenchFileError as error:
        raise BenchFileError(f"target {name}: {error}") from None
    firmware = arguments.get("firmware")
    if firmware not in {None, PLAIN, SPEAKER}:
        firmware = str(folder / firmware)
    ready = arguments.get("ready")
    return replace(entry, port=None, lender=lender, firmware=firmware, ready=ready)
