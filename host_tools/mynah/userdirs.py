"""Where Mynah keeps a user's files: what can be made again, and what cannot."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_APP = "mynah"


def cache_dir(*parts: str) -> Path:
    """A folder for what can be made again; ``MYNAH_CACHE`` moves the root. It exists after this."""
    root = os.environ.get("MYNAH_CACHE") or platformdirs.user_cache_dir(_APP, appauthor=False)
    return _make(Path(root, *parts))


def config_dir() -> Path:
    """A folder for what the user would miss; ``MYNAH_CONFIG`` moves it. It exists after this."""
    root = os.environ.get("MYNAH_CONFIG") or platformdirs.user_config_dir(_APP, appauthor=False)
    return _make(Path(root))


def data_dir() -> Path:
    """A folder for what was measured here; ``MYNAH_DATA`` moves it. It exists after this."""
    root = os.environ.get("MYNAH_DATA") or platformdirs.user_data_dir(_APP, appauthor=False)
    return _make(Path(root))


def _make(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file as a whole: a reader, or a crash, meets the old or the new content.

    Raises:
        OSError: the file cannot be written; the old one is still there.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
