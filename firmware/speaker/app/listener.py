"""Feeds the wake engine from the ring and says which words it heard, and which almost."""

import asyncio

from speaker.audio.ring import FrameRing
from speaker.util import log
from speaker.util.hints import Any, Callable


class Listener:
    """The ring's one consumer. `engine` may be None: then sound is only drained.

    `heard(word, probability, at)` is called for each detection: the `WakeWord`, 0..255, and the
    sample's number since the microphone was started; `missed(word, peak, at)` for each close miss
    when it has passed.
    """

    def __init__(
        self,
        ring: FrameRing,
        ready: Any,
        engine: Any,
        heard: Callable[..., object],
        missed: Callable[..., object],
    ) -> None:
        self._ring = ring
        self._ready = ready
        self._engine = engine
        self._heard = heard
        self._missed = missed
        self._muted = False
        self.n_samples = 0  # taken from the ring since start
        self._reset_at = 0  # the engine's sample 0

    def set_muted(self, muted: bool) -> None:
        """A muted microphone hears nothing: the engine gets no sample until it is opened."""
        if muted == self._muted:
            return
        self._muted = muted
        log.info("mic", "muted" if muted else "open")
        if not muted:
            self.reset()

    def reset(self) -> None:
        """Forget what was heard so far: what comes next does not follow on it."""
        self._reset_at = self.n_samples
        if self._engine is not None:
            self._engine.reset()

    def history(self, word: Any = None) -> str:
        """A model's last outputs: `at:hex`, oldest first, two digits each; "" without a model.

        `word` is a `WakeWord`, by default the first. `at` is the sample's number, as in `heard`, at
        which the newest was made.
        """
        if self._engine is None:
            return ""
        engine = self._engine
        at = engine.samples_at(word.newest_row) if word else engine.newest_at_samples
        return "%d:%s" % (self._reset_at + at, (word or engine).history.text())

    async def run(self) -> None:
        """Task: one frame at a time, other tasks in between."""
        while True:
            await self._ready.wait()
            while self.step():
                await asyncio.sleep_ms(0)

    def step(self) -> bool:
        """Take one frame, if there is one. Allocates nothing, but for what is heard or missed."""
        frame = self._ring.front()
        if frame is None:
            return False
        n = self._ring.n_samples
        self.n_samples += n
        if self._engine is None or self._muted:
            self._ring.release()
            return True
        self._engine.feed(frame, n)
        self._ring.release()
        for word in self._engine.words:
            if word.take_heard():
                self._heard(word, word.mean, self._at(word.detected_row))
            peak = word.take_missed()
            if peak:
                self._missed(word, peak, self._at(word.newest_row))
        return True

    def _at(self, row: int) -> int:
        return self._reset_at + self._engine.samples_at(row)
