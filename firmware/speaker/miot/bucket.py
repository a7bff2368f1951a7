"""Says how much somebody may ask for: so much at once, and so much a second from then on."""


class Bucket:
    """`size` at once, `per_s` a second. A debt makes whoever has it wait until it is paid."""

    def __init__(self, size: int, per_s: int) -> None:
        self._size = size
        self._per_s = per_s
        self._level = size
        self._at_s = 0

    def take(self, now_s: int) -> bool:
        """Whether there is one more; takes it."""
        if now_s != self._at_s:
            level = self._level + (now_s - self._at_s) * self._per_s
            self._level = min(self._size, level)
            self._at_s = now_s
        if self._level <= 0:
            return False
        self._level -= 1
        return True

    def charge(self, cost: int) -> None:
        """Take more than there may be."""
        self._level -= cost
