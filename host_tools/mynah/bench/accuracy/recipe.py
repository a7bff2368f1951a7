"""The recipe: which sound is streamed through an engine, the same for the same seed.

Hits are counted on *keyword streams*: every keyword recording once, in random order, each after 2
to 4 s of speech; once without noise and once for every signal-to-noise ratio. The noise under a
keyword and the speech before it is scaled so that the keyword's loud parts have that ratio to it.
False accepts are counted on *negative streams*, half speech and half noise, each kind shuffled anew
and with another gain on every recording whenever it starts over, until there is enough.

Streams are cut into sections of a few minutes; an engine starts anew with each one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mynah import audio_files
from mynah.audio_files import RATE_HZ, Samples
from mynah.bench.accuracy.corpus import NOISE, SPEECH, Corpus
from mynah.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    Load = Callable[[str], npt.NDArray[np.float64]]

CLEAN = "clean"

LEAD_IN_S = 1.5
"""Silence at a section's start: engines ignore their first second."""

_SECTION_S = 240.0
_GAP_S = (2.0, 4.0)
_PAUSE_S = (0.2, 1.0)
_GAIN_DB = (-12.0, 6.0)
_FRAME = RATE_HZ // 50
_QUIET_DB = 30.0  # frames this far below a keyword's loudest are not it


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to stream: signal-to-noise ratios in dB, hours of negatives, and the seed."""

    snrs_db: tuple[float, ...] = (10.0, 5.0)
    hours: float = 1.0
    seed: int = 1

    def conditions(self) -> tuple[str, ...]:
        """The names of the keyword streams."""
        return (CLEAN, *(condition(snr) for snr in self.snrs_db))


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword in a section: samples from its start, and the recording's name."""

    name: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a stream: its sound, what is in it, and the keywords where there are any."""

    kind: str
    """"clean", "10 dB" and so on (keyword streams), "speech" or "noise" (negative streams)."""
    samples: Samples
    keywords: tuple[Keyword, ...] = ()

    @property
    def seconds(self) -> float:
        """Its length, without the silence that leads in."""
        return len(self.samples) / RATE_HZ - LEAD_IN_S


def condition(snr_db: float) -> str:
    """The name of a keyword stream with noise."""
    return f"{snr_db:g} dB"


def sections(corpus: Corpus, recipe: Recipe) -> Iterator[Section]:
    """Every section to stream, one after the other, so that one at a time is in memory.

    Raises:
        AudioError: a recording cannot be read.
        UsageError: noise is asked for, and there is none.
    """
    if recipe.snrs_db and not corpus.noise:
        raise UsageError(f"{corpus.folder}: no noise to mix with (--snr '' measures without)")
    load = _loader(corpus)
    for snr in (None, *recipe.snrs_db):
        # A stream of its own for each: the same seed gives each the same words and speech.
        chance = random.Random(recipe.seed)
        yield from _keyword_sections(corpus, load, chance, snr)
    kinds = [(SPEECH, corpus.speech), (NOISE, corpus.noise)]
    kinds = [(kind, names) for kind, names in kinds if names]
    for kind, names in kinds:
        chance = random.Random(f"{recipe.seed} {kind}")
        yield from _negative_sections(kind, names, load, chance, recipe.hours * 3600 / len(kinds))


def total_seconds(corpus: Corpus, recipe: Recipe) -> float:
    """About how long all sections are together."""
    per_keyword = sum(_GAP_S) / 2 + 2.5
    return (1 + len(recipe.snrs_db)) * per_keyword * len(corpus.keywords) + recipe.hours * 3600


def _loader(corpus: Corpus) -> Load:
    cache: dict[str, Samples] = {}

    def load(name: str) -> npt.NDArray[np.float64]:
        if name not in cache:
            cache[name] = audio_files.load(corpus.folder / name)
        return cache[name].astype(np.float64)

    return load


def _keyword_sections(
    corpus: Corpus, load: Load, chance: random.Random, snr_db: float | None
) -> Iterator[Section]:
    kind = CLEAN if snr_db is None else condition(snr_db)
    speech = _Reel(corpus.speech, load, random.Random(chance.random()))
    noise = _Reel(corpus.noise, load, random.Random(chance.random()))
    order = list(corpus.keywords)
    chance.shuffle(order)
    parts = [_lead_in()]
    keywords: list[Keyword] = []
    length = len(parts[0])
    for name in order:
        gap = speech.take(int(chance.uniform(*_GAP_S) * RATE_HZ))
        word = load(name)
        piece = np.concatenate([gap, word])
        if snr_db is not None:
            under = noise.take(len(piece))
            piece += under * (_loudness(word) / max(_rms(under), 1.0) / 10 ** (snr_db / 20))
        keywords.append(Keyword(name, length + len(gap), length + len(piece)))
        parts.append(piece)
        length += len(piece)
        if length > _SECTION_S * RATE_HZ or name == order[-1]:
            # What is said last must have time to be heard.
            parts.append(np.zeros(RATE_HZ))
            yield Section(kind, _to_samples(parts), tuple(keywords))
            parts, keywords = [_lead_in()], []
            length = len(parts[0])


def _negative_sections(
    kind: str, names: tuple[str, ...], load: Load, chance: random.Random, seconds: float
) -> Iterator[Section]:
    left = round(seconds * RATE_HZ)
    source = _Reel(names, load, chance, gains=True)
    while left > 0:
        n_samples = min(left, round(_SECTION_S * RATE_HZ))
        yield Section(kind, _to_samples([_lead_in(), source.take(n_samples)]))
        left -= n_samples


class _Reel:
    """All recordings of a kind one after the other, shuffled anew in each round, without end."""

    def __init__(
        self, names: tuple[str, ...], load: Load, chance: random.Random, *, gains: bool = False
    ) -> None:
        self._names = names
        self._load = load
        self._chance = chance
        self._gains = gains
        self._order: list[str] = []
        self._rest = np.zeros(0)

    def take(self, n_samples: int) -> npt.NDArray[np.float64]:
        """The next n samples."""
        parts, have = [self._rest], len(self._rest)
        while have < n_samples:
            parts.append(self._next())
            have += len(parts[-1])
        whole = np.concatenate(parts)
        self._rest = whole[n_samples:]
        return whole[:n_samples]

    def _next(self) -> npt.NDArray[np.float64]:
        if not self._order:
            self._order = list(self._names)
            self._chance.shuffle(self._order)
        part = self._load(self._order.pop())
        if self._gains:
            pause = np.zeros(int(self._chance.uniform(*_PAUSE_S) * RATE_HZ))
            part = np.concatenate([part * 10 ** (self._chance.uniform(*_GAIN_DB) / 20), pause])
        return part


def _loudness(word: npt.NDArray[np.float64]) -> float:
    """RMS of the frames of 20 ms in which the word is said."""
    n_frames = max(1, len(word) // _FRAME)
    energies = (np.resize(word, n_frames * _FRAME).reshape(n_frames, _FRAME) ** 2).mean(axis=1)
    loud = energies[energies >= energies.max() / 10 ** (_QUIET_DB / 10)]
    return float(np.sqrt(loud.mean()))


def _rms(samples: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt((samples**2).mean()))


def _lead_in() -> npt.NDArray[np.float64]:
    return np.zeros(int(LEAD_IN_S * RATE_HZ))


def _to_samples(parts: list[npt.NDArray[np.float64]]) -> Samples:
    return audio_files.to_int16(np.concatenate(parts) / 32768)
