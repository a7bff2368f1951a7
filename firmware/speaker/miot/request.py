"""The JSON inside the packets: requests of any legal form in, replies that fit a packet out."""

import json

from micropython import const

from speaker.miot import codec
from speaker.util.hints import Any

# What fits into the longest packet, beside header, NUL and padding.
MAX_TEXT = codec.MAX_PACKET - codec.HEADER - 17
# For the server's own: see there for the others.
TOO_LONG = const(-5001)

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_REPLACEMENT = b"\xef\xbf\xbd"  # U+FFFD, for half of a character


def parse(text: bytes) -> dict | None:
    """The request, with its `id` as an integer; None for what holds none.

    A byte order mark (RFC 8259, 8.1: a reader may ignore it) and NULs at the end are passed over.
    """
    if text.startswith(_BYTE_ORDER_MARK):
        text = text[3:]
    try:
        request = json.loads(whole_characters(text.rstrip(b"\x00")))
    except (ValueError, RuntimeError):
        return None
    number = whole(request.get("id")) if isinstance(request, dict) else None
    if number is None:
        return None
    request["id"] = number
    return request


def reply(number: int, kind: str, value: object) -> bytes:
    """The JSON text of a reply; `kind` is `result` or `error`. An error where it fits no packet."""
    # The id first, as every device sends it; a dict here has no order.
    text = json.dumps(value, separators=(",", ":"))
    answer = ('{"id":%d,"%s":%s}' % (number, kind, text)).encode()
    if len(answer) <= MAX_TEXT:
        return answer
    return reply(number, "error", {"code": TOO_LONG, "message": "reply too long: ask for less"})


def whole(value: Any) -> int | None:
    """A JSON number as an integer (some clients write 3.0 for 3), or None for what is none."""
    if isinstance(value, float):
        return int(value) if value - value == 0 and value == int(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None


def whole_characters(text: bytes) -> bytes:
    r"""JSON text with each pair of escaped surrogates (`\ud83d\ude00`) as the character it is.

    MicroPython's parser makes two characters of such a pair, which no UTF-8 can carry; and of an
    escape without four digits it makes anything. ValueError for that.
    """
    at = text.find(b"\\u")
    if at < 0:
        return text
    parts = []
    done = 0
    at = text.find(b"\\")
    while at >= 0:
        code = _unit(text, at)
        n = 6 if code >= 0 else 2
        if 0xD800 <= code < 0xE000:
            low = _unit(text, at + 6) if code < 0xDC00 else -1
            parts.append(text[done:at])
            if 0xDC00 <= low < 0xE000:
                n = 12
                parts.append(chr(0x10000 + ((code & 0x3FF) << 10 | (low & 0x3FF))).encode())
            else:
                parts.append(_REPLACEMENT)
            done = at + n
        at = text.find(b"\\", at + n)
    parts.append(text[done:])
    return b"".join(parts)


def _unit(text: bytes, at: int) -> int:
    """The UTF-16 code unit that is escaped at `at`, or -1 where none is."""
    if text[at : at + 2] != b"\\u":
        return -1
    digits = text[at + 2 : at + 6]
    if len(digits) < 4 or not all(digit in b"0123456789abcdefABCDEF" for digit in digits):
        raise ValueError("escape")
    return int(digits, 16)
