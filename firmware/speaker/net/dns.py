"""DNS messages as mDNS uses them (RFC 1035, RFC 6762): read within bounds, written compressed.

A name is its wire form without compression, in lower case: for each label its length and its bytes,
then a zero. So names compare as bytes do, whatever is in a label.
"""

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
# Labels and pointers followed in one packet. Thirty known answers need about two hundred.
_STEPS = const(400)


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
        self.flags = self._u16(2)
        if self.flags & (_OPCODE | _RCODE):  # RFC 6762, 18.3 and 18.11: such are ignored
            raise ValueError("opcode")

    @property
    def is_response(self) -> bool:
        """Whether it is a response, not a query."""
        return self.flags & _QR != 0

    def count(self, section: int) -> int:
        """Entries that a section claims to have: 0 questions, 1 answers, 2 authorities, 3 more."""
        return self._u16(4 + 2 * section)

    def question(self) -> tuple:
        """The next question: `(name, type, class)`."""
        asked = self._name_here()
        return asked, self._take_u16(), self._take_u16()

    def record(self) -> tuple:
        """The next record: `(name, type, class, ttl in seconds, start and end of its data)`."""
        owner = self._name_here()
        kind = self._take_u16()
        class_ = self._take_u16()
        ttl = self._take_u16() << 16 | self._take_u16()
        size = self._take_u16()
        start = self.position
        self.position += size
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

    def _u16(self, position: int) -> int:
        if position + 2 > len(self.packet):
            raise ValueError("too short")
        return self.packet[position] << 8 | self.packet[position + 1]

    def _take_u16(self) -> int:
        value = self._u16(self.position)
        self.position += 2
        return value

    def _name_here(self) -> bytes:
        read, self.position = self._name_at(self.position)
        return read

    def _name_at(self, position: int) -> tuple:
        """`(name, position behind it)`; a pointer must lead to before where its name began."""
        packet = self.packet
        parts = []
        length = 1
        after = -1
        lowest = position
        while True:
            self._steps -= 1
            if position >= len(packet) or not self._steps:
                raise ValueError("name")
            size = packet[position]
            if size == 0:
                break
            if size < 64:
                end = position + 1 + size
                length += 1 + size
                if end > len(packet) or length > _NAME_BYTES:
                    raise ValueError("name")
                parts.append(packet[position:end])
                position = end
            elif size >= 192:
                if after < 0:
                    after = position + 2
                position = self._u16(position) & 0x3FFF
                if position >= lowest:
                    raise ValueError("circle")
                lowest = position
            else:
                raise ValueError("label")
        parts.append(b"\x00")
        return b"".join(parts).lower(), (position + 1 if after < 0 else after)


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
