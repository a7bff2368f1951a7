"""Bring files onto a running board as one set: the power may fail at any moment.

What is new is written into ``/mynah.new`` and compared there; what is to go has an empty file
``X.gone`` there. Renaming that folder to ``/mynah.set`` is the one step that counts: LittleFS
renames atomically. From then on ``boot.py``, the first to run after any reset, moves every file to
its place, as often as it is interrupted, before anything else of the set runs
(``firmware/boot.py``).

So a board whose power fails starts with the old set or with the new one. The new files lie beside
the old ones meanwhile: there must be room for both.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from typing import TYPE_CHECKING, Protocol

from mynah.errors import BoardError
from mynah.link.repl import ReplError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

FOLDERS = ("/speaker", "/words", "/models")
"""The folders that belong to the firmware as a whole."""
SINGLE_FILES = ("/boot.py", "/main.py", "/board.json")
"""The firmware's files outside of them."""
_SETTINGS = ("/settings.a", "/settings.b", "/home/")  # firmware/speaker/util/files.py
_OWN = tuple(folder + "/" for folder in FOLDERS) + SINGLE_FILES + _SETTINGS

_STAGE = "/mynah.new"
_READY = "/mynah.set"
_BOOT = "/boot.py"
_GONE = ".gone"
_CHUNK = 2048  # bytes of a file in one piece: the board unpacks each by itself
_WINDOW_BITS = 12
_CODE_SIZE = 4096  # characters that are sent at once
_BLOCK = 4088
_SPARE_BLOCKS = 8
_NO_SPACE = re.compile(r"ENOSPC|\b28\b")
_N_SHOWN = 3

# Runs on the board before anything else.
_PRELUDE = f"""
import binascii, deflate, hashlib, io, os
def _hash(path):
    h, buf = hashlib.sha256(), memoryview(bytearray(1024))
    with open(path, "rb") as f:
        n = f.readinto(buf)
        while n:
            h.update(buf[:n])
            n = f.readinto(buf)
    return binascii.hexlify(h.digest()).decode()
def _walk(folder, do, leave=None):
    try:
        entries = list(os.ilistdir(folder or "/"))
    except OSError:
        return
    for entry in entries:
        path = folder + "/" + entry[0]
        if entry[1] == 0x4000:
            _walk(path, do, leave)
        else:
            do(path)
    if leave: leave(folder)
def _clear():
    _walk({_STAGE!r}, os.remove, os.rmdir)
def _try_hash(path):
    try:
        print(_hash(path), path)
    except OSError:
        pass
def _begin(path):
    global _file, _path
    _path = {_STAGE!r} + path
    at = _path.find("/", 1)
    while at > 0:
        try:
            os.mkdir(_path[:at])
        except OSError as e:
            if e.errno != 17: raise  # EEXIST
        at = _path.find("/", at + 1)
    _file = open(_path, "wb")
def _write(text, packed):
    data = binascii.a2b_base64(text)
    if packed:
        data = deflate.DeflateIO(io.BytesIO(data), deflate.RAW, {_WINDOW_BITS}).read()
    _file.write(data)
def _end(digest):
    _file.close()
    if _hash(_path) != digest: raise ValueError(_path + " was damaged on its way")
try:  # until something is written, LittleFS hides a file behind one whose move was cut off
    os.remove({_STAGE!r} + "/-")
except OSError:
    pass
_clear()
"""

# Folders grow while the files are moved, and boot.py must come to its end: where blocks are few,
# some are kept in a file that it deletes first. (os.statvfs counts each folder twice, and then may
# wrap, so it says too little.)
_COMMIT = f"""
_free = os.statvfs("/")[3]
if not %d <= _free < 1 << 31:
    with open({_STAGE!r} + "/-", "wb") as _file:
        for _ in range(%d): _file.write(bytes({_BLOCK}))
os.rename({_STAGE!r}, {_READY!r})
"""


class Console(Protocol):
    """Runs code in a board's MicroPython, as `mynah.link.repl.Repl` does."""

    def run(self, code: str) -> str:
        """What the code printed; `ReplError` if it raised an exception."""


def contents(console: Console) -> dict[str, str]:
    """SHA-256 by path of the firmware's files on the board; what a former try left is removed."""
    code = _PRELUDE
    code += "".join(f"_walk({folder!r}, _try_hash)\n" for folder in FOLDERS)
    code += "".join(f"_try_hash({path!r})\n" for path in SINGLE_FILES)
    lines = (line.split(" ", 1) for line in console.run(code).splitlines() if line.strip())
    return {path: digest for digest, path in lines}


def deliver(
    console: Console,
    changed: Mapping[str, bytes],
    stale: Iterable[str],
    progress: Callable[[float], None] | None = None,
) -> None:
    """Bring new content by path, and delete what is ``stale``; done at the next reset, or never.

    `contents` has been called before. The files are in their places after the next reset of the
    board, a soft one included.

    Raises:
        BoardError: the filesystem is full; nothing has changed.
        ReplError: the board raised something else; nothing has changed.
    """
    stale = list(stale)
    try:
        if _BOOT in changed:
            _renew_boot(console, changed[_BOOT])
        _stage(console, changed, stale, progress or (lambda _: None))
        folders = {path.rsplit("/", 1)[0] for path in (*changed, *stale)}
        spare = _SPARE_BLOCKS + 2 * len(folders)
        console.run(_COMMIT % (spare, spare))
    except ReplError as error:
        console.run("try: _file.close()\nexcept (NameError, OSError): pass\n_clear()")
        if _NO_SPACE.search(error.exception):
            raise _full(console, sum(map(len, changed.values()))) from error
        raise


def foreign(console: Console) -> dict[str, int]:
    """Size by path of the files that are neither the firmware's nor its settings."""
    code = "_walk('', lambda path: print(os.stat(path)[6], path))"
    lines = (line.split(" ", 1) for line in console.run(code).splitlines() if line.strip())
    return {path: int(size) for size, path in lines if not path.startswith(_OWN)}


def remove(console: Console, paths: Iterable[str]) -> None:
    """Delete files, and the folders that are empty then."""
    for path in paths:
        console.run(
            f"os.remove({path!r})\n_p = {path!r}.rsplit('/', 1)[0]\n"
            "while _p and not os.listdir(_p):\n os.rmdir(_p)\n _p = _p.rsplit('/', 1)[0]"
        )


def _renew_boot(console: Console, data: bytes) -> None:
    """Where ``boot.py`` does not know of ``/mynah.set`` yet, put the new one in its place first."""
    knows = f"try: print({_READY!r} in open({_BOOT!r}).read())\nexcept OSError: print(False)"
    if console.run(knows).strip() == "True":
        return
    for code in _sent({_BOOT: data}):
        console.run(code)
    console.run(f"os.rename({_STAGE + _BOOT!r}, {_BOOT!r})")


def _stage(
    console: Console,
    changed: Mapping[str, bytes],
    stale: Sequence[str],
    progress: Callable[[float], None],
) -> None:
    pieces = [*_sent(changed), *_sent({path + _GONE: b"" for path in stale})]
    total = sum(map(len, pieces)) or 1
    batch, done = "", 0
    for piece in pieces:
        batch += piece
        if len(batch) >= _CODE_SIZE or piece is pieces[-1]:
            console.run(batch)
            done += len(batch)
            batch = ""
            progress(done / total)


def _sent(files: Mapping[str, bytes]) -> Iterator[str]:
    """Code, in pieces, that writes files into the folder on the board and compares them."""
    for path, data in files.items():
        yield f"_begin({path!r})\n"
        for start in range(0, len(data), _CHUNK):
            chunk = data[start : start + _CHUNK]
            packer = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW_BITS)
            packed = packer.compress(chunk) + packer.flush()
            smaller = len(packed) < len(chunk)
            text = base64.b64encode(packed if smaller else chunk).decode()
            yield f"_write({text!r}, {smaller})\n"
        yield f"_end({hashlib.sha256(data).hexdigest()!r})\n"


def _full(console: Console, n_bytes: int) -> BoardError:
    others = sorted(foreign(console).items(), key=lambda item: -item[1])
    advice = "take fewer or smaller models"
    if others:
        names = ", ".join(f"{path} {_kb(size)}" for path, size in others[:_N_SHOWN])
        more = f" and {len(others) - _N_SHOWN} more" if len(others) > _N_SHOWN else ""
        advice = (
            f"files that are not the speaker's: {names}{more}; "
            "save what you need (`mpremote fs cp`), `mynah deploy --clean` removes them"
        )
    return BoardError(
        f"the board's filesystem is full: {_kb(n_bytes)} are to be written beside the old files, "
        f"which are intact; {advice}"
    )


def _kb(n_bytes: int) -> str:
    return f"{-(-n_bytes // 1024)} KB"
