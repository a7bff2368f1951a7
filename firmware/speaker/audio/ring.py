"""The ring of sound frames between the microphone and the wake engine."""

import array

FRAME_SAMPLES = 320
FRAME_MS = 20
N_FRAMES = 32  # what the wake engine may fall behind


class FrameRing:
    """Preallocated int16 frames: one producer, one consumer, nothing allocated after start.

    A frame is a `memoryview` slice made once. The producer claims the next free one, fills it
    and commits it; the consumer looks at the oldest and releases it. A full ring refuses the
    newest frame and counts it, so what the consumer works on is never overwritten. Each index
    has one writer, so that either side may also run in an interrupt.
    """

    def __init__(self, n_frames: int, n_samples: int) -> None:
        self.n_samples = n_samples
        n_slots = n_frames + 1  # one stays empty: head == tail means an empty ring
        samples = memoryview(array.array("h", bytes(2 * n_slots * n_samples)))
        self._frames = [samples[i * n_samples : (i + 1) * n_samples] for i in range(n_slots)]
        self._n_slots = n_slots
        self._head = 0  # next to fill; only the producer moves it
        self._tail = 0  # oldest filled; only the consumer moves it
        self.dropped = 0  # frames refused since start

    @property
    def full(self) -> bool:
        """Whether `claim` would refuse (and count) a frame."""
        head = self._head + 1
        return (0 if head == self._n_slots else head) == self._tail

    def claim(self) -> memoryview | None:
        """The frame to fill next, or None (counted) when the ring is full."""
        head = self._head + 1
        if head == self._n_slots:
            head = 0
        if head == self._tail:
            self.dropped += 1
            return None
        return self._frames[self._head]

    def commit(self) -> None:
        """Hand the claimed frame over."""
        head = self._head + 1
        self._head = 0 if head == self._n_slots else head

    def front(self) -> memoryview | None:
        """The oldest frame, or None when there is none."""
        if self._tail == self._head:
            return None
        return self._frames[self._tail]

    def release(self) -> None:
        """Give the oldest frame back."""
        tail = self._tail + 1
        self._tail = 0 if tail == self._n_slots else tail
