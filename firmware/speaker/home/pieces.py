"""Puts pieces of a sentence together that mean one thing, and sets exceptions apart."""

from micropython import const

from speaker.home.roles import modes_of
from speaker.home.sentence import NAME, UNKNOWN, Token
from speaker.home.text import is_han
from speaker.util.hints import Any

_MAX_MODE = const(3)  # words of a mode's name


def without_own_types(pieces: list) -> list:
    """The pieces without the type that follows a device's name: "the desk light" of a "desk"."""
    kept: list = []
    named: Any = None
    for token in pieces:
        if token.kind in {"type", "types"} and named is not None and named.type == token.value:
            continue
        if token.kind == NAME:
            named = token.value
        elif token.kind != "filler":
            named = None
        kept.append(token)
    return kept


def name_modes(pieces: list, devices: list) -> list:
    """The pieces, unknown ones that are a mode of a device ("straight wind") put together."""
    modes = modes_of(devices)
    named: list = []
    at = 0
    while at < len(pieces):
        end = at
        while end < min(len(pieces), at + _MAX_MODE) and pieces[end].kind == UNKNOWN:
            end += 1
        while end > at:
            text = " ".join([token.text for token in pieces[at:end]])
            if _is_mode(text, modes):
                break
            end -= 1
        named.append(Token("mode", text, text) if end > at else pieces[at])
        at = max(end, at + 1)
    return named


def _is_mode(text: str, modes: list) -> bool:
    plain = text.replace(" ", "")
    if len(plain) < 3 and not is_han(plain[0]):
        return False
    return any(mode.startswith(plain) for mode in modes)


def split(pieces: list) -> tuple:
    """The tokens but for the exception, and those of the exception (or None).

    An exception ends at a word that says so, or where what is to be done is said.
    """
    start = 0
    while start < len(pieces) and pieces[start].kind != "except":
        start += 1
    if start == len(pieces):
        return pieces, None
    end = start + 1
    while end < len(pieces) and pieces[end].kind not in {"except-end", "do", "verb"}:
        end += 1
    return pieces[:start] + pieces[end:], pieces[start + 1 : end]
