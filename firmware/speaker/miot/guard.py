"""Keep replayed packets out, answer repeated ones, in bounded memory."""

import array

from micropython import const

from speaker.util.hints import Callable

# A client sends our last stamp plus the seconds since, or (python-miio) just plus one: so
# stamps lag behind. After 120 s clients say hello again.
_WINDOW_S = const(120)
# How far the stamps that we hand out may run ahead of the clock.
_AHEAD_S = const(30)
N_SEEN = const(512)
_N_DIGEST = const(8)  # bytes of the checksum that are kept of each packet
N_PEERS = const(8)

FRESH = const(0)
REPLAYED = const(1)
REPEATED = const(2)


class Guard:
    """Judges stamps and checksums of packets.

    Every packet that was taken in the last 120 s is remembered by its checksum. When that
    memory is full the window's floor rises to the oldest one's stamp: what is forgotten is
    refused as stale, so a replay never passes, whatever the load.

    `clock_s` gives the device's stamp clock in seconds.
    """

    def __init__(self, clock_s: Callable[[], int]) -> None:
        self._clock_s = clock_s
        self._seen = bytearray(N_SEEN * _N_DIGEST)
        self._stamps = array.array("I", bytes(4 * N_SEEN))
        self._next = 0
        self._floor = 0
        self._hello_stamp = 0
        self._hello_peer: tuple = ()
        self._replies: list = []  # (peer, checksum, reply), newest last

    def hello_stamp(self, peer: tuple) -> int:
        """The stamp for a hello's reply.

        Each peer gets a stamp of its own, so that two clients that were started in the same
        second and ask the same do not send the same packet, which would be a replay.
        """
        now = self._clock_s()
        if peer != self._hello_peer:
            self._hello_peer = peer
            self._hello_stamp = max(now, min(self._hello_stamp + 1, now + _AHEAD_S))
        return max(now, self._floor, self._hello_stamp)

    def reply_stamp(self, stamp: int) -> int:
        """The stamp for the reply to a packet with this one.

        A peer that was handed a stamp ahead of the clock (it adds one to it, or the seconds
        since) stays as far ahead as it is.
        """
        now = self._clock_s()
        return max(now, self._floor, min(stamp - 1, now + _AHEAD_S))

    def in_window(self, stamp: int) -> bool:
        """Whether the stamp is neither stale nor from the future. Costs next to nothing."""
        now = self._clock_s()
        return max(now - _WINDOW_S, self._floor) <= stamp <= now + _AHEAD_S + 2

    def judge(self, peer: tuple, checksum: bytes) -> int:
        """FRESH, REPEATED (the same from the same peer: `reply_for` has the answer) or REPLAYED."""
        if self._find(checksum[:_N_DIGEST]) < 0:
            return FRESH
        return REPLAYED if self.reply_for(peer, checksum) is None else REPEATED

    def remember(self, checksum: bytes, stamp: int) -> None:
        """A packet was taken: it will not be taken again."""
        i = self._next
        self._next = (i + 1) % N_SEEN
        # An empty slot's stamp is 0, which raises nothing.
        self._floor = max(self._floor, self._stamps[i] + 1 if self._stamps[i] else 0)
        self._stamps[i] = stamp
        self._seen[i * _N_DIGEST : (i + 1) * _N_DIGEST] = checksum[:_N_DIGEST]

    def keep_reply(self, peer: tuple, checksum: bytes, reply: bytes) -> None:
        """Keep the last reply of a peer (of the newest few peers) for its repeats."""
        self._replies = [kept for kept in self._replies if kept[0] != peer][1 - N_PEERS :]
        self._replies.append((peer, checksum, reply))

    def reply_for(self, peer: tuple, checksum: bytes) -> bytes | None:
        """The reply that this peer got to this very packet, or None."""
        for kept_peer, kept_checksum, reply in self._replies:
            if kept_peer == peer and kept_checksum == checksum:
                return reply
        return None

    def _find(self, digest: bytes) -> int:
        at = self._seen.find(digest)
        while at >= 0 and at % _N_DIGEST:
            at = self._seen.find(digest, at + 1)
        return at
