"""Tells over the log what the wake model said, all of it and in order."""

from speaker.app.listener import Listener
from speaker.util import log
from speaker.util.hints import Any

_HOP = 160  # samples of one row of features


class OutputLog:
    """Logs the outputs that were made since the last report, as records of `source`.

    `<source>: p at=<sample> <hex>`: two digits an output, oldest first; `at` is where the newest
    was made, counted from `start`.
    """

    def __init__(self, source: str, listener: Listener, engine: Any) -> None:
        self._source = source
        self._listener = listener
        self._engine = engine
        self._base = 0
        self._told = 0

    def start(self) -> None:
        """Count from here; log what is needed to read the records."""
        engine = self._engine
        self._base = self._listener.n_samples
        self._told = self._newest()[0]
        log.info(
            self._source,
            'begin base=%d step=%d cutoff=%d window=%d backend=%s word="%s"',
            self._base,
            self._step(),
            engine.cutoff,
            engine.window,
            engine.backend,
            engine.wake_word,
        )

    def report(self) -> None:
        """Log the new outputs, if there are any; to be called at least every 5 s of sound."""
        at, outputs = self._newest()
        n_new = min((at - self._told) // self._step(), len(outputs) // 2)
        if n_new > 0:
            self._told = at
            log.info(self._source, "p at=%d %s", at - self._base, outputs[-2 * n_new :])

    def _newest(self) -> tuple:
        at, _, outputs = self._listener.history().partition(":")
        return int(at), outputs

    def _step(self) -> int:
        return _HOP * self._engine.stride
