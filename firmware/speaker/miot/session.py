"""One session of the secure channel: two keys, and which packets were taken."""

import struct

from micropython import const

from speaker.miot.aead import TAG, Aead
from speaker.miot.codec import MAX_PACKET

# Before a packet's text: magic, version, type (4 bytes), the receiver's session id, the counter.
HEADER = const(12)
OVERHEAD = const(12 + 16)

# After these a peer makes a new session, with new keys.
IDLE_S = const(120)
LIFE_S = const(3600)
MAX_COUNTER = const(1 << 20)

_WINDOW = const(24)
_FORMAT = ">4sII"


class Session:
    """Free while its id is 0. `start` is what its packets begin with."""

    def __init__(self, aead: Aead, start: bytes) -> None:
        self._aead = aead
        self._start = start
        self.id = 0
        self.peer: tuple = ()
        self.key: object = None  # the SharedKey that it was opened with
        self.close()

    def open(
        self, number: int, remote: int, peer: tuple, key: object, keys: list, now: int
    ) -> None:
        """Begin: ids of both sides, the peer (address, port), and Noise's two keys."""
        self.close()
        self.id = number
        self._remote = remote
        self.peer = peer
        self.key = key
        self._receiving, self._sending = keys
        self._born_s = self.used_s = now

    def close(self) -> None:
        """Forget keys and all; the id is free."""
        self.id = 0
        self._remote = 0
        self.peer = ()
        self.key = None
        self._receiving = self._sending = b""
        self._born_s = self.used_s = 0
        self._n_sent = 0
        self._highest = -1
        self._seen = 0  # bit n: the counter n below the highest was taken

    def is_live(self, now: int) -> bool:
        """Whether it may be used; False also for one that is free."""
        return (
            self.id != 0
            and now - self.used_s <= IDLE_S
            and now - self._born_s <= LIFE_S
            and self._n_sent < MAX_COUNTER
        )

    def is_new(self, counter: int) -> bool:
        """Whether a packet with this counter was not taken yet. Costs next to nothing."""
        if counter > self._highest:
            return counter < MAX_COUNTER
        age = self._highest - counter
        return age < _WINDOW and not self._seen >> age & 1

    def take(self, counter: int, text: bytearray, n: int, now: int) -> bool:
        """Decrypt in place `n` bytes and the tag behind them; whether they are the peer's."""
        if not self._aead.open(self._receiving, counter, b"", text, 0, n):
            return False
        self.used_s = now
        if counter > self._highest:
            ahead = min(counter - self._highest, _WINDOW)
            self._seen = (self._seen << ahead | 1) & (1 << _WINDOW) - 1
            self._highest = counter
        else:
            self._seen |= 1 << self._highest - counter
        return True

    def seal(self, text: bytes, packet: bytearray) -> int:
        """Make a packet of the text; its length. ValueError for one that is too long."""
        n = len(text)
        if n > MAX_PACKET - OVERHEAD:
            raise ValueError("text of %d bytes" % n)
        struct.pack_into(_FORMAT, packet, 0, self._start, self._remote, self._n_sent)
        packet[HEADER : HEADER + n] = text
        self._aead.seal(self._sending, self._n_sent, b"", packet, HEADER, n)
        self._n_sent += 1
        return HEADER + n + TAG
