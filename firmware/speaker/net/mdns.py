"""An mDNS responder for the speaker's records (RFC 6762). Pure: no sockets, no tasks."""

import time

from micropython import const

from speaker.net import dns
from speaker.net.mdns_outbox import Outbox
from speaker.net.mdns_records import N_RECORDS, NAMED, POINTER, TYPES, Records
from speaker.util import log
from speaker.util.hints import Any, Callable

PORT = const(5353)
GROUP = "224.0.0.251"

_OFF = const(0)
_PROBING = const(1)
_UP = const(2)

_N_PROBES = const(3)
_PROBE_MS = const(250)
_LOST_MS = const(1000)  # who proposes the lesser data yields for so long (section 8.2)
_ANNOUNCE_MS = (1000, 2000)  # after the first announcement, until the next
# More conflicts than this without a minute's peace, and each costs a longer wait (section 8.1).
_N_CONFLICTS = const(15)
_PEACE_MS = const(60_000)
_WAIT_MS = const(5000)
_N_DOUBLINGS = const(4)
_N_NAMES = const(99)


class Responder:
    """One speaker on one network.

    `send(packet, peer)` sends a packet to a peer (address, port), None: to the group. `random(low,
    high)` gives a whole number. `make(instance number, host number)` gives the `Records` to stand
    for; the numbers begin at 1 and grow with each namesake that was there first.

    `poll` does what is due. Call it when the time that it gave is over, and after `receive`.
    """

    def __init__(
        self,
        send: Callable[[bytes, tuple | None], object],
        random: Callable[[int, int], int],
        make: Callable[[int, int], Records],
    ) -> None:
        self._outbox = Outbox(send)
        self._random = random
        self._make = make
        self._numbers = [1, 1]
        self._state = _OFF
        self._step = 0
        self._step_ms: Any = 0  # when the next probe or announcement is due
        self._stepping = False
        self._more_known_from: tuple | None = None
        self._n_conflicts = 0
        self._conflict_ms: Any = 0
        self.dropped = 0  # malformed packets

    def start(self) -> None:
        """Ask whether the names are free, then announce them; also after a change of address."""
        self._outbox.records = self._make(self._numbers[0], self._numbers[1])
        self._probe_after(self._random(0, _PROBE_MS))

    def stop(self) -> None:
        """Be silent: the network is gone."""
        self._state = _OFF
        self._stepping = False
        self._outbox.pending = 0

    def goodbye(self) -> None:
        """Tell everybody that the speaker goes, and be silent.

        Also while the names are only asked for: somebody may know them from before.
        """
        if self._state != _OFF:
            self._outbox.goodbye()
        self.stop()

    def concerns(self, packet: bytes) -> bool:
        """Whether a packet is worth a closer look; quick."""
        return self._state != _OFF and self._outbox.records.concern(packet)

    def receive(self, packet: bytes, peer: tuple) -> None:
        """Take a packet that `concerns` let pass, from a peer on the home network."""
        try:
            reader = dns.Reader(packet)
            if not reader.is_response:
                self._query(reader, peer)
            elif peer[1] == PORT:
                self._response(reader)
        except ValueError:
            self.dropped += 1

    def poll(self) -> int:
        """Do what is due; milliseconds until there is more to do, -1: nothing but to listen."""
        if self._stepping and time.ticks_diff(self._step_ms, time.ticks_ms()) <= 0:
            if self._state == _PROBING:
                self._next_probe()
            else:
                self._next_announcement()
        wait_ms = self._outbox.poll()
        if self._stepping:
            step_ms = max(0, time.ticks_diff(self._step_ms, time.ticks_ms()))
            wait_ms = step_ms if wait_ms < 0 else min(wait_ms, step_ms)
        return wait_ms

    def _probe_after(self, wait_ms: int) -> None:
        self._state = _PROBING
        self._outbox.pending = 0
        self._step = 0
        self._step_after(wait_ms)

    def _step_after(self, wait_ms: int) -> None:
        self._step_ms = time.ticks_add(time.ticks_ms(), wait_ms)
        self._stepping = True

    def _next_probe(self) -> None:
        if self._step == _N_PROBES:
            self._state = _UP
            self._step = 0
            log.info("mdns", "%s", _text(self._outbox.records.instance))
            self._next_announcement()
            return
        self._outbox.probe(NAMED)
        self._step += 1
        self._step_after(_PROBE_MS)

    def _next_announcement(self) -> None:
        self._outbox.announce()
        if self._step == len(_ANNOUNCE_MS):
            self._stepping = False
            return
        self._step_after(_ANNOUNCE_MS[self._step])
        self._step += 1

    def _conflict(self, owner: bytes) -> None:
        """Somebody else stands for one of the names."""
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._conflict_ms) > _PEACE_MS:
            self._n_conflicts = 0
        self._conflict_ms = now_ms
        self._n_conflicts += 1
        log.warning("mdns", "%s is somebody else's, too", _text(owner))
        if self._state == _PROBING:  # they were first; later on it is settled by asking again
            which = 0 if owner == self._outbox.records.instance else 1
            self._numbers[which] = self._numbers[which] % _N_NAMES + 1
            self._outbox.records = self._make(self._numbers[0], self._numbers[1])
        extra = self._n_conflicts - _N_CONFLICTS
        wait_ms = self._random(0, _PROBE_MS)
        if extra > 0:
            wait_ms += _WAIT_MS << min(extra - 1, _N_DOUBLINGS)
        self._probe_after(wait_ms)

    def _query(self, reader: dns.Reader, peer: tuple) -> None:
        records = self._outbox.records
        by_multicast = by_unicast = 0
        wanted = set()  # of our names
        for _ in range(reader.count(0)):
            owner, kind, class_ = reader.question()
            found = records.asked(owner, kind, class_)
            if owner in (records.instance, records.host):
                wanted.add(owner)
            if class_ & dns.TOP_BIT:
                by_unicast |= found
            else:
                by_multicast |= found
        end = reader.position
        known = self._known(reader)
        is_probe = bool(wanted and reader.count(2))
        if self._state == _PROBING:
            if is_probe:
                self._compare(reader, wanted)
        elif peer[1] != PORT:
            self._outbox.reply_plainly(by_multicast | by_unicast, peer, reader, end)
        elif reader.count(0):
            cut = reader.flags & dns.TRUNCATED != 0
            self._answer(by_multicast, by_unicast, known, peer, is_probe, cut)
        elif peer == self._more_known_from:  # the rest of what is known to who has asked before
            self._outbox.pending &= ~known

    def _known(self, reader: dns.Reader) -> int:
        """The records that the asker has for at least half of their life (section 7.1)."""
        known = 0
        for _ in range(reader.count(1)):
            owner, kind, _class, ttl, start, end = reader.record()
            i = self._find(reader, owner, kind, start, end)
            if i >= 0 and 2 * ttl >= self._outbox.records.all[i].ttl:
                known |= 1 << i
        return known

    def _answer(
        self,
        by_multicast: int,
        by_unicast: int,
        known: int,
        peer: tuple,
        is_probe: bool,
        cut: bool,
    ) -> None:
        outbox = self._outbox
        for i in range(N_RECORDS):
            if by_unicast & 1 << i and not outbox.was_sent_lately(i):
                by_unicast &= ~(1 << i)
                by_multicast |= 1 << i
        outbox.reply(by_unicast & ~known, peer)
        by_multicast &= ~known
        if not by_multicast:
            return
        self._more_known_from = peer if cut and not outbox.pending else None
        outbox.schedule(by_multicast, self._delay_ms(by_multicast, cut, is_probe), is_probe)

    def _delay_ms(self, answers: int, cut: bool, is_probe: bool) -> int:
        """Shared records wait for others' answers, a cut query for the rest of it (section 6)."""
        if is_probe:
            return 0
        if cut:
            return self._random(400, 500)
        return self._random(20, 120) if answers & (POINTER | TYPES) else 0

    def _compare(self, reader: dns.Reader, wanted: set) -> None:
        """Two ask for a name at once: who proposes the greater data gets it (section 8.2)."""
        theirs: dict = {owner: [] for owner in wanted}
        for _ in range(reader.count(2)):
            owner, kind, class_, _ttl, start, end = reader.record()
            if owner in theirs:
                theirs[owner].append((class_ & ~dns.TOP_BIT, kind, reader.data(kind, start, end)))
        for owner, proposed in theirs.items():
            if sorted(proposed) > self._outbox.records.proposed(owner):
                self._probe_after(_LOST_MS)
                return

    def _response(self, reader: dns.Reader) -> None:
        for section in (1, 2, 3):
            for _ in range(reader.count(section)):
                owner, kind, class_, ttl, start, end = reader.record()
                if class_ & ~dns.TOP_BIT != dns.IN:
                    continue
                i = self._find(reader, owner, kind, start, end)
                if i >= 0:
                    self._others_say(i, ttl)
                elif ttl and self._is_conflict(owner, kind):
                    self._conflict(owner)
                    return

    def _find(self, reader: dns.Reader, owner: bytes, kind: int, start: int, end: int) -> int:
        """The place of a record that was read among ours; -1: it is not."""
        records = self._outbox.records
        if not records.has(owner, kind):
            return -1
        return records.find(owner, kind, reader.data(kind, start, end))

    def _others_say(self, i: int, ttl: int) -> None:
        """Somebody sent a record of ours: no need to, or, if it is to die early, all the more."""
        if self._state == _UP:
            own = self._outbox.records.all[i].ttl
            if ttl >= own:
                self._outbox.pending &= ~(1 << i)
            elif 2 * ttl < own:
                self._outbox.schedule(1 << i, 0, False)

    def _is_conflict(self, owner: bytes, kind: int) -> bool:
        records = self._outbox.records
        if owner not in (records.instance, records.host):
            return False
        if self._state == _PROBING:
            return True
        return records.has(owner, kind) and kind != dns.NSEC


def _text(wire: bytes) -> str:
    labels = []
    position = 0
    while wire[position]:
        end = position + 1 + wire[position]
        labels.append(wire[position + 1 : end].decode())
        position = end
    return ".".join(labels)
