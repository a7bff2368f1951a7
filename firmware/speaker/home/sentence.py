"""Cuts a sentence into what is known: names of devices and rooms, numbers, words of the data files.

The longest piece that is known counts; where two are as long, a name counts more than a word. What
is not known stays as it is: it may be part of a name.
"""

from speaker.home.text import boundaries, is_digit, is_han
from speaker.home.words import Words
from speaker.util.hints import Any, Iterator

# Kinds of tokens besides those of the data files.
NAME = "name"  # of a device; its value is the device
PLACE = "place"  # a room that a device is in; its value is the room's key
NUMBER = "number"  # its value is the number
UNKNOWN = "unknown"

_NO_WORDS = " '-%\xb0"  # mean something only where a phrase has them


class Token:
    """A piece of the sentence: what it is (`kind`, `value`), and how it was said."""

    def __init__(self, kind: str, value: Any, text: str, language: str = "") -> None:
        self.kind = kind
        self.value = value
        self.text = text
        self.language = language


def place_of(device: Any, words: Words) -> str:
    """What the device's room is compared by, or "".

    A room of the data files is the same in all languages. A device without a room may have one in
    its name.
    """
    if device.place is None:
        room = device.said_room
        if room:
            meaning = words.meaning(room)
            device.place = meaning[1] if meaning and meaning[0] == "room" else room
        else:
            device.place = _room_in(device.said, words)
    return device.place


def _room_in(name: str, words: Words) -> str:
    bounds = boundaries(name)
    for at in range(len(name)):
        found = words.find(name, at, bounds) if bounds[at] else None
        if found and found[1] == "room":
            return found[2]
    return ""


def tokens(text: str, devices: list, words: Words) -> Iterator[Token]:
    """The tokens of folded text. A generator, so that long sentences can be cut a bit at a time.

    Of a script without spaces, each unknown letter is a token; `join` puts them together.
    """
    bounds = boundaries(text)
    rooms = {device.said_room: place_of(device, words) for device in devices if device.said_room}
    places = {place_of(device, words) for device in devices}
    at = 0
    while at < len(text):
        if text[at] in _NO_WORDS and not words.find(text, at, bounds):
            at += 1
            continue
        end, token = _known(text, at, bounds, devices, rooms, words)
        if token is None:
            end = at + 1
            while not (bounds[end] or is_han(text[at])):
                end += 1
            token = Token(UNKNOWN, "", text[at:end])
        elif token.kind == "room" and token.value in places:
            token.kind = PLACE
        at = end
        yield token


def _known(
    text: str, at: int, bounds: bytearray, devices: list, rooms: dict, words: Words
) -> tuple:
    """`(end, token)` of the longest piece that is known; the token is None when none is."""
    end, token = at, None
    if not bounds[at]:
        return end, token
    for device in devices:
        stop = at + len(device.said)
        if stop > end and text.startswith(device.said, at) and bounds[stop]:
            end, token = stop, Token(NAME, device, device.said)
    for room, key in rooms.items():
        stop = at + len(room)
        if stop > end and text.startswith(room, at) and bounds[stop]:
            end, token = stop, Token(PLACE, key, room)
    found = words.find(text, at, bounds)
    if found and found[0] > end:
        end, kind, value, language = found
        token = Token(kind, value, text[at:end], language)
    stop = _end_of_number(text, at)
    if stop > end and bounds[stop]:
        end, token = stop, Token(NUMBER, float(text[at:stop]), text[at:stop])
    return end, token


def _end_of_number(text: str, at: int) -> int:
    """Where a number in digits ends; `at` when there is none."""
    end = at + 1 if text[at] == "-" else at
    while end < len(text) and (is_digit(text[end]) or (text[end] == "." and end > at)):
        end += 1
    return end if end > at and text[at:end].count(".") < 2 else at


def join(found: list) -> list:
    """The tokens, unknown letters side by side put together."""
    joined: list = []
    for token in found:
        last = joined[-1] if joined else None
        if last is not None and _is_letter(last) and _is_letter(token):
            last.text += token.text
        else:
            joined.append(token)
    return joined


def _is_letter(token: Token) -> bool:
    return token.kind == UNKNOWN and is_han(token.text[0])
