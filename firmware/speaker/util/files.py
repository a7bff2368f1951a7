"""Every file that the firmware reads or writes: one table, one way to open them.

`FILES` is what `mynah privacy` tells: whoever needs a file adds a row and calls `open_file`; a test
sees to it that nothing else calls `open`. A path may hold one `*` for a name; tests may keep the
files in a folder of their own, since only the end of a path is looked at.

    access  "read" or "read and written"
    secret  what of it is a secret, or "nothing"
    what    what it holds
"""

import os

from speaker.util.hints import Any

READ = "read"
WRITTEN = "read and written"

FILES = {
    "/board.json": {
        "access": READ,
        "secret": "nothing",
        "what": "which part is on which pin; from mynah flash",
    },
    "/models/*.wake": {
        "access": READ,
        "secret": "nothing",
        "what": "a wake word model; from mynah flash",
    },
    "/words/*.txt": {
        "access": READ,
        "secret": "nothing",
        "what": "what people say to home devices, in one language; from mynah flash",
    },
    "/settings.a": {
        "access": WRITTEN,
        "secret": "token, secure mode's key and Wi-Fi password, not encrypted",
        "what": "the settings listed here; first of two copies",
    },
    "/settings.b": {
        "access": WRITTEN,
        "secret": "token, secure mode's key and Wi-Fi password, not encrypted",
        "what": "the settings listed here; second of two copies",
    },
    "/home/*.a": {
        "access": WRITTEN,
        "secret": "the device's token, not encrypted",
        "what": "a home device: name, room, address, what it can; first of two copies",
    },
    "/home/*.b": {
        "access": WRITTEN,
        "secret": "the device's token, not encrypted",
        "what": "a home device: name, room, address, what it can; second of two copies",
    },
}

# What is read without `open_file`: code, by MicroPython itself.
SYSTEM_FILES = {
    "/boot.py, /main.py, /speaker/*": {
        "access": READ,
        "secret": "nothing",
        "what": "the firmware; from mynah flash and mynah deploy",
    },
    "/deploy/*": {
        "access": WRITTEN,
        "secret": "nothing",
        "what": "files of the firmware on their way in; from mynah deploy, moved at the next start",
    },
    "nvs partition": {
        "access": WRITTEN,
        "secret": "nothing",
        "what": "the radio's calibration, of ESP-IDF; MicroPython keeps no Wi-Fi password there",
    },
}


def open_file(path: str, mode: str) -> Any:
    """Open a file of the table. ValueError for one that is not in it, OSError as `open` does."""
    row = _row(path)
    if row is None or (row["access"] != WRITTEN and mode not in ("r", "rb")):
        raise ValueError("speaker/util/files.py has no such file: %s, %s" % (path, mode))
    return open(path, mode)


def delete(path: str) -> None:
    """Delete a file of the table, if it is there. ValueError for one that must not be written."""
    row = _row(path)
    if row is None or row["access"] != WRITTEN:
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


def _row(path: str) -> dict | None:
    for pattern, row in FILES.items():
        folder, star, end = pattern.partition("*")
        if path.endswith(end if star else folder):
            return row
    return None
