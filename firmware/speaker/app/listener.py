"""Feeds the wake engine from the ring and says when it heard its word."""

import asyncio

from speaker.audio.ring import FrameRing
from speaker.util import log
from speaker.util.hints import Any, Callable


class Listener:
    """The ring's one consumer. `engine` may be None: then sound is only drained.

    `heard(probability, at)` is called for each detection: 0..255, and the sample's number since
    the microphone was started.
    """

    def __init__(
        self, ring: FrameRing, ready: Any, engine: Any, heard: Callable[[int, int], object]
    ) -> None:
        self._ring = ring
        self._ready = ready
        self._engine = engine
        self._heard = heard
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

    def history(self) -> str:
        """The model's last outputs: `at:hex`, oldest first, two digits each; "" without a model.

        `at` is the sample's number, as in `heard`, at which the newest was made.
        """
        if self._engine is None:
            return ""
        at = self._reset_at + self._engine.newest_at_samples
        return "%d:%s" % (at, self._engine.history.text())

    async def run(self) -> None:
        """Task: one frame at a time, other tasks in between."""
        while True:
            await self._ready.wait()
            while self.step():
                await asyncio.sleep_ms(0)

    def step(self) -> bool:
        """Take one frame, if there is one. Allocates nothing unless something is heard."""
        frame = self._ring.front()
        if frame is None:
            return False
        n = self._ring.n_samples
        self.n_samples += n
        heard = 0
        if self._engine is not None and not self._muted:
            heard = self._engine.feed(frame, n)
        self._ring.release()
        if heard:
            at = self._reset_at + self._engine.detected_at_samples
            self._heard(self._engine.mean, at)
        return True
