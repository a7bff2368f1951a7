"""Send a running board the firmware files that changed, all of them or none."""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mynah.errors import BoardError, BoardTimeoutError, MynahError
from mynah.flash import delivery
from mynah.flash.files import arch_of, firmware_files
from mynah.flash.plan import DEFAULT_MODELS
from mynah.flash.rescue import hold
from mynah.flash.which import said_by
from mynah.link.repl import ReplError
from mynah.models import shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mynah.boards import Board
    from mynah.link.repl import Repl
    from mynah.logs import LogRecord

_START_S = 20.0
_PACKAGE = "/speaker/"
_MODELS_ON_BOARD = re.compile(r"/models/(.+)\.wake")


@dataclass(frozen=True, slots=True)
class DeployReport:
    """What was done to a board's files, as absolute paths; with ``dry_run``, what would be."""

    board: str
    port: str
    written: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    cleaned: list[str] = field(default_factory=list)
    """Files that were neither the firmware's nor its settings."""
    dry_run: bool = False
    seconds: float = 0.0

    @property
    def changed(self) -> bool:
        """Whether anything differs from what was on the board."""
        return bool(self.written or self.deleted)


def deploy(
    url: str,
    *,
    board: Board | None = None,
    models: Sequence[str] | None = None,
    clean: bool = False,
    dry_run: bool = False,
    reset: bool = True,
    progress: Callable[[float], None] | None = None,
    on_log: Callable[[LogRecord], None] | None = None,
) -> DeployReport:
    """Bring the firmware files on a board up to date; settings and other files stay.

    If the power or the cable fails meanwhile, the board has the old files or the new ones, never
    some of each (`mynah.flash.delivery`).

    Args:
        url: device path or ``rfc2217://host:port``.
        board: what it is; None: what its own ``/board.json`` says.
        models: wake-word models to have on it; None: those that are there (on a board without our
            firmware: the usual one).
        clean: delete first what is neither the firmware's nor its settings.
        dry_run: compare only.
        reset: restart the board afterwards and wait until it is ready; without, it is left
            stopped.
        progress: called with the share that is sent, 0 to 1.
        on_log: called with each line of its log while it starts.

    Raises:
        PortError: the port is missing or busy, or vanished.
        BoardTimeoutError: it cannot be stopped or has no MicroPython, or it did not become ready
            afterwards; the message says what to do.
        BoardError: the board's filesystem is full (the old files are intact), or broken.
    """
    started = time.monotonic()
    with hold(url) as repl:
        try:
            kind = board or _board_of(repl)
            report = _update(repl, kind, models, clean=clean, dry_run=dry_run, progress=progress)
        except MynahError:
            if reset:
                with contextlib.suppress(MynahError):  # the first error is what counts
                    next(repl.restart(0.0), None)
            raise
        except KeyboardInterrupt:
            repl.give_up()
            raise
        if reset:
            _restart(repl, on_log or (lambda _: None))
        elif report.changed:
            repl.soft_reset()  # boot.py puts the files in their places
    return replace(report, seconds=round(time.monotonic() - started, 3))


def _restart(repl: Repl, on_log: Callable[[LogRecord], None]) -> None:
    for record in repl.restart(_START_S):
        on_log(record)
        if record.source == "app" and record.text.startswith("ready"):
            return
    raise BoardTimeoutError(
        f"the files are on the board, but it did not become ready in {_START_S:g} s: "
        f"`mynah logs --port {repl.url}` shows what it says"
    )


def _board_of(repl: Repl) -> Board:
    try:
        return said_by(repl)
    except ReplError:
        raise BoardError(
            "the board does not say what it is: name it with --board, or flash it (`mynah flash`)"
        ) from None


def _update(
    repl: Repl,
    board: Board,
    models: Sequence[str] | None,
    *,
    clean: bool,
    dry_run: bool,
    progress: Callable[[float], None] | None,
) -> DeployReport:
    there = delivery.contents(repl)
    own: set[str] = set()  # models that this computer has no source of stay as they are
    if models is None and not any(path.startswith(_PACKAGE) for path in there):
        models = DEFAULT_MODELS  # a board without our firmware
    if models is None:
        on_board = {m[1]: path for path in there if (m := _MODELS_ON_BOARD.fullmatch(path))}
        models = [name for name in on_board if name in shipped()]
        own = {path for name, path in on_board.items() if name not in models}
    files = firmware_files(board, models, arch_of(board))
    changed = {
        path: data
        for path, data in files.items()
        if there.get(path) != hashlib.sha256(data).hexdigest()
    }
    kept = own | files.keys()
    stale = sorted(path for path in there if path not in kept)
    cleaned = sorted(delivery.foreign(repl)) if clean else []
    if not dry_run:
        delivery.remove(repl, cleaned)
        if changed or stale:
            delivery.deliver(repl, changed, stale, progress)
    return DeployReport(
        board=board.name,
        port=repl.url,
        written=sorted(changed),
        deleted=stale,
        unchanged=sorted(set(files) - set(changed)),
        cleaned=cleaned,
        dry_run=dry_run,
    )
