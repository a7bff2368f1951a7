"""Tells over the log what the wake models said, all of it and in order."""

from speaker.app.listener import Listener
from speaker.util import log
from speaker.util.hints import Any

_HOP = 160  # samples of one row of features


class OutputLog:
    """Logs the outputs that were made since the last report, as records of `source`.

    First `begin base=<sample> words=<n>` and a line for each word that listens; then
    `p <word> at=<sample> <hex>`: two digits an output, oldest first. `at` is where the newest was
    made, counted from `base`.
    """

    def __init__(self, source: str, listener: Listener, engine: Any) -> None:
        self._source = source
        self._listener = listener
        self._engine = engine
        self._words: list = []
        self._base = 0
        self._told: list = []

    def start(self) -> None:
        """Count from here; log what is needed to read the records."""
        self._words = [word for word in self._engine.words if word.enabled]
        self._base = self._listener.n_samples
        self._told = [self._newest(word)[0] for word in self._words]
        log.info(self._source, "begin base=%d words=%d", self._base, len(self._words))
        for i, word in enumerate(self._words):
            log.info(
                self._source,
                'word %d name=%s step=%d cutoff=%d window=%d backend=%s "%s"',
                i,
                word.name,
                _step(word),
                word.cutoff,
                word.window,
                self._engine.backend,
                word.wake_word,
            )

    def report(self) -> None:
        """Log the new outputs, if there are any; to be called at least every 3 s of sound."""
        for i, word in enumerate(self._words):
            at, outputs = self._newest(word)
            n_new = min((at - self._told[i]) // _step(word), len(outputs) // 2)
            if n_new > 0:
                self._told[i] = at
                log.info(self._source, "p %d at=%d %s", i, at - self._base, outputs[-2 * n_new :])

    def _newest(self, word: Any) -> tuple:
        at, _, outputs = self._listener.history(word).partition(":")
        return int(at), outputs


def _step(word: Any) -> int:
    return _HOP * word.model.stride
