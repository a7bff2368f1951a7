"""What a board's log tells of its wake models: outputs and detections, as results.

The records are those of ``firmware/speaker/app/outputs.py`` and the ``heard`` records of its app.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mynah.audio_files import RATE_HZ
from mynah.errors import VerificationError
from mynah.wake.engine import Detection, WakeResult

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from mynah.logs import LogRecord

RING_FRAME = 320
"""Samples that the board hears at once; a feed is filled up to it with silence."""

_BEFORE_FIRST = 480 - 160  # samples that a row of features looks at, less the step to the next

_BEGIN = re.compile(r"begin base=(\d+) words=(\d+)")
_WORD = re.compile(
    r"word \d+ name=(\S+) step=(\d+) cutoff=(\d+) window=(\d+) backend=(\w+) \"(.*)\""
)
_OUTPUTS = re.compile(r"p (\d+) at=(\d+) ((?:[0-9a-f]{2})+)")
HEARD = re.compile(r"heard \"(.*)\" p=(\d+) at=(\d+)")
"""The text of a record of the source "wake": the word, the mean that fired, the sample."""


@dataclass(slots=True)
class ToldWord:
    """One wake word's model on the board."""

    name: str
    """The model file's, without its suffix."""
    step: int
    """Samples from one output to the next."""
    cutoff: int
    window: int
    backend: str
    wake_word: str
    outputs: list[int] = field(default_factory=list)
    """0..255 each, since the beginning."""
    newest: int = 0
    """The sample at which the last output was made."""
    heard: list[tuple[int, int]] = field(default_factory=list)
    """Sample and mean of each detection."""


class Told:
    """Follows the records of one source, "feed" or "live"; samples are counted from the start."""

    def __init__(self, source: str) -> None:
        self.words: list[ToldWord] = []
        self._source = source
        self._base = 0
        self._n_words: int | None = None

    @property
    def begun(self) -> bool:
        """Whether it is known which words the board listens for."""
        return self._n_words is not None and len(self.words) == self._n_words

    def take(self, record: LogRecord) -> bool:
        """Note what a record says; whether it told of new outputs."""
        if record.source == "wake":
            self._take_heard(record.text)
        if record.source != self._source:
            return False
        if match := _BEGIN.fullmatch(record.text):
            self._base, self._n_words, self.words = int(match[1]), int(match[2]), []
        elif match := _WORD.fullmatch(record.text):
            step, cutoff, window = map(int, match.groups()[1:4])
            self.words.append(ToldWord(match[1], step, cutoff, window, match[5], match[6]))
        elif match := _OUTPUTS.fullmatch(record.text):
            word = self.words[int(match[1])]
            word.newest = int(match[2])
            word.outputs += bytes.fromhex(match[3])
            return True
        return False

    def _take_heard(self, text: str) -> None:
        match = HEARD.fullmatch(text)
        for word in self.words:
            if match and word.wake_word == match[1]:
                word.heard.append((int(match[3]) - self._base, int(match[2])))
                return


def result(word: ToldWord, n_samples: int, n_settle: int) -> WakeResult:
    """What a board made of a recording that was fed to it after some silence.

    Args:
        word: everything that was told.
        n_samples: of the recording.
        n_settle: samples of silence before it.

    Raises:
        VerificationError: outputs are missing.
    """
    ends = _BEFORE_FIRST + word.step * (np.arange(len(word.outputs)) + 1)
    whole = -(-(n_samples + n_settle) // RING_FRAME) * RING_FRAME
    n_expected = (whole - _BEFORE_FIRST) // word.step
    if len(word.outputs) != n_expected or (n_expected and word.newest != ends[-1]):
        raise VerificationError(
            f"the board told {len(word.outputs)} outputs of {word.name} instead of {n_expected}: "
            "its microphone was muted meanwhile, or log lines were lost on the link"
        )
    shown = (ends > n_settle) & (ends <= n_settle + n_samples)
    times: npt.NDArray[np.float64] = (ends[shown] - n_settle) / RATE_HZ
    outputs = np.array(word.outputs, np.uint8)
    fired = [int(np.searchsorted(ends, at)) for at, _ in word.heard]
    hits = [
        Detection(
            round((at - n_settle) / RATE_HZ, 3),
            round(int(outputs[i]) / 255, 3),
            round(mean / 255, 3),
        )
        for i, (at, mean) in zip(fired, word.heard, strict=True)
        if 0 < at - n_settle <= n_samples
    ]
    return WakeResult(
        wake_word=word.wake_word,
        backend=f"board, {word.backend}",
        cutoff=word.cutoff,
        window=word.window,
        model_bytes=0,
        duration_s=n_samples / RATE_HZ,
        times_s=times,
        probabilities=outputs[shown],
        means=means(word.outputs, word.window, fired)[shown],
        detections=tuple(hits),
    )


def means(outputs: list[int], window: int, fired: Iterable[int]) -> npt.NDArray[np.uint8]:
    """The means that the detector compares; it starts anew after each output at which it fired."""
    total = np.cumsum([0, *outputs])
    first = np.maximum(np.arange(len(outputs)) + 1 - window, 0)
    for i in fired:
        first[i + 1 :] = np.maximum(first[i + 1 :], i + 1)
    whole: npt.NDArray[np.uint8] = ((total[1:] - total[first]) // window).astype(np.uint8)
    return whole
