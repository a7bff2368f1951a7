"""A machine.I2S whose DMA a test drives: RX delivers a counting ramp, TX keeps what it is given."""

import asyncio


class FakeI2S:
    """In callback mode, as `i2s.irq` makes it; `lose_every` n-th callback never comes."""

    def __init__(self, lose_every=0):
        self.written = []
        self.closed = False
        self._handler = None
        self._lose_every = lose_every
        self._done = 0
        self._target = None
        self._source = None
        self._ramp = 0

    def irq(self, handler):
        self._handler = handler

    def readinto(self, buffer):
        self._target = buffer
        return len(buffer)

    def write(self, buffer):
        assert self._source is None, "written before the last buffer was gone"
        self._source = buffer
        return len(buffer)

    def deinit(self):
        self.closed = True

    async def dma(self, n, period_ms):
        """Serve one transfer of `n` samples every `period_ms`."""
        while True:
            await asyncio.sleep_ms(period_ms)
            if self._target is not None:
                target, self._target = self._target, None
                for i in range(n):
                    target[2 * i] = 0
                    target[2 * i + 1] = self._ramp
                    self._ramp = (self._ramp + 1) % 16384
                self._finish()
            elif self._source is not None:
                source, self._source = self._source, None
                self.written.extend(source)
                self._finish()

    def _finish(self):
        self._done += 1
        if not self._lose_every or self._done % self._lose_every:
            self._handler(self)
