"""Every file that the firmware reads or writes: one table, one way to open them.

`FILES` is what `mynah privacy` tells: whoever needs a file adds a row and calls `open_file`; a test
sees to it that nothing else calls `open`. app/told_kept.py has what is said of it. A path may hold
one `*` for a name; tests may keep the files in a folder of their own, since only the end of a path
is looked at.
"""

import os

from speaker.util.hints import Any

READ = "read"
WRITTEN = "read and written"

# path -> access
FILES = {
    "/board.json": READ,
    "/models/*.wake": READ,
    "/words/*.txt": READ,
    "/settings.a": WRITTEN,
    "/settings.b": WRITTEN,
    "/home/*.a": WRITTEN,
    "/home/*.b": WRITTEN,
}


def open_file(path: str, mode: str) -> Any:
    """Open a file of the table. ValueError for one that is not in it, OSError as `open` does."""
    access = _access(path)
    if not access or (access != WRITTEN and mode not in ("r", "rb")):
        raise ValueError("speaker/util/files.py has no such file: %s, %s" % (path, mode))
    return open(path, mode)


def delete(path: str) -> None:
    """Delete a file of the table, if it is there. ValueError for one that must not be written."""
    if _access(path) != WRITTEN:
        raise ValueError("speaker/util/files.py has no such file: %s" % path)
    try:
        os.remove(path)
    except OSError:  # there was none
        pass


def make_folder(path: str) -> None:
    """Make the folder that files of the table with a `*` lie in, if it is not there yet."""
    try:
        os.mkdir(path)
    except OSError:  # it is there; if not, writing into it says so
        pass


def present() -> list:
    """The files of the table that there are, with their sizes: `/settings.a 345`."""
    found = []
    for pattern in FILES:
        folder, star, end = pattern.partition("*")
        names = [""]
        if star:
            names = [n for n in _listed(folder) if n.endswith(end)]
        for name in names:
            try:
                found.append("%s%s %d" % (folder, name, os.stat(folder + name)[6]))
            except OSError:
                pass
    return found


def _listed(folder: str) -> list:
    try:
        return os.listdir(folder.rstrip("/"))
    except OSError:
        return []


def _access(path: str) -> str:
    for pattern, access in FILES.items():
        folder, star, end = pattern.partition("*")
        if path.endswith(end if star else folder):
            return access
    return ""
