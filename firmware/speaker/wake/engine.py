"""The wake engine: samples in, detections out."""

from speaker.kernels.model import BACKEND
from speaker.util.hints import Any
from speaker.wake.frontend import HOP, WINDOW, Frontend
from speaker.wake.word import WakeWord


class WakeEngine:
    """Listens for wake words in 16 kHz samples, fed without gaps in any portions.

    Any number of models share one front end: each adds only its own inference, and has its own
    cutoff and window (`words`). A model of the kind "vad" among them gates the others: while it
    hears no speech, nothing is detected. What the engine says of a word by itself (``cutoff``,
    ``probability`` ...) is about the first.

    Nothing allocates after ``__init__``. Setting a ``window`` does; setting a ``cutoff`` does not.
    """

    backend = BACKEND
    """"xtensa", "viper" or "python": what runs the hot loops."""

    def __init__(self, models: Any) -> None:
        """``models``: the path of a ``.wake`` file, or a list of paths or of `WakeWord`.

        ValueError if one is corrupt or unknown or there is no wake word, OSError if one is missing.
        """
        if isinstance(models, str):
            models = [models]
        loaded = [WakeWord(item) if isinstance(item, str) else item for item in models]
        self.words = [word for word in loaded if word.kind != "vad"]
        """The words that are listened for."""
        self.vads = [word for word in loaded if word.kind == "vad"]
        """What hears whether anybody speaks."""
        if not self.words:
            raise ValueError("no wake word among the models")
        self._frontend = Frontend()
        self.wake_word = self.words[0].wake_word
        self.history = self.words[0].history
        self.reset()

    @property
    def cutoff(self) -> int:
        """See `WakeWord`."""
        return self.words[0].cutoff

    @cutoff.setter
    def cutoff(self, value: int) -> None:
        self.words[0].cutoff = value

    @property
    def window(self) -> int:
        """See `WakeWord`."""
        return self.words[0].window

    @window.setter
    def window(self, value: int) -> None:
        self.words[0].window = value

    @property
    def probability(self) -> int:
        """The model's last output, 0 to 255."""
        return self.words[0].model.probability

    @property
    def mean(self) -> int:
        """See `WakeWord`."""
        return self.words[0].mean

    @property
    def detected_at_samples(self) -> int:
        """Samples from the reset to the end of the window that made the last detection."""
        return self.samples_at(self.words[0].detected_row)

    @property
    def newest_at_samples(self) -> int:
        """Samples from the reset to the end of the window of the newest output in the history."""
        return self.samples_at(self.words[0].newest_row)

    @property
    def features(self) -> Any:
        """The last row of features: an array of 40 16-bit words, overwritten by the next."""
        return self._frontend.features

    @property
    def stride(self) -> int:
        """Rows of features from one inference to the next."""
        return self.words[0].model.stride

    @property
    def model_size(self) -> int:
        """Bytes that the models and their state take."""
        return sum([word.model.size for word in self.words + self.vads])

    def samples_at(self, row: int) -> int:
        """Samples from the reset to the end of the window of a row of features."""
        return WINDOW + HOP * row

    def reset(self) -> None:
        """Start anew, as when the microphone starts again."""
        self._frontend.reset()
        for word in self.words:
            word.reset()
        for vad in self.vads:
            vad.reset()
        self._row = -1  # rows are counted, not samples: a small int for four months

    def feed(self, samples: Any, n_samples: int) -> int:
        """Hear the first n_samples of an array or memoryview of int16; return how many detections.

        Called by the audio task for each frame; in a frame of up to a second each word is detected
        at most once. Which ones: `WakeWord.take_heard`.
        """
        at = 0
        n_detections = 0
        while at < n_samples:
            at += self._frontend.push(samples, at, n_samples - at)
            if self._frontend.full:
                n_detections += self._step()
        return n_detections

    def _step(self) -> int:
        """One row of features: run what is due, and return the number of detections."""
        self._frontend.compute()
        self._row += 1
        features = self._frontend.features
        speech = True
        for vad in self.vads:
            if vad.enabled:
                vad.step(features, self._row, False)
                speech = speech and vad.speech
        n_detections = 0
        for word in self.words:
            if word.enabled and word.step(features, self._row, speech):
                n_detections += 1
        return n_detections
