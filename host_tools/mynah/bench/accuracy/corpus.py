"""A folder of recordings and the manifest that says what each of them is.

The manifest is ``manifest.tsv`` (tabs) or ``manifest.csv`` (commas) in the folder, UTF-8, its first
line the columns' names. Two columns are needed, others are ignored::

    file,label,text
    kitchen/anna_1.flac,keyword,alexa
    kitchen/anna_2.flac,speech,turn on the light
    hood.flac,noise,

``file`` is relative to the folder; ``label`` is ``keyword``, ``speech`` (without the keyword) or
``noise``; ``text`` is what is said. A ``keyword`` row without a text (or a manifest without that
column) is taken for the keyword that is measured; one with another text is left out.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

KEYWORD, SPEECH, NOISE = "keyword", "speech", "noise"


class _Tabs(csv.excel_tab):
    """Tabs between fields, which have no quotes around them."""

    quoting = csv.QUOTE_NONE


_MANIFESTS: dict[str, type[csv.Dialect]] = {"manifest.tsv": _Tabs, "manifest.csv": csv.excel}


@dataclass(frozen=True, slots=True)
class Corpus:
    """Recordings by what they are; names are relative to ``folder``, in the manifest's order."""

    folder: Path
    keyword: str
    keywords: tuple[str, ...]
    speech: tuple[str, ...]
    noise: tuple[str, ...]

    def digest(self) -> str:
        """A hash of the names by kind, to tell whether two measurements used the same list."""
        lists = (self.keywords, self.speech, self.noise)
        return hashlib.sha256(repr((self.keyword, lists)).encode()).hexdigest()[:16]


def read_corpus(folder: Path, keyword: str) -> Corpus:
    """Read a folder's manifest.

    Args:
        folder: holds ``manifest.tsv`` or ``manifest.csv``.
        keyword: the text of the keyword recordings to take; case, ``_`` and ``-`` do not matter.

    Raises:
        UsageError: there is no manifest, it is damaged, or names no recording that is needed.
    """
    rows = _rows(folder)
    found: dict[str, list[str]] = {KEYWORD: [], SPEECH: [], NOISE: []}
    others: set[str] = set()
    for name, label, text in rows:
        if label not in found:
            raise UsageError(
                f"{folder}: the manifest labels {name} {label!r}; known are {', '.join(found)}"
            )
        if label == KEYWORD and text and _plain(text) != _plain(keyword):
            others.add(text)
            continue
        if not (folder / name).is_file():
            raise UsageError(f"{folder}: the manifest names {name}, which is not there")
        found[label].append(name)
    if not found[KEYWORD]:
        known = f"; it has {', '.join(sorted(others))}" if others else ""
        raise UsageError(f"{folder}: no recording of the keyword {keyword!r}{known} (--keyword)")
    if not found[SPEECH]:
        raise UsageError(f"{folder}: no speech without the keyword, which the measurement needs")
    return Corpus(folder, keyword, tuple(found[KEYWORD]), tuple(found[SPEECH]), tuple(found[NOISE]))


def _rows(folder: Path) -> Iterable[tuple[str, str, str]]:
    for name, dialect in _MANIFESTS.items():
        path = folder / name
        if not path.is_file():
            continue
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file, dialect=dialect))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UsageError(f"cannot read {path}: {error}") from error
        if not rows or not {"file", "label"} <= set(rows[0]):
            raise UsageError(f"{path}: the first line must name the columns file and label")
        return [(row["file"] or "", row["label"] or "", row.get("text") or "") for row in rows]
    raise UsageError(f"{folder}: no {' or '.join(_MANIFESTS)} that says what the recordings are")


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())
