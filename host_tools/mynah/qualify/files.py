"""Writes a card's files: all of them, or none."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from mynah.errors import UsageError
from mynah.qualify.card import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mynah.qualify.card import Card

_PICTURE_DPI = 90
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ENDS = (".html", ".pdf", ".json")


def check_apart(base: Path, others: Iterable[Path | None]) -> None:
    """Refuse another file's name that a card's file has.

    Raises:
        UsageError: one has it.
    """
    own = {base.with_name(base.name + end).absolute() for end in _ENDS}
    for path in others:
        if path is not None and path.absolute() in own:
            raise UsageError(f"{path} is the scorecard's own: name it otherwise")


def check_writable(base: Path | None) -> None:
    """Refuse a name whose folder is not there, before anything is measured.

    Raises:
        UsageError: it is not.
    """
    folder = (base or Path("x")).absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UsageError(f"--out: {folder} is no folder that can be written to")


def write(
    card: Card, base: Path, *, picture: Path | None = None, more: Mapping[Path, bytes] | None = None
) -> list[Path]:
    """Write the card's files beside each other; their paths.

    Args:
        card: it.
        base: their name without ``.json`` and the like.
        picture: of the sheet, as PNG; None: none.
        more: other files to write with them.

    Raises:
        UsageError: they cannot be written.
    """
    from mynah.qualify import page, sheet

    data = json.dumps(to_json(card), indent=1, ensure_ascii=False) + "\n"
    contents = (page.page(card).encode(), sheet.render(card), data.encode())
    files = {
        base.with_name(base.name + end): what for end, what in zip(_ENDS, contents, strict=True)
    }
    if picture is not None:
        files[picture] = sheet.render(card, "png", dpi=_PICTURE_DPI)
    return write_all(files | dict(more or {}))


def write_all(contents: Mapping[Path, bytes]) -> list[Path]:
    """Write files so that an interruption leaves all of the old ones or all of the new ones.

    Everything is written under other names first; then only renames follow.

    Raises:
        UsageError: they cannot be written.
    """
    for path in contents:
        if path.is_dir():
            raise UsageError(f"the scorecard cannot be written: {path} is a folder")
    drafts = {path.with_name(f".{path.name}.{os.getpid()}"): path for path in contents}
    try:
        for draft, path in drafts.items():
            draft.write_bytes(contents[path])
        with _undisturbed():
            for draft, path in drafts.items():
                draft.replace(path)
    except OSError as error:
        raise UsageError(f"the scorecard cannot be written: {error}") from None
    finally:
        for draft in drafts:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
    return list(contents)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C and the like wait until the block is done; they come to the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {n: signal.signal(n, lambda number, _frame: came.append(number)) for n in _STOPPING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    for number in came:
        signal.raise_signal(number)
