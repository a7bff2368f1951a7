"""The wake engine: samples in, detections out."""

from speaker.kernels.model import BACKEND
from speaker.util.hints import Any
from speaker.wake.detector import Detector
from speaker.wake.frontend import HOP, WINDOW, Frontend
from speaker.wake.history import History
from speaker.wake.model import Model


class WakeEngine:
    """Listens for one model's wake word in 16 kHz samples, fed without gaps in any portions.

    Nothing allocates after ``__init__``. Setting ``window`` does; setting ``cutoff`` does not.
    """

    backend = BACKEND
    """"viper" or "python": what runs the hot loops."""

    def __init__(self, path: str) -> None:
        """Load a ``.wake`` file; ValueError if it is corrupt or unknown, OSError if missing."""
        self._frontend = Frontend()
        self._model = Model(path)
        self._detector = Detector(self._model.cutoff, self._model.window)
        self.history = History()
        self.wake_word = self._model.wake_word
        self.reset()

    @property
    def cutoff(self) -> int:
        """What the mean must exceed, 0 to 255; the model's own until it is set."""
        return self._detector.cutoff

    @cutoff.setter
    def cutoff(self, value: int) -> None:
        self._detector.cutoff = value

    @property
    def window(self) -> int:
        """How many probabilities are averaged; the model's own until it is set."""
        return self._detector.window

    @window.setter
    def window(self, value: int) -> None:
        self._detector.resize(value)

    @property
    def probability(self) -> int:
        """The model's last output, 0 to 255."""
        return self._model.probability

    @property
    def mean(self) -> int:
        """The mean that the detector compares, 0 to 255; after a detection, the one that fired."""
        return self._mean

    @property
    def detected_at_samples(self) -> int:
        """Samples from the reset to the end of the window that made the last detection."""
        return WINDOW + HOP * self._detected_row

    @property
    def newest_at_samples(self) -> int:
        """Samples from the reset to the end of the window of the newest output in the history."""
        return WINDOW + HOP * self._newest_row

    @property
    def features(self) -> Any:
        """The last row of features: an array of 40 16-bit words, overwritten by the next."""
        return self._frontend.features

    @property
    def stride(self) -> int:
        """Rows of features from one inference to the next."""
        return self._model.stride

    @property
    def model_size(self) -> int:
        """Bytes that the model and its state take."""
        return self._model.size

    def reset(self) -> None:
        """Start anew, as when the microphone starts again."""
        self._frontend.reset()
        self._model.reset()
        self._detector.reset()
        self.history.reset()
        self._row = -1  # rows are counted, not samples: a small int for four months
        self._detected_row = -1
        self._newest_row = -1
        self._mean = 0

    def feed(self, samples: Any, n_samples: int) -> int:
        """Hear the first n_samples of an array or memoryview of int16; return how many detections.

        Called by the audio task for each frame; a frame of up to a second holds at most one.
        """
        at = 0
        n_detections = 0
        while at < n_samples:
            at += self._frontend.push(samples, at, n_samples - at)
            if self._frontend.full:
                n_detections += self._step()
        return n_detections

    def _step(self) -> int:
        """One row of features: run what is due, and return 1 for a detection."""
        self._frontend.compute()
        self._row += 1
        fresh = self._model.push(self._frontend.features)
        detector = self._detector
        if fresh:
            detector.add(self._model.probability)
            self._mean = detector.mean
            self.history.add(self._model.probability)
            self._newest_row = self._row
        detector.tick()
        if not fresh or not detector.fired():
            return 0
        self._detected_row = self._row
        detector.reset()
        return 1
