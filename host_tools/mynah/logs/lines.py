"""Cut what a serial port brings into lines of text, whatever the bytes are."""

from __future__ import annotations

import re

from mynah.improv import Splitter

MAX_LINE = 4096
"""Bytes after which a line without an end is cut."""

NOISE = "(no text: "
"""How the line begins that stands for bytes which are no text."""

_MIN_NOISE = 8  # bytes; fewer are shown as text with its control characters taken out
_NOISE_SHARE = 0.25
_MAX_NOISE = 1 << 20
_PREVIEW = 24
_BAD = r"\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\xff"
_LEADING = re.compile(rb"[%s]{%d,}" % (_BAD.encode(), _MIN_NOISE))
_CONTROLS = bytes([*range(9), *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F])
# Separates esptool's packets (SLIP, RFC 1055), and is in no UTF-8 text: the ROM's first line
# after a session of esptool is not to be lost behind one.
_SLIP_END = b"\xc0"
# MicroPython's answers in raw paste mode (docs, "The MicroPython Interactive Interpreter Mode"):
# R, 1, two bytes of window, a 1 for each window that was read, a 4 at the end.
_RAW_PASTE = re.compile(rb"R\x01..\x01*\x04?", re.DOTALL)


class LineSplitter:
    """Cuts a byte stream into lines; Improv's frames are left out, noise becomes one line.

    Noise is what a wrong baud rate, a reset or another program's packets look like. Runs of it
    are counted and told in one line, with the first bytes, when text follows or nothing does.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._frames = Splitter()
        self._noise = bytearray()
        self._n_noise = 0

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now."""
        _, text = self._frames.feed(data)
        *whole, self._rest = (self._rest + text).split(b"\n")
        found: list[str] = []
        for line in whole:
            self._take(line, found)
        while len(self._rest) > MAX_LINE:
            end = _end_of_character(self._rest, MAX_LINE)
            line, self._rest = self._rest[:end], self._rest[end:]
            self._take(line, found)
        return found

    @property
    def rest(self) -> str:
        """What has come of the line that has no end yet."""
        return _text(self._rest)

    def flush(self) -> list[str]:
        """The line that has no end yet, if any."""
        found: list[str] = []
        rest, self._rest = self._rest, b""
        if rest.strip():
            self._take(rest, found)
        self._tell_noise(found)
        return found

    def _take(self, line: bytes, found: list[str]) -> None:
        if _is_plain(line):
            if self._n_noise:
                self._tell_noise(found)
            found.append(_text(line))
            return
        if b"R\x01" in line:
            line = _RAW_PASTE.sub(b"", line)
        if _SLIP_END not in line:
            self._take_piece(line, found)
            return
        for piece in line.split(_SLIP_END):
            if piece.strip(b"\r"):
                self._take_piece(piece, found, packet=True)

    def _take_piece(self, piece: bytes, found: list[str], *, packet: bool = False) -> None:
        lead = _LEADING.match(piece)
        if lead and _is_noise(lead[0], packet=False):
            self._add_noise(lead[0])
            piece = piece[lead.end() :]
            if not piece.strip():
                return
        if _is_noise(piece, packet=packet):
            self._add_noise(piece)
            if self._n_noise > _MAX_NOISE:
                self._tell_noise(found)
            return
        self._tell_noise(found)
        found.append(_text(piece))

    def _add_noise(self, data: bytes) -> None:
        self._n_noise += len(data)
        self._noise += data[: _PREVIEW - len(self._noise)]

    def _tell_noise(self, found: list[str]) -> None:
        if self._n_noise:
            start = repr(bytes(self._noise))[2:-1]
            more = "..." if self._n_noise > len(self._noise) else ""
            found.append(f"{NOISE}{self._n_noise:,} bytes, {start}{more})")
            self._noise.clear()
            self._n_noise = 0


def _is_plain(line: bytes) -> bool:
    return line.isascii() and line.decode("ascii").rstrip("\r").isprintable()


def _is_noise(data: bytes, *, packet: bool) -> bool:
    if len(data) < _MIN_NOISE and not packet:
        return False
    text = data.decode("utf-8", "ignore").encode()
    bad = len(data) - len(text.translate(None, _CONTROLS))
    return bad > (0 if packet else len(data) * _NOISE_SHARE)


def _end_of_character(data: bytes, end: int) -> int:
    """``end``, or up to three bytes before, where no character of UTF-8 is cut."""
    for back in range(4):
        if data[end - back] & 0xC0 != 0x80:
            return end - back
    return end


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode("utf-8", "backslashreplace")
