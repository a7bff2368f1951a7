"""The records that make the speaker findable: DNS-SD's for `_miio._udp` (RFC 6763), and its host.

Clients take the model from the instance's name up to its first `_`, with `-` for `.` (python-miio),
the device id from what follows `_miio` (openHAB), and the MAC address from TXT (Home Assistant).
The text has `path=/mydevice` because devices of that kind have it. No secret is in any record.
"""

from micropython import const

from speaker.net import dns
from speaker.util.hints import Any

# Bits of a set of records.
POINTER = const(1)  # the service's type -> this instance of it
SERVICE = const(2)  # where the instance is
TEXT = const(4)
ADDRESS = const(8)
TYPES = const(16)  # what types of services there are -> the type
NO_MORE_SERVICE = const(32)  # no other types of records have the instance's name
NO_MORE_ADDRESS = const(64)  # nor the host's
NAMED = const(14)  # SERVICE | TEXT | ADDRESS: the names that nobody else may have
ALL = const(127)
N_RECORDS = const(7)

_SHORT_S = const(120)  # RFC 6762, section 10: for records with a host's name or address
_LONG_S = const(4500)
_LABEL_BYTES = const(63)

_TYPE = ("_miio", "_udp", "local")


class Record:
    """One record, ready to be compared and sent."""

    def __init__(self, owner: bytes, kind: int, ttl: int, data: bytes, shared: bool) -> None:
        self.owner = owner
        self.kind = kind
        self.ttl = ttl
        self.data = data
        self.shared = shared
        self.sent_ms: Any = None  # ticks of the last multicast

    def write(self, writer: dns.Writer, section: int, ttl: int, flush: bool) -> None:
        """Add the record to a packet."""
        class_ = dns.IN | dns.TOP_BIT if flush and not self.shared else dns.IN
        writer.record(section, self.owner, self.kind, class_, ttl, self.data)


class Records:
    """All records of one instance, in the order of their bits."""

    def __init__(self, instance: str, host: str, port: int, address: bytes, text: tuple) -> None:
        kind = dns.name(*_TYPE)
        self.instance = dns.name(instance, *_TYPE)
        self.host = dns.name(host, "local")
        where = b"\x00\x00\x00\x00" + bytes((port >> 8, port & 0xFF)) + self.host
        lines = b"".join([bytes((len(line),)) + line.encode() for line in text])
        types = dns.name("_services", "_dns-sd", "_udp", "local")
        self.all = (
            Record(kind, dns.PTR, _LONG_S, self.instance, True),
            Record(self.instance, dns.SRV, _SHORT_S, where, False),
            Record(self.instance, dns.TXT, _LONG_S, lines, False),
            Record(self.host, dns.A, _SHORT_S, address, False),
            Record(types, dns.PTR, _LONG_S, kind, True),
            _no_more(self.instance, _LONG_S, (dns.TXT, dns.SRV)),
            _no_more(self.host, _SHORT_S, (dns.A,)),
        )
        # One of these is in every packet that concerns the speaker: names may be compressed, but
        # each label is there in full once.
        self._marks = (dns.name("_miio")[:-1], dns.name("_services")[:-1], dns.name(host)[:-1])

    def concern(self, packet: bytes) -> bool:
        """Whether a packet may be about any of this: quick, and wrong only in saying yes."""
        text = packet.lower()
        return any(mark in text for mark in self._marks)

    def asked(self, owner: bytes, kind: int, class_: int) -> int:
        """The records that answer a question; 0 for none."""
        if class_ & ~dns.TOP_BIT not in (dns.IN, dns.ANY):
            return 0
        found = 0
        for i in range(5):
            record = self.all[i]
            if record.owner == owner and kind in (record.kind, dns.ANY):
                found |= 1 << i
        if not found and owner == self.instance:
            return NO_MORE_SERVICE
        if not found and owner == self.host:
            return NO_MORE_ADDRESS
        return found

    def find(self, owner: bytes, kind: int, data: bytes) -> int:
        """The place of the record that is just so; -1: none is."""
        for i in range(N_RECORDS):
            record = self.all[i]
            if record.kind == kind and record.owner == owner and record.data == data:
                return i
        return -1

    def has(self, owner: bytes, kind: int) -> bool:
        """Whether there is any record of that name and type."""
        return any(record.kind == kind and record.owner == owner for record in self.all)

    def proposed(self, owner: bytes) -> list:
        """What is compared when two ask for a name at once: `[(class, type, data)...]`, sorted."""
        return sorted(
            [(dns.IN, r.kind, r.data) for r in self.all[1:4] if r.owner == owner]  # as NAMED
        )


def more(answers: int) -> int:
    """The records that whoever gets `answers` will ask for next (RFC 6763, section 12)."""
    extra = 0
    if answers & POINTER:
        extra = SERVICE | TEXT | ADDRESS | NO_MORE_SERVICE | NO_MORE_ADDRESS
    if answers & SERVICE:
        extra |= ADDRESS | NO_MORE_ADDRESS
    if answers & ADDRESS:
        extra |= NO_MORE_ADDRESS
    return extra & ~answers


def instance_label(model: str, tail: str, number: int) -> str:
    """`<model with dashes><tail>`; `tail` is `_miio<did>`.

    From 2 on, `number` tells namesakes apart. It goes to the model's end, because clients read the
    device id up to the name's end.
    """
    if number > 1:
        tail = "-%d%s" % (number, tail)
    return model.replace(".", "-")[: _LABEL_BYTES - len(tail)] + tail


def host_label(host: str, number: int) -> str:
    """The host's name; `number` tells namesakes apart from 2 on."""
    return host if number < 2 else "%s-%d" % (host, number)


def _no_more(owner: bytes, ttl: int, kinds: tuple) -> Record:
    """An NSEC record: the name has no other types than these, all below 64 (RFC 6762, 6.1)."""
    bits = bytearray(8)
    for kind in kinds:
        bits[kind >> 3] |= 0x80 >> (kind & 7)
    n = max(kinds) // 8 + 1
    return Record(owner, dns.NSEC, ttl, owner + bytes((0, n)) + bytes(bits[:n]), False)
