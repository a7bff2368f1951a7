"""What phrases mean, and what the speaker says, from data files; words/en.txt explains them.

Everything lies in a few runs of bytes, the phrases sorted: a third of what dicts would take.
"""

import asyncio
import os

from micropython import const

from speaker.home.text import is_han
from speaker.util.files import open_file
from speaker.util.hints import Any, Iterator

_AT_ONCE = const(64)  # phrases between two turns of others
_RUN_BITS = const(13)


class Words:
    """Phrases of all languages: `find` the longest one at a place in a text."""

    def __init__(self) -> None:
        self._lines: list = []  # until `finish`: b"phrase\twhere its meaning is\n"
        self._phrases = b""
        self._meanings: Any = bytearray()  # b"kind\tvalue\tlanguage\n"
        self._said: dict = {}  # language -> b"\nwhat\ttemplate|template\n"
        self._runs: dict = {}  # start of a phrase -> where its run is in the phrases
        self._longest = 0
        self._longest_han = 0

    def add(self, language: str, line: str) -> None:
        """Take a line of a file; ValueError for one that cannot be.

        Its phrases are as `fold` would make them (a test of the files sees to that).
        """
        line = line.strip()
        if not line or line.startswith("#"):
            return
        head, colon, tail = line.partition(":")
        kind, _, value = head.partition(" ")
        value = value.strip()
        tail = tail.strip()
        if not colon or not tail:
            raise ValueError("not `KIND VALUE: phrase | phrase`: " + line)
        if kind == "say":
            self._add_said(language, value, tail)
            return
        if kind == "role" and " " not in value:
            self._add_said(language, "role " + value, tail.partition("|")[0].strip())
        at = len(self._meanings)
        self._meanings.extend(("%s\t%s\t%s\n" % (kind, value, language)).encode())
        for phrase in tail.split("|"):
            key = phrase.strip()
            if is_han(key[0]):
                self._longest_han = max(self._longest_han, len(key))
            self._longest = max(self._longest, len(key))
            self._lines.append(b"%s\t%d\n" % (key.encode(), at))

    def _add_said(self, language: str, what: str, template: str) -> None:
        said = self._said.setdefault(language, bytearray(b"\n"))
        said.extend(("%s\t%s\n" % (what, template)).encode())

    def finish(self) -> Iterator[None]:
        """Every line is there: make them quick to find, a bit at a time."""
        self._lines.sort()
        at = 1
        for i, line in enumerate(self._lines):
            # One small integer: where the run starts, and how long it is.
            run = self._runs.get(_start(line), at << _RUN_BITS)
            self._runs[_start(line)] = run + len(line)
            at += len(line)
            if i % _AT_ONCE == 0:
                yield
        self._phrases = b"\n" + b"".join(self._lines)
        self._lines = []
        self._meanings = bytes(self._meanings)
        self._said = {language: bytes(said) for language, said in self._said.items()}

    def find(self, text: str, at: int, bounds: bytearray) -> Any:
        """`(end, kind, value, language)` of the longest phrase at this place of folded text.

        `bounds` is the text's `boundaries`. None when there is no phrase.
        """
        longest = self._longest_han if is_han(text[at]) else self._longest
        for end in range(min(len(text), at + longest), at, -1):
            if bounds[end] and text[end - 1] != " ":
                meaning = self.meaning(text[at:end])
                if meaning:
                    return (end,) + meaning
        return None

    def meaning(self, phrase: str) -> Any:
        """`(kind, value, language)` of a whole folded phrase, or None."""
        key = phrase.encode()
        run = self._runs.get(_start(key)) if key else None
        if run is None:
            return None
        start = run >> _RUN_BITS
        end = start + (run & (1 << _RUN_BITS) - 1)
        found = self._phrases.find(b"\n" + key + b"\t", start - 1, end)
        if found < 0:
            return None
        at = int(_until(self._phrases, found + len(key) + 2))
        return tuple(_until(self._meanings, at).split("\t"))

    def said(self, language: str, what: str) -> str:
        """What the speaker says for that: a template, or two with `|` between; "" for none."""
        said = self._said.get(language, b"")
        key = ("\n%s\t" % what).encode()
        found = said.find(key)
        return _until(said, found + len(key)) if found >= 0 else ""


def _start(key: bytes) -> int:
    """What runs of phrases are told apart by: the first letter (of four bytes three count)."""
    if key[0] < 0x80:
        return key[0]
    return key[0] << 8 | key[1] if key[0] < 0xE0 else key[0] << 16 | key[1] << 8 | key[2]


def _until(data: bytes, at: int) -> str:
    return data[at : data.find(b"\n", at)].decode()


async def load(folder: str) -> Words:
    """The words of every file in the folder, `<language>.txt`. OSError, ValueError."""
    words = Words()
    for name in sorted(os.listdir(folder)):
        language, _, kind = name.partition(".")
        if kind != "txt":
            continue
        with open_file(folder + "/" + name, "r") as file:
            for line in file:
                words.add(language, line)
                await asyncio.sleep_ms(0)
    for _ in words.finish():
        await asyncio.sleep_ms(0)
    return words
