"""Keep replayed packets out, answer repeated ones, slow who guesses: in bounded memory.

A packet's stamp must lie in a window around the device's clock, and each address has a clock of
its own: the device's, set off by a number that only a hello's answer tells. So whoever sends
from an address that he does not hear is out of the window, a packet that was recorded is of no
use from another address, and one address can use up nothing but its own share of anything.
"""

import array
import hashlib
import os

from micropython import const

from speaker.miot.bucket import Bucket
from speaker.util.hints import Any, Callable

# A client sends our last stamp plus the seconds since, or (python-miio) just plus one: so
# stamps lag behind. After 120 s clients say hello again.
_WINDOW_S = const(120)
# How far the stamps that we hand out may run ahead of the clock.
_AHEAD_S = const(30)
N_SEEN = const(256)  # packets that are remembered of each address
_N_DIGEST = const(8)  # bytes of the checksum that are kept of each packet
# The clocks are set off by less than this, so that stamps stay below 2**31, as clients have them.
_MAX_OFFSET = const(0x3FFFFFFF)

N_HOLDERS = const(8)  # addresses that have the token
N_STRANGERS = const(16)  # others that have asked
N_OFFSETS = const(32)

# What an address may ask for, at once and a second: with the token, and without.
_HOLDER = (150, 50)
_STRANGER = (30, 5)
_HELLOS = (120, 40)
_CROWD = (200, 60)  # all strangers together
# A wrong guess costs twice as much as the one before, up to 2 to the power of these: 51 s of
# silence for a stranger, 1 s for an address that has the token, where other programs may be, too.
_STRANGERS_LIMIT = const(8)
_HOLDERS_LIMIT = const(5)
_FORGIVEN_S = const(600)

# A client asks again within this; a reply is kept for no longer.
_KEPT_S = const(30)
N_KEPT = const(8)
_N_KEPT_BYTES = const(4096)
_N_REPEATS = const(6)

PENDING = b""


class _Kept:
    """The answer to a request, for the case that it is asked again."""

    def __init__(self, port: int, checksum: bytes, text: bytes, at_s: int) -> None:
        self.port = port
        self.checksum = checksum
        self.request = hashlib.md5(text).digest()
        self.at_s = at_s
        self.answer = PENDING
        self.n_repeats = 0


class _Stranger:
    """An address that has not shown that it has the token."""

    def __init__(self, rate: tuple = _STRANGER, limit: int = _STRANGERS_LIMIT) -> None:
        self.used_s = 0
        self.hellos = Bucket(*_HELLOS)
        self.bucket = Bucket(*rate)
        self._limit = limit
        self._n_guesses = 0
        self._guessed_s = 0

    def guessed(self, now_s: int) -> None:
        if now_s - self._guessed_s > _FORGIVEN_S:
            self._n_guesses = 0
        self._guessed_s = now_s
        self._n_guesses = min(self._n_guesses + 1, self._limit)
        self.bucket.charge(1 << self._n_guesses)

    def forgive(self) -> None:
        self._n_guesses = 0


class _Holder(_Stranger):
    """An address that has sent a signed packet."""

    def __init__(self, floor: int) -> None:
        super().__init__(_HOLDER, _HOLDERS_LIMIT)
        self.floor = floor
        self.highest = floor
        self.kept: list = []
        self._seen = bytearray(N_SEEN * _N_DIGEST)
        self._stamps = array.array("I", bytes(4 * N_SEEN))
        self._next = 0

    def has_seen(self, checksum: bytes) -> bool:
        digest = checksum[:_N_DIGEST]
        at = self._seen.find(digest)
        while at >= 0 and at % _N_DIGEST:
            at = self._seen.find(digest, at + 1)
        return at >= 0

    def remember(self, checksum: bytes, stamp: int) -> None:
        """When the memory is full, what is forgotten becomes stale: it never is taken again."""
        i = self._next
        self._next = (i + 1) % N_SEEN
        # An empty slot's stamp is 0, which raises nothing.
        self.floor = max(self.floor, self._stamps[i] + 1 if self._stamps[i] else 0)
        self.highest = max(self.highest, stamp)
        self._stamps[i] = stamp
        self._seen[i * _N_DIGEST : (i + 1) * _N_DIGEST] = checksum[:_N_DIGEST]


class Guard:
    """Judges packets by address, stamp and checksum.

    `clock_s` gives the device's own clock in seconds, 1 or more. `peer` is (address, port)
    everywhere.
    """

    def __init__(self, clock_s: Callable[[], int]) -> None:
        self._clock_s = clock_s
        self._secret = os.urandom(16)
        self._offsets: dict = {}
        self._holders: dict = {}
        self._strangers: dict = {}
        self._crowd = Bucket(*_CROWD)
        self._floor = 0  # of addresses that are not (no longer) known as holders
        self._hello_stamp = 0
        self._hello_peer: tuple = ()

    def hello_stamp(self, peer: tuple) -> int | None:
        """The stamp for a hello's reply; None: that address has said hello too often.

        Each peer gets a stamp of its own, and one that its address has not used yet, so that two
        clients that ask the same in the same second do not send the same packet, which would be
        a replay.
        """
        now = self._clock_s()
        holder = self._holders.get(peer[0])
        account = holder or self._stranger(peer[0], now)
        if not account.hellos.take(now) or not (holder or self._crowd.take(now)):
            return None
        if peer != self._hello_peer:
            self._hello_peer = peer
            self._hello_stamp = max(now, min(self._hello_stamp + 1, now + _AHEAD_S))
        used = min(holder.highest, now + _AHEAD_S) if holder else now
        stamp = max(now, self._floor_of(holder), self._hello_stamp, used)
        return stamp + self._offset(peer[0])

    def stamp(self, peer: tuple, asked: int = 0) -> int:
        """The stamp for what is sent to a peer, as the reply to a packet with the stamp `asked`.

        A peer that was handed a stamp ahead of the clock (it adds one to it, or the seconds
        since) stays as far ahead as it is.
        """
        now = self._clock_s()
        offset = self._offset(peer[0])
        floor = self._floor_of(self._holders.get(peer[0]))
        return max(now, floor, min(asked - offset - 1, now + _AHEAD_S)) + offset

    def in_window(self, peer: tuple, stamp: int) -> bool:
        """Whether the stamp is neither stale nor from the future. Costs next to nothing."""
        now = self._clock_s()
        floor = self._floor_of(self._holders.get(peer[0]))
        return max(now - _WINDOW_S, floor) <= stamp - self._offset(peer[0]) <= now + _AHEAD_S + 2

    def has_seen(self, peer: tuple, checksum: bytes) -> bool:
        """Whether this packet was taken before. `again` has the answer, for the same peer."""
        holder = self._holders.get(peer[0])
        return holder is not None and holder.has_seen(checksum)

    def admits(self, peer: tuple) -> bool:
        """Whether another packet of this address shall be looked at now. Ask once for each."""
        now = self._clock_s()
        holder = self._holders.get(peer[0])
        if holder:
            return holder.bucket.take(now)
        return self._stranger(peer[0], now).bucket.take(now) and self._crowd.take(now)

    def guessed(self, peer: tuple) -> None:
        """A packet had a wrong checksum: each costs that address more than the one before."""
        account = self._holders.get(peer[0]) or self._strangers.get(peer[0])
        if account:
            account.guessed(self._clock_s())

    def take(self, peer: tuple, checksum: bytes, stamp: int) -> None:
        """A packet was signed: its address has the token, and it will not be taken again."""
        self.hold(peer).remember(checksum, stamp - self._offset(peer[0]))

    def hold(self, peer: tuple) -> Any:
        """The account of an address that has just shown that it has the token."""
        address = peer[0]
        holder = self._holders.get(address)
        if holder is None:
            self._strangers.pop(address, None)
            if len(self._holders) >= N_HOLDERS:
                gone = self._holders.pop(_longest_unused(self._holders))
                # Its packets are forgotten, so none of that age is taken from where it was.
                self._floor = max(self._floor, gone.highest + 1)
            holder = self._holders[address] = _Holder(self._floor)
        holder.used_s = self._clock_s()
        holder.forgive()
        return holder

    def keep(self, peer: tuple, checksum: bytes, text: bytes) -> Any:
        """A request of a holder begins: a place for its answer, `.answer`, PENDING until then."""
        kept = self._holders[peer[0]].kept
        kept.append(_Kept(peer[1], checksum, text, self._clock_s()))
        while len(kept) > N_KEPT or sum([len(one.answer) for one in kept]) > _N_KEPT_BYTES:
            kept.pop(0)
        return kept[-1]

    def again(self, peer: tuple, checksum: bytes) -> bytes | None:
        """The answer that this very packet got from this very peer; None: it gets none again."""
        for kept in self._kept(peer):
            if kept.checksum == checksum and kept.n_repeats < _N_REPEATS:
                kept.n_repeats += 1
                return kept.answer
        return None

    def asked(self, peer: tuple, text: bytes) -> Any:
        """What is kept of the same request (id, method, parameters) in another packet, or None."""
        digest = hashlib.md5(text).digest()
        for kept in self._kept(peer):
            if kept.request == digest:
                return kept
        return None

    def _kept(self, peer: tuple) -> list:
        holder = self._holders.get(peer[0])
        if holder is None:
            return []
        oldest = self._clock_s() - _KEPT_S
        return [kept for kept in holder.kept if kept.port == peer[1] and kept.at_s >= oldest]

    def _floor_of(self, holder: Any) -> int:
        return holder.floor if holder else self._floor

    def _offset(self, address: str) -> int:
        offset = self._offsets.get(address)
        if offset is None:
            if len(self._offsets) >= N_OFFSETS:
                self._offsets.clear()
            digest = hashlib.md5(self._secret + address.encode()).digest()
            offset = self._offsets[address] = int.from_bytes(digest[:4], "big") & _MAX_OFFSET
        return offset

    def _stranger(self, address: str, now: int) -> _Stranger:
        stranger = self._strangers.get(address)
        if stranger is None:
            if len(self._strangers) >= N_STRANGERS:
                self._strangers.pop(_longest_unused(self._strangers))
            stranger = self._strangers[address] = _Stranger()
        stranger.used_s = now
        return stranger


def _longest_unused(accounts: dict) -> str:
    return min(accounts, key=lambda address: accounts[address].used_s)
