"""SLIP (RFC 1055): packets on the serial port of the ROM loader and the flasher stub."""

from __future__ import annotations

_END = b"\xc0"
_ESC = b"\xdb"
_ESC_END = b"\xdb\xdc"
_ESC_ESC = b"\xdb\xdd"
_LONGEST = 1 << 18
"""Bytes after which something that never ends is taken for noise."""


def encode(packet: bytes) -> bytes:
    """``packet`` framed, ready for the wire."""
    return _END + packet.replace(_ESC, _ESC_ESC).replace(_END, _ESC_END) + _END


class Decoder:
    """Cuts a byte stream into packets; broken ones vanish, what follows them is found again."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes of the stream; give back the packets that they complete."""
        self._rest += data
        if _END not in data:
            if len(self._rest) > _LONGEST:
                self._rest.clear()
            return []
        *frames, rest = bytes(self._rest).split(_END)
        self._rest = bytearray(rest)
        return [packet for frame in frames if (packet := _unescape(frame))]


def _unescape(frame: bytes) -> bytes | None:
    if frame.count(_ESC) != frame.count(_ESC_END) + frame.count(_ESC_ESC):
        return None
    return frame.replace(_ESC_END, _END).replace(_ESC_ESC, _ESC)
