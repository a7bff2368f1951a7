"""The wake model's last outputs, kept so that they can be looked at afterwards."""

import binascii

from micropython import const

N = const(340)  # 10 s of one output every 30 ms; its hex text fits a miIO packet


class History:
    """A ring of the last 340 probabilities, 0 to 255 each. `add` allocates nothing."""

    def __init__(self) -> None:
        self._ring = bytearray(N)
        self.reset()

    def reset(self) -> None:
        """Forget them all."""
        self._next = 0
        self._full = False

    def add(self, probability: int) -> None:
        """Keep one more, in the place of the oldest."""
        self._ring[self._next] = probability
        self._next += 1
        if self._next == N:
            self._next = 0
            self._full = True

    def text(self) -> str:
        """All of them as hex, two digits each, oldest first."""
        ring = self._ring
        newest = binascii.hexlify(bytes(ring[: self._next]))
        if not self._full:
            return newest.decode()
        return (binascii.hexlify(bytes(ring[self._next :])) + newest).decode()
