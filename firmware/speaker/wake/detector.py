"""Probabilities to detections: a sliding mean over a cutoff, then a cool-off."""

from micropython import const

_COOL_OFF = const(100)  # quiet rows of features, 10 ms each, after a start and after a detection


class Detector:
    """Decides as ESPHome's ``micro_wake_word`` does.

    It fires when the sum of the last ``window`` probabilities is over ``cutoff * window``. After
    that, and after a reset, it waits for 100 rows of features at which the latest probability is
    under the cutoff, so that a detection which keeps ringing cannot fire twice.

    A mean that went over half of the cutoff and fell again without a detection is a close miss.
    """

    def __init__(self, cutoff: int, window: int) -> None:
        self.cutoff = cutoff
        self.resize(window)

    def resize(self, window: int) -> None:
        """Set how many probabilities are averaged (allocates) and reset."""
        if not 1 <= window <= 255:
            raise ValueError("window must be 1..255")
        self.window = window
        self._recent = bytearray(window)
        self.reset()

    def reset(self) -> None:
        """Forget the probabilities and start the cool-off."""
        for i in range(self.window):
            self._recent[i] = 0
        self._next = 0
        self._sum = 0
        self._latest = 0
        self._waiting = _COOL_OFF
        self._peak = 0
        self.missed = 0
        """The highest mean of the close miss that has just ended, or 0."""

    @property
    def mean(self) -> int:
        """The mean of the last probabilities, 0 to 255."""
        return self._sum // self.window

    @property
    def highest(self) -> int:
        """The highest of the last probabilities: what counts for a model that hears speech."""
        highest = 0
        for i in range(self.window):
            highest = max(highest, self._recent[i])
        return highest

    def add(self, probability: int) -> None:
        """Take the model's newest output."""
        self._sum += probability - self._recent[self._next]
        self._recent[self._next] = probability
        self._next = (self._next + 1) % self.window
        self._latest = probability
        self.missed = 0
        if not self._waiting and 2 * self._sum > self.cutoff * self.window:
            self._peak = max(self._peak, self.mean)
        elif self._peak:
            self.missed = self._peak
            self._peak = 0

    def tick(self) -> None:
        """One row of features (10 ms) has passed; a quiet one shortens the cool-off."""
        if self._waiting and self._latest < self.cutoff:
            self._waiting -= 1

    def fired(self) -> bool:
        """Whether the wake word was heard; ask once after each ``add`` and its ``tick``."""
        return not self._waiting and self._sum > self.cutoff * self.window
