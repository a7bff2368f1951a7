"""What an mDNS responder sends: when, to whom, and never too much (RFC 6762, sections 6 and 7)."""

import time

from micropython import const

from speaker.net import dns
from speaker.net.mdns_records import ALL, N_RECORDS, Record, more
from speaker.util.hints import Any, Callable

_GAP_MS = const(1000)  # no record is multicast more often,
_DEFENCE_GAP_MS = const(250)  # but against somebody who wants its name
_LEGACY_TTL_S = const(10)
_N_UNICAST = const(10)  # replies to single peers, a second


class Outbox:
    """Sends the records in `records`, sets of which are numbers (`mdns_records.POINTER` and so on).

    `send(packet, peer)` sends a packet to a peer (address, port), None: to everybody.
    """

    def __init__(self, send: Callable[[bytes, tuple | None], object]) -> None:
        self._send = send
        self.records: Any = None
        self.pending = 0  # records to be multicast,
        self._due_ms: Any = 0  # not before
        self._gap_ms = _GAP_MS
        self._unicast_ms: Any = 0
        self._n_unicast = 0

    def schedule(self, answers: int, wait_ms: int, defence: bool) -> None:
        """Multicast records soon; at once in `defence` of a name."""
        due_ms = time.ticks_add(time.ticks_ms(), wait_ms)
        if not self.pending or defence or time.ticks_diff(due_ms, self._due_ms) < 0:
            self._due_ms = due_ms
        self.pending |= answers
        self._gap_ms = _DEFENCE_GAP_MS if defence else _GAP_MS

    def poll(self) -> int:
        """Send what is due; milliseconds until something else is, -1: nothing is pending."""
        now_ms = time.ticks_ms()
        if self.pending and time.ticks_diff(self._due_ms, now_ms) <= 0:
            self._send_pending(now_ms)
        if not self.pending:
            return -1
        return max(0, time.ticks_diff(self._due_ms, now_ms))

    def was_sent_lately(self, i: int) -> bool:
        """Whether everybody has heard record `i` in the last quarter of its life (section 5.4)."""
        record = self.records.all[i]
        return _left_ms(record, record.ttl * 250, time.ticks_ms()) > 0

    def reply(self, answers: int, peer: tuple) -> None:
        """Tell one peer; not when there were many such replies already."""
        if answers and self._may_reply():
            self._send(self._packet(answers, more(answers)), peer)

    def reply_plainly(self, answers: int, peer: tuple, query: dns.Reader, end: int) -> None:
        """Tell a plain DNS client, which does not hear the group (section 6.7).

        Its questions end at `end`; it gets them back, and records that do not last.
        """
        if not answers or not self._may_reply():
            return
        writer = dns.Writer(dns.RESPONSE, query.packet[0] << 8 | query.packet[1])
        writer.questions(query, end)
        for section, which in ((1, answers), (3, more(answers))):
            for record in self.chosen(which):
                record.write(writer, section, min(record.ttl, _LEGACY_TTL_S), False)
        self._send(writer.packet(), peer)

    def probe(self, proposed: int) -> None:
        """Ask whether somebody stands for the names, and say what for we want them."""
        writer = dns.Writer(0)
        for owner in (self.records.instance, self.records.host):  # replies by unicast, please
            writer.question(owner, dns.ANY, dns.IN | dns.TOP_BIT)
        for record in self.chosen(proposed):
            record.write(writer, 2, record.ttl, False)
        self._send(writer.packet(), None)

    def announce(self) -> None:
        """Multicast everything, unasked."""
        self._multicast(ALL, 0, time.ticks_ms())

    def goodbye(self) -> None:
        """Have everybody forget the records."""
        writer = dns.Writer(dns.RESPONSE)
        for record in self.chosen(ALL):
            record.write(writer, 1, 0, True)
        self._send(writer.packet(), None)
        self.pending = 0

    def chosen(self, which: int) -> list:
        """The records of a set."""
        return [self.records.all[i] for i in range(N_RECORDS) if which & 1 << i]

    def _send_pending(self, now_ms: Any) -> None:
        """Send what was not sent just now; the rest stays pending until its time has come."""
        ready = later_ms = 0
        for i in range(N_RECORDS):
            if self.pending & 1 << i:
                left_ms = _left_ms(self.records.all[i], self._gap_ms, now_ms)
                if left_ms <= 0:
                    ready |= 1 << i
                elif not later_ms or left_ms < later_ms:
                    later_ms = left_ms
        self._due_ms = time.ticks_add(now_ms, later_ms)
        self._gap_ms = _GAP_MS
        if ready:
            self._multicast(ready, more(ready), now_ms)

    def _multicast(self, answers: int, extra: int, now_ms: Any) -> None:
        for i in range(N_RECORDS):
            record = self.records.all[i]
            if extra & 1 << i and _left_ms(record, _GAP_MS, now_ms) > 0:
                extra &= ~(1 << i)
            elif (answers | extra) & 1 << i:
                record.sent_ms = now_ms
        self.pending &= ~(answers | extra)
        self._send(self._packet(answers, extra), None)

    def _packet(self, answers: int, extra: int) -> bytes:
        writer = dns.Writer(dns.RESPONSE)
        for section, which in ((1, answers), (3, extra)):
            for record in self.chosen(which):
                record.write(writer, section, record.ttl, True)
        return writer.packet()

    def _may_reply(self) -> bool:
        now_ms = time.ticks_ms()
        if not 0 <= time.ticks_diff(now_ms, self._unicast_ms) < 1000:
            self._unicast_ms = now_ms
            self._n_unicast = 0
        self._n_unicast += 1
        return self._n_unicast <= _N_UNICAST


def _left_ms(record: Record, gap_ms: int, now_ms: Any) -> int:
    """How long until the record may be multicast again; 0 or less: it may."""
    if record.sent_ms is None:
        return 0
    since_ms = time.ticks_diff(now_ms, record.sent_ms)
    return gap_ms - since_ms if since_ms >= 0 else 0
