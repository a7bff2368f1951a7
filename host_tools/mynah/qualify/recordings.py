"""A user's own recordings of the wake word."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mynah.bench.accuracy.corpus import read_corpus
from mynah.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SUFFIXES = {".wav", ".flac", ".ogg", ".mp3"}
_MANIFESTS = ("manifest.tsv", "manifest.csv")


@dataclass(frozen=True, slots=True)
class Recordings:
    """Files that hold the wake word, and files that do not."""

    with_word: Sequence[Path]
    without: Sequence[Path]


def of_folder(folder: str | Path, words: Sequence[str]) -> Recordings:
    """The recordings of a folder, by its manifest (see `mynah bench accuracy`) or as they lie.

    Without a manifest every sound file holds the wake word, but for those in a folder ``without``.

    Args:
        folder: it.
        words: the names of the wake words that the board listens for.

    Raises:
        UsageError: there are none with the wake word, or the manifest is damaged.
    """
    folder = Path(folder)
    if any((folder / name).exists() for name in _MANIFESTS):
        corpora = [read_corpus(folder, word) for word in words]
        with_word = [folder / name for corpus in corpora for name in corpus.keywords]
        without = [folder / name for name in (*corpora[0].speech, *corpora[0].noise)]
    else:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
        without = [path for path in files if "without" in path.relative_to(folder).parts[:-1]]
        with_word = [path for path in files if path not in without]
    if not with_word:
        raise UsageError(
            f"{folder} holds no recordings of {' or '.join(words)}: put WAV, FLAC, Ogg or MP3 "
            "files there, and those without the word into its folder 'without'"
        )
    return Recordings(with_word, without)
