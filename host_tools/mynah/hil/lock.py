"""One test session a port: a lock that other processes honour, and that dies with its holder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mynah.errors import PortError
from mynah.link.holders import who_holds
from mynah.userdirs import cache_dir

if TYPE_CHECKING:
    from types import TracebackType
    from typing import TextIO

    from typing_extensions import Self

_POLL_S = 0.2

if sys.platform == "win32":
    import msvcrt

    def _lock_file(file: TextIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock_file(file: TextIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class PortLock:
    """Holds a port for this process until `release`; a context manager.

    The lock is the operating system's, on a small file in the user's cache folder: when its holder
    ends, however that is, it is free. The file's content only says who has it.

    Args:
        url: device path (links are followed), ``rfc2217://host:port``, or another URL of what
            only one session may have.
        wait_s: how long to wait for another session to be done with it.

    Raises:
        PortError: another session has it; the message says which.
    """

    def __init__(self, url: str, *, wait_s: float = 0.0) -> None:
        self.url = url
        path = _path(url)
        deadline = time.monotonic() + wait_s
        while (file := _take(path)) is None:
            if time.monotonic() >= deadline:
                raise PortError(
                    f"{url} is in use by {_holder(path)}: wait for it (--board-wait SECONDS), or "
                    "take another port"
                )
            time.sleep(_POLL_S)
        self._file = file
        file.seek(0)
        file.truncate()
        json.dump({"pid": os.getpid(), "program": _program(), "since": time.time()}, file)
        file.flush()

    def release(self) -> None:
        """Let others have the port; may be called again."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def holder(url: str) -> str | None:
    """Which session has a port's lock; None: none has, or this cannot be known (not on Linux).

    The lock is not touched: a session that tries to take it meanwhile is not disturbed.
    """
    path = _path(url)
    return _holder(path) if who_holds(str(path)) else None


def _path(url: str) -> Path:
    """The lock's file; the computer's name is in it because a home folder may be shared."""
    real = url.rstrip("/") if "://" in url else os.path.realpath(url)
    digest = hashlib.sha256(f"{socket.gethostname()}\0{real}".encode()).hexdigest()
    return cache_dir("ports") / f"{digest[:20]}.lock"


def _take(path: Path) -> TextIO | None:
    # The file is never removed: two sessions could hold a lock on two files of the same name.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    file = os.fdopen(descriptor, "r+", encoding="utf-8")
    try:
        _lock_file(file)
    except OSError:
        file.close()
        return None
    return file


def _holder(path: Path) -> str:
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        told = json.loads(path.read_text(encoding="utf-8"))
        since = time.strftime("%H:%M:%S", time.localtime(told["since"]))
        return f"{told['program']} (process {told['pid']}) since {since}"
    return "another test session"


def _program() -> str:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    name = Path(sys.argv[0]).name or "python"
    return f"{name}, worker {worker}" if worker else name
