"""One reading of logs from start to end: what is shown, what is kept, when it stops."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from mynah.errors import BoardError, UsageError
from mynah.logs.keep import RotatingFile
from mynah.logs.show import TextShow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from typing_extensions import Self

    from mynah.logs.choose import Choice
    from mynah.logs.decode import Entry

_TRACEBACK = "Traceback"
# Ctrl-C, and the exception that MicroPython's soft reset is.
_BY_HAND = ("KeyboardInterrupt", "SystemExit")


def run(
    batches: Iterable[list[Entry]],
    choice: Choice,
    show: Callable[[Entry], str],
    ending: Ending,
    keeper: Keeper,
) -> None:
    """Show and keep what comes, until it ends or the ending is reached.

    Raises:
        BoardError: a board has failed, as ``ending`` defines it.
        UsageError: a file cannot be written any more.
    """
    for entries in batches:
        keeper.keep(entries)
        shown = []
        try:
            for entry in entries:
                if choice.takes(entry):
                    shown.append(show(entry))
                if ending.reached_by(entry):
                    return
        finally:
            if shown:
                sys.stdout.write("".join(shown))
                sys.stdout.flush()
    ending.finish()


class Ending:
    """When to stop: every board has said ``until``, or one has failed."""

    def __init__(
        self,
        boards: Sequence[str],
        until: re.Pattern[str] | None,
        fail: re.Pattern[str] | None,
        *,
        on_crash: bool,
    ) -> None:
        self._missing = set(boards)
        self._until = until
        self._fail = fail
        self._on_crash = on_crash
        self._crashes: dict[str, str] = {}
        self.reached = False

    def reached_by(self, entry: Entry) -> bool:
        """Whether that was the last line.

        Raises:
            BoardError: a board has failed; of a crash, when all of it was seen.
        """
        text = str(entry.record)
        if self._on_crash:
            self._look_for_crash(entry)
        if self._fail and self._fail.search(text):
            raise BoardError(f"{entry.board}: {text}")
        if self._until and self._until.search(text):
            self._missing.discard(entry.board)
            self.reached = not self._missing
        return self.reached

    def finish(self) -> None:
        """Nothing more comes.

        Raises:
            BoardError: the last thing that came was a crash.
        """
        for board, text in self._crashes.items():
            raise BoardError(f"{board} crashed: {text}")

    def _look_for_crash(self, entry: Entry) -> None:
        text = entry.record.text
        known = self._crashes.get(entry.board)
        if entry.kind == "panic":
            self._crashes[entry.board] = known or text
        elif entry.kind == "traceback":
            self._crashes[entry.board] = text
            if text.startswith(_BY_HAND):
                del self._crashes[entry.board]
            elif not text.startswith((" ", _TRACEBACK)):
                self.finish()
        elif known is not None:
            self.finish()

    def timeout_message(self, timeout_s: float | None) -> str:
        """What did not come."""
        assert self._until is not None
        when = f" in {timeout_s:g} s" if timeout_s is not None else ""
        where = f" from {', '.join(sorted(self._missing))}" if len(self._missing) > 1 else ""
        return f"no line with {self._until.pattern!r}{where}{when}"


class Keeper:
    """The files of ``--save``, one a board; a context manager."""

    def __init__(
        self, folder: Path | None, size: int, n_old: int, boards: Sequence[str], *, compress: bool
    ) -> None:
        self._show = TextShow([])
        self._files: dict[str, RotatingFile] = {}
        if folder is not None:
            for name in boards:
                path = folder / f"{_file_name(name)}.log"
                self._files[name] = RotatingFile(
                    path, max_size=size, n_old=n_old, compress=compress
                )

    def keep(self, entries: Sequence[Entry]) -> None:
        """Write one board's entries into its file, each whole.

        Raises:
            UsageError: the file cannot be written any more.
        """
        file = self._files.get(entries[0].board) if entries else None
        if file is None:
            return
        try:
            for entry in entries:
                file.write(self._show(entry))
        except OSError as error:
            raise UsageError(f"{file.path} cannot be written: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for file in self._files.values():
            file.close()


def _file_name(board: str) -> str:
    """A board's name, or its port, as a file's."""
    return re.sub(r"[^\w.-]+", "_", board.replace("rfc2217://", "")).strip("._") or "board"
