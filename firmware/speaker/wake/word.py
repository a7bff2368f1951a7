"""One model that listens: its network, its detector, its last outputs."""

from speaker.util.hints import Any
from speaker.wake.detector import Detector
from speaker.wake.history import History
from speaker.wake.model import Model


class WakeWord:
    """A ``.wake`` file at work; see `WakeEngine`, which feeds it rows of features.

    Nothing allocates after ``__init__``, but for setting ``window``.
    """

    def __init__(self, path: str) -> None:
        """Load a file; ValueError if it is corrupt or unknown, OSError if missing."""
        self.model = Model(path)
        self.detector = Detector(self.model.cutoff, self.model.window)
        self.history = History()
        self.name = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        """The file's name without folder and suffix."""
        self.wake_word = self.model.wake_word
        self.kind = self.model.kind
        """"wake"; "stop", which ends what plays; or "vad", which hears whether anybody speaks."""
        self._enabled = True
        self.reset()

    @property
    def cutoff(self) -> int:
        """What the mean must exceed, 0 to 255; the model's own until it is set."""
        return self.detector.cutoff

    @cutoff.setter
    def cutoff(self, value: int) -> None:
        self.detector.cutoff = value

    @property
    def window(self) -> int:
        """How many probabilities are averaged; the model's own until it is set."""
        return self.detector.window

    @window.setter
    def window(self, value: int) -> None:
        self.detector.resize(value)

    @property
    def enabled(self) -> bool:
        """Whether it listens at all; one that does not costs nothing."""
        return self._enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        if value and not self._enabled:
            self.reset()
        self._enabled = value

    def reset(self) -> None:
        """Start anew."""
        self.model.reset()
        self.detector.reset()
        self.history.reset()
        self.mean = 0
        """The mean that the detector compares; after a detection, the one that fired."""
        self.detected_row = -1
        self.newest_row = -1
        self._heard = False
        self._missed = 0

    def step(self, features: Any, row: int, speech: bool) -> bool:
        """One row of features; whether it was heard with it. Without speech nothing is."""
        fresh = self.model.push(features)
        detector = self.detector
        if fresh:
            detector.add(self.model.probability)
            self.mean = detector.mean
            self.history.add(self.model.probability)
            self.newest_row = row
            if detector.missed:
                self._missed = detector.missed
        detector.tick()
        if not fresh or not detector.fired() or not speech:
            return False
        self.detected_row = row
        self._heard = True
        detector.reset()
        return True

    def take_heard(self) -> bool:
        """Whether it was heard since the last call."""
        heard = self._heard
        self._heard = False
        return heard

    def take_missed(self) -> int:
        """The highest mean of a close miss since the last call, or 0.

        One over the cutoff was blocked, because nobody spoke.
        """
        missed = self._missed
        self._missed = 0
        return missed

    @property
    def speech(self) -> bool:
        """For a model of the kind "vad": whether somebody speaks."""
        return self.detector.highest > self.detector.cutoff
