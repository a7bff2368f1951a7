"""Text as the speaker compares it: lower case, no punctuation, one space between words."""

from micropython import const

_FULL_WIDTH = const(0xFF01)  # of "!"; the 94 forms after it are ASCII's
_FULL_WIDTH_END = const(0xFF5E)
_HAN = const(0x2E80)  # from here on there are no spaces between words
_PUNCTUATION = const(0x2000)  # general punctuation, to 0x2BFF with arrows and symbols
_CJK_PUNCTUATION = const(0x3000)
_PICTURES = const(0x1F000)

_KEPT = "%'"
_DIGITS = "0123456789"
_DEGREE = "\xb0"


def fold(text: str) -> str:
    """`text` in lower case (Latin, Greek, Cyrillic), with spaces for what says nothing.

    Kept: letters, digits, %, the degree sign, apostrophes, a point between digits and a minus
    before one.
    """
    characters = [_lower(c) for c in text.replace("\u2103", "\xb0c")]  # one sign for "degrees C"
    characters.append(" ")
    folded = []
    for i in range(len(characters) - 1):
        character = characters[i]
        if character in ".-":
            digit_next = characters[i + 1] in _DIGITS
            digit_before = i > 0 and characters[i - 1] in _DIGITS
            bare = i == 0 or characters[i - 1] == " "
            if not (digit_next and (digit_before if character == "." else bare)):
                character = " "
        elif not (is_word(character) or is_han(character) or character in _KEPT + _DEGREE):
            character = " "
        folded.append(character)
    return " ".join("".join(folded).split())


def is_word(character: str) -> bool:
    """Whether it is part of a word of a language with spaces between words; digits are, too."""
    if "a" <= character <= "z" or character in _DIGITS:
        return True
    code = ord(character)
    return 0xC0 <= code < _PUNCTUATION or 0x2C00 <= code < _HAN


def is_han(character: str) -> bool:
    """Whether it belongs to a script without spaces."""
    code = ord(character)
    if code < _HAN or code >= _PICTURES:
        return False
    return not (_CJK_PUNCTUATION <= code < 0x3005 or 0x3008 <= code <= 0x3020 or code >= 0xFE00)


def is_digit(character: str) -> bool:
    """Whether it is one of 0 to 9."""
    return character in _DIGITS


def boundaries(text: str) -> bytearray:
    """For each place in folded text, and its end, 1 where a word may begin or end."""
    bounds = bytearray(len(text) + 1)
    before = " "
    for i, after in enumerate(text + " "):
        joined = is_word(before) and is_word(after)
        # 4000k and 26c are a number and a word.
        if not joined or (before in _DIGITS and after not in _DIGITS):
            bounds[i] = 1
        before = after
    return bounds


def _lower(character: str) -> str:
    code = ord(character)
    if code == 0x2019:  # an apostrophe as word processors have it
        return "'"
    if _FULL_WIDTH <= code <= _FULL_WIDTH_END:
        character = chr(code - _FULL_WIDTH + 0x21)
        code = ord(character)
    if code < 0x80:
        return character.lower()
    if 0xC0 <= code <= 0xDE and code != 0xD7:
        return chr(code + 0x20)
    if 0x100 <= code <= 0x137 or 0x14A <= code <= 0x177:
        return chr(code | 1)
    if 0x139 <= code <= 0x148 or 0x179 <= code <= 0x17E:
        return chr(code + 1 & ~1)
    if 0x391 <= code <= 0x3A9 or 0x410 <= code <= 0x42F:
        return chr(code + 0x20)
    if 0x400 <= code <= 0x40F:
        return chr(code + 0x50)
    return character
