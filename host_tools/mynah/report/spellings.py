"""The ways in which a secret may be written down: as text, in hex, in base64, escaped."""

from __future__ import annotations

import base64
import contextlib
import html
import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORTEST = 6  # characters of a piece of base64 that are worth looking for
# Between two bytes in hex: nothing, ":", " ", ", 0x", "\x", or the end of a line of a dump.
_BETWEEN_BYTES = r"[^0-9A-Za-z]{0,6}(?:0?x)?"
_BETWEEN_NUMBERS = r"\D{1,4}"
_ONE_BYTE = 256
_RUNS = re.compile(r"\\+|.", re.DOTALL)
# No text may be found in two ways, and no repetition be without a bound: a search that fails, as
# in a long row of backslashes, would take for ever.
_MOST_ESCAPES = 16  # JSON in JSON in JSON in JSON
_LINE_END = r"[\r\n]{0,2}"
_LINE_END_OR_JSONS = r"(?:\\[rn]|[\r\n]){0,2}"


def pattern(secret: bytes) -> re.Pattern[str]:
    """Finds a secret in a text, however it is written, in whatever case, and across line ends.

    Args:
        secret: its bytes; a text's are those of its UTF-8.
    """
    found = [_BETWEEN_BYTES.join(f"{byte:02x}" for byte in secret)]
    found.append(rf"(?<!\d){_BETWEEN_NUMBERS.join(map(str, secret))}(?!\d)")
    found.append(_escaped(repr(secret)[2:-1]))
    found += [_in_lines(piece) for piece in _in_base64(secret)]
    with contextlib.suppress(UnicodeDecodeError):
        found.append(_escaped(secret.decode()))
    return re.compile("|".join(found), re.IGNORECASE)


def _escaped(text: str) -> str:
    """A regular expression for a text, each of whose characters may be escaped somehow."""
    return _LINE_END.join(map(_character, _RUNS.findall(text)))


def _in_lines(piece: str) -> str:
    """A regular expression for base64, whose letters and digits nobody escapes."""
    letters = [each if each.isalnum() else _character(each) for each in piece]
    return _LINE_END_OR_JSONS.join(letters) + r"(?:[A-Za-z0-9+/_-]?={1,2})?"


@cache
def _character(character: str) -> str:
    """One as it is, after backslashes (JSON in JSON has several), or by its number.

    A whole run of backslashes counts as one character.
    """
    if character.startswith("\\"):
        n = len(character)
        return rf"(?:(?<!\\)\\{{{n},{n * _MOST_ESCAPES}}}(?!\\)|(?:%5c|&#92;|&#x5c;){{{n}}})"
    escape = rf"\\{{1,{_MOST_ESCAPES}}}"
    number = ord(character)
    encoded = character.encode()
    utf16 = character.encode("utf-16-be").hex()
    ways = [
        rf"\\{{0,{_MOST_ESCAPES}}}" + re.escape(character),
        "".join(f"%{byte:02x}" for byte in encoded),
        "".join(rf"{escape}x{byte:02x}" for byte in encoded),
        "".join(rf"{escape}u{utf16[start : start + 4]}" for start in range(0, len(utf16), 4)),
        rf"{escape}U{number:08x}",
        rf"&#{number};",
        rf"&#x{number:x};",
    ]
    if html.escape(character) != character:
        ways.append(re.escape(html.escape(character)))
    if number < _ONE_BYTE:
        ways.append(rf"{escape}x{number:02x}")
    if character == " ":
        ways.append(r"\+")
    return f"(?:{'|'.join(ways)})"


def _in_base64(secret: bytes) -> Iterator[str]:
    """Wherever it lies in what was encoded: the characters that it alone decides, three shifts."""
    for n_before in range(3):
        n_after = -(n_before + len(secret)) % 3
        whole = base64.b64encode(bytes(n_before) + secret + bytes(n_after)).decode()
        # A character that shares bits with a neighbour is not the secret's alone.
        first = (0, 2, 3)[n_before]
        last = len(whole) - (0, 2, 3)[n_after]
        piece = whole[first:last]
        if len(piece) >= _SHORTEST:
            yield piece
            yield piece.replace("+", "-").replace("/", "_")
