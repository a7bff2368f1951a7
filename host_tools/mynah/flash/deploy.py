"""Send a running board the firmware files that changed, and nothing else.

New files are written under temporary names first and take their places when all of them are
there: a board whose flash is full keeps what it had.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mynah import boards
from mynah.errors import BoardError, BoardTimeoutError, MynahError
from mynah.flash.files import arch_of, firmware_files
from mynah.link.repl import Repl, ReplError
from mynah.models import shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mynah.boards import Board
    from mynah.logs import LogRecord

OURS = ("/speaker", "/words", "/models")
"""The folders in which files that are no longer part of the firmware are deleted."""

_START_S = 20.0
_DRAFT = ".new"
_CHUNK = 1536
_NO_SPACE = re.compile(r"ENOSPC|\b28\b")

# Runs on the board. One line a file: its SHA-256 and its path.
_LIST = f"""
import binascii, gc, hashlib, os
def _hash(path):
    h, buf = hashlib.sha256(), memoryview(bytearray(1024))
    with open(path, "rb") as f:
        n = f.readinto(buf)
        while n:
            h.update(buf[:n])
            n = f.readinto(buf)
    print(binascii.hexlify(h.digest()).decode(), path)
def _walk(folder):
    try:
        entries = list(os.ilistdir(folder))
    except OSError:
        return
    for entry in entries:
        path = folder + "/" + entry[0]
        if entry[1] == 0x4000:
            _walk(path)
        elif path.endswith("{_DRAFT}"):
            os.remove(path)
        else:
            _hash(path)
def _try(path):
    try:
        _hash(path)
    except OSError:
        pass
"""
_MAKE_FOLDERS = """
def _folders(path):
    at = path.find("/", 1)
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError as e:
            if e.errno != 17: raise  # EEXIST
        at = path.find("/", at + 1)
"""
_MODELS_ON_BOARD = re.compile(r"/models/(.+)\.wake")


@dataclass(frozen=True, slots=True)
class DeployReport:
    """What was done to a board's files, as absolute paths; with ``dry_run``, what would be."""

    board: str
    port: str
    written: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    dry_run: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything differs from what was on the board."""
        return bool(self.written or self.deleted)


def deploy(
    url: str,
    *,
    board: Board | None = None,
    models: Sequence[str] | None = None,
    dry_run: bool = False,
    reset: bool = True,
    progress: Callable[[float], None] | None = None,
    on_log: Callable[[LogRecord], None] | None = None,
) -> DeployReport:
    """Bring the firmware files on a board up to date; settings and other files stay.

    Args:
        url: device path or ``rfc2217://host:port``.
        board: what it is; None: what its own ``/board.json`` says.
        models: wake-word models to have on it; None: those that are there.
        dry_run: compare only.
        reset: restart the board afterwards and wait until it is ready; without, it is left
            stopped.
        progress: called with the share that is sent, 0 to 1.
        on_log: called with each line of its log while it starts.

    Raises:
        PortError: the port is missing or busy, or vanished.
        BoardTimeoutError: no MicroPython answers, or it did not become ready afterwards.
        BoardError: the board's filesystem is full (the old files are intact), or broken.
    """
    with Repl(url) as repl:
        try:
            kind = board or _board_of(repl)
            report = _update(repl, kind, models, dry_run=dry_run, progress=progress)
        except MynahError:
            if reset:
                with contextlib.suppress(MynahError):  # the first error is what counts
                    next(repl.restart(0.0), None)
            raise
        if reset:
            _restart(repl, on_log or (lambda _: None))
    return report


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
        name = repl.value("__import__('json').load(open('/board.json'))['name']")
    except ReplError:
        raise BoardError(
            "the board does not say what it is: name it with --board, or flash it (`mynah flash`)"
        ) from None
    return boards.load(str(name))


def _update(
    repl: Repl,
    board: Board,
    models: Sequence[str] | None,
    *,
    dry_run: bool,
    progress: Callable[[float], None] | None,
) -> DeployReport:
    there = _hashes(repl)
    own: set[str] = set()  # models that this computer has no source of stay as they are
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
    stale = sorted(path for path in there if path.startswith(OURS) and path not in kept)
    if not dry_run:
        if changed:
            _write(repl, changed, progress or (lambda _: None))
        _delete(repl, stale)
    unchanged = sorted(set(files) - set(changed))
    return DeployReport(board.name, repl.url, sorted(changed), stale, unchanged, dry_run)


def _hashes(repl: Repl) -> dict[str, str]:
    """SHA-256 by path of the firmware's files on the board; drafts of before are removed."""
    code = _LIST
    code += "".join(f"_walk({folder!r})\n" for folder in OURS)
    code += "".join(f"_try({path!r})\n" for path in ("/boot.py", "/main.py", "/board.json"))
    lines = (line.split(" ", 1) for line in repl.run(code).splitlines() if line.strip())
    return {path: digest for digest, path in lines}


def _write(repl: Repl, files: Mapping[str, bytes], progress: Callable[[float], None]) -> None:
    repl.run(_MAKE_FOLDERS + "from binascii import a2b_base64 as _a\n")
    total = sum(len(data) for data in files.values()) or 1
    sent = 0
    try:
        for path, data in files.items():
            repl.run(f"_folders({path!r})\n_f = open({path + _DRAFT!r}, 'wb')\n_w = _f.write")
            for start in range(0, len(data), _CHUNK):
                chunk = base64.b64encode(data[start : start + _CHUNK])
                repl.run(f"_n = _w(_a({chunk!r}))")
                sent += len(chunk) * 3 // 4
                progress(min(1.0, sent / total))
            repl.run("_f.close()")
    except ReplError as error:
        _discard(repl, files)
        if _NO_SPACE.search(error.exception):
            raise BoardError(
                f"the board's filesystem is full: {total // 1024} KB are to be written; its old "
                "files are intact. Remove files of yours, or `mynah flash` it anew"
            ) from error
        raise
    for path in files:
        repl.run(f"os.rename({path + _DRAFT!r}, {path!r})")


def _discard(repl: Repl, files: Mapping[str, bytes]) -> None:
    """Remove the drafts, whichever of them exist."""
    drafts = [path + _DRAFT for path in files]
    repl.run(
        "try: _f.close()\nexcept OSError: pass\n"
        f"for _p in {drafts!r}:\n try: os.remove(_p)\n except OSError: pass\n"
    )


def _delete(repl: Repl, stale: Sequence[str]) -> None:
    """Remove files, and the folders that are empty then."""
    for path in stale:
        repl.run(f"os.remove({path!r})")
    folders = {path.rsplit("/", 1)[0] for path in stale} - set(OURS)
    for folder in sorted(folders, key=len, reverse=True):
        repl.run(f"try: os.rmdir({folder!r})\nexcept OSError: pass")
