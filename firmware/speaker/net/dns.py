"""DNS messages as mDNS uses them (RFC 1035, RFC 6762): read within bounds, written compressed.

A name is its wire form without compression, in lower case: for each label its length and its bytes,
then a zero. So names compare as bytes do, whatever is in a label.
"""

import struct

from micropython import const

A = const(1)
PTR = const(12)
TXT = const(16)
SRV = const(33)
NSEC = const(47)
ANY = const(255)
IN = const(1)

# In a question's class: answer by unicast. In a record's: forget what else has that name and type.
TOP_BIT = const(0x8000)

RESPONSE = const(0x8400)  # of the flags: a response, authoritative
TRUNCATED = const(0x0200)

_QR = const(0x8000)
_OPCODE = const(0x7800)
_RCODE = const(0x000F)
_HEADER = const(12)
_NAME_BYTES = const(255)
# What one packet may cost: a label or a pointer followed is one step, an entry three. The longest
# list of known answers that fits a packet, forty-five, needs about 270.
_STEPS = const(320)
_ENTRY_STEPS = const(3)
_N_KNOWN = const(16)  # names that are remembered, because others point to them


def name(*labels: str) -> bytes:
    """The name with these labels. ValueError for one that is empty or longer than 63 bytes."""
    wire = b""
    for label in labels:
        text = label.encode()
        if not 0 < len(text) < 64:
            raise ValueError("label %s" % label)
        wire += bytes((len(text),)) + text
    return wire.lower() + b"\x00"


class Reader:
    """Reads a packet from front to back.

    Every method raises ValueError for a packet that ends too early, whose names go in circles or
    that would take too long to read. Work and memory are bounded by the packet's size and `_STEPS`.
    """

    def __init__(self, packet: bytes) -> None:
        if len(packet) < _HEADER:
            raise ValueError("too short")
        self.packet = packet
        self.position = _HEADER
        self._steps = _STEPS
        self._known: dict = {}  # position -> the name that begins there
        self.flags = packet[2] << 8 | packet[3]
        if self.flags & (_OPCODE | _RCODE):  # RFC 6762, 18.3 and 18.11: such are ignored
            raise ValueError("opcode")

    @property
    def is_response(self) -> bool:
        """Whether it is a response, not a query."""
        return self.flags & _QR != 0

    def count(self, section: int) -> int:
        """Entries that a section claims to have: 0 questions, 1 answers, 2 authorities, 3 more."""
        at = 4 + 2 * section
        return self.packet[at] << 8 | self.packet[at + 1]

    def question(self) -> tuple:
        """The next question: `(name, type, class)`."""
        asked, position = self._name_at(self.position)
        self.position = position + 4
        self._spend(_ENTRY_STEPS)
        kind, class_ = struct.unpack_from(">HH", self.packet, position)
        return asked, kind, class_

    def record(self) -> tuple:
        """The next record: `(name, type, class, ttl in seconds, start and end of its data)`."""
        owner, position = self._name_at(self.position)
        self._spend(_ENTRY_STEPS)
        kind, class_, ttl, size = struct.unpack_from(">HHIH", self.packet, position)
        start = position + 10
        self.position = start + size
        if self.position > len(self.packet):
            raise ValueError("too short")
        return owner, kind, class_, ttl, start, self.position

    def data(self, kind: int, start: int, end: int) -> bytes:
        """A record's data, with the name in it (of PTR and SRV) as names are here."""
        lead = 6 if kind == SRV else 0
        if kind not in (PTR, SRV):
            return self.packet[start:end]
        target, after = self._name_at(start + lead)
        if after != end:
            raise ValueError("data")
        return self.packet[start : start + lead] + target

    def _spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise ValueError("too much")

    def _name_at(self, position: int) -> tuple:
        """`(name, position behind it)`; a pointer must lead to before where its name began."""
        packet = self.packet
        size = len(packet)
        start = lowest = position
        parts = []
        length = 1
        after = target = n_own = -1
        while True:
            self._spend(1)
            if position >= size:
                raise ValueError("name")
            n = packet[position]
            if n == 0:
                parts.append(b"\x00")
                break
            if n < 64:
                end = position + 1 + n
                length += 1 + n
                if end > size or length > _NAME_BYTES:
                    raise ValueError("name")
                parts.append(packet[position:end])
                position = end
                continue
            if n < 192 or position + 1 >= size:
                raise ValueError("label")
            to = (n & 0x3F) << 8 | packet[position + 1]
            if to >= lowest:
                raise ValueError("circle")
            if after < 0:
                after, target, n_own = position + 2, to, len(parts)
            position = lowest = to
            if position in self._known:
                parts.append(self._known[position])
                length += len(parts[-1]) - 1
                if length > _NAME_BYTES:
                    raise ValueError("name")
                break
        name_ = b"".join(parts).lower()
        if after < 0:
            self._remember(start, name_)
            return name_, position + 1
        if target not in self._known:
            self._remember(target, b"".join(parts[n_own:]).lower())
        return name_, after

    def _remember(self, position: int, name_: bytes) -> None:
        if len(self._known) < _N_KNOWN:
            self._known[position] = name_


class Writer:
    """Writes a packet: questions, then records, section after section (1 to 3 as in `count`)."""

    def __init__(self, flags: int, identity: int = 0) -> None:
        self._data = bytearray(_HEADER)
        self._names: dict = {}
        self._set_u16(0, identity)
        self._set_u16(2, flags)

    def packet(self) -> bytes:
        """What was written so far."""
        return bytes(self._data)

    def question(self, asked: bytes, kind: int, class_: int) -> None:
        """Add a question."""
        self._count(0)
        self._name(asked)
        self._u16(kind)
        self._u16(class_)

    def questions(self, reader: Reader, end: int) -> None:
        """Repeat another packet's questions, which end at `end`, byte for byte."""
        self._data.extend(reader.packet[_HEADER:end])
        self._set_u16(4, reader.count(0))

    def record(
        self, section: int, owner: bytes, kind: int, class_: int, ttl: int, data: bytes
    ) -> None:
        """Add a record; `data` as `Reader.data` gives it, `ttl` in seconds."""
        self._count(section)
        self._name(owner)
        self._u16(kind)
        self._u16(class_)
        self._u16(ttl >> 16)
        self._u16(ttl & 0xFFFF)
        at = len(self._data)
        self._u16(0)
        if kind in (PTR, SRV):
            lead = 6 if kind == SRV else 0
            self._data.extend(data[:lead])
            self._name(data[lead:])
        else:
            self._data.extend(data)
        self._set_u16(at, len(self._data) - at - 2)

    def _count(self, section: int) -> None:
        at = 4 + 2 * section
        self._set_u16(at, (self._data[at] << 8 | self._data[at + 1]) + 1)

    def _name(self, wire: bytes) -> None:
        position = 0
        while wire[position]:
            rest = wire[position:]
            known = self._names.get(rest)
            if known is not None:
                self._u16(0xC000 | known)
                return
            if len(self._data) < 0x4000:
                self._names[rest] = len(self._data)
            end = position + 1 + wire[position]
            self._data.extend(wire[position:end])
            position = end
        self._data.append(0)

    def _u16(self, value: int) -> None:
        self._data.append(value >> 8)
        self._data.append(value & 0xFF)

    def _set_u16(self, position: int, value: int) -> None:
        self._data[position] = value >> 8
        self._data[position + 1] = value & 0xFF
