"""Read a log that was saved: bytes of a port, `mynah logs --save`, a copied terminal."""

from __future__ import annotations

import gzip
import io
import re
import time
from typing import TYPE_CHECKING, BinaryIO, cast

from mynah.logs.lines import LineSplitter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mynah.logs.decode import Decoder, Entry

_CHUNK = 1 << 16
_GZIP = b"\x1f\x8b"
_HOST_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)\.(\d{3}) ")
_OLD_NOTE = "    -> "


def read(file: BinaryIO, decoder: Decoder) -> Iterator[list[Entry]]:
    """The entries of a file, decoded anew; it may be compressed with gzip.

    A line that begins with the host's time keeps it (of today); notes of a former reading go.
    """
    now = time.time()
    splitter = LineSplitter()
    stream = _unpacked(file)
    while chunk := stream.read(_CHUNK):
        yield _entries(splitter.feed(chunk), decoder, now)
    yield _entries(splitter.flush(), decoder, now)


def _entries(lines: list[str], decoder: Decoder, now: float) -> list[Entry]:
    found = []
    for line in lines:
        if line.startswith(_OLD_NOTE):
            continue
        at = now
        match = _HOST_TIME.match(line)
        if match:
            hour, minute, second, ms = map(int, match.groups())
            day = time.localtime(now)
            clock = (*day[:3], hour, minute, second, *day[6:8], -1)
            at = time.mktime(cast("time.struct_time", clock)) + ms / 1000
        found.append(decoder.take(line[match.end() :] if match else line, at))
    return found


def _unpacked(file: BinaryIO) -> BinaryIO:
    start = file.read(len(_GZIP))
    whole = cast("BinaryIO", io.BufferedReader(_Joined(start, file)))
    return cast("BinaryIO", gzip.open(whole, "rb")) if start == _GZIP else whole


class _Joined(io.RawIOBase):
    """Some bytes, then the rest of a file that cannot be rewound."""

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start = start
        self._rest = rest

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a buffer."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._start[: len(view)] or self._rest.read(len(view))
        self._start = self._start[len(data) :] if self._start else b""
        view[: len(data)] = data
        return len(data)
