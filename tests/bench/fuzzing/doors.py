"""The speaker's other doors: mDNS, the serial console with Improv, and the secure channel.

Each makes batches of hostile packets and, after each, does what a client does, which must go well.
"""

import struct

from zeroconf import DNSIncoming, DNSOutgoing, DNSQuestion
from zeroconf import const as dns

from fuzzing import mutations, requests
from fuzzing.targets import Crash
from mynah.miio import channel
from mynah.miio.codec import PacketError


class Door:
    """What the doors have in common. `target` is an `OnBoard` that is ready."""

    batch = 40

    def __init__(self, target):
        self._target = target
        self.heap, self.faults = None, 0
        self.good = self.out = 0

    def part(self, chance, count):
        while count > 0:
            n = min(self.batch, count)
            count -= n
            self._hostile(chance, n)
            self._check(chance)

    def _run(self, packets):
        """Everything that came out, in order."""
        found = self._target.run(packets)
        self.heap, self.faults = self._target.heap, self._target.faults
        return [outcome for outcomes in found for outcome in outcomes]

    def figures(self):
        return f"{self.good} times asked in between and answered, {self.out} packets out in all"

    def close(self):
        self._target.close()


class Mdns(Door):
    """Mutated questions and answers; what comes out must be mDNS by zeroconf's parser, and ours."""

    _TYPE = "_miio._udp.local."
    _SERVICES = "_services._dns-sd._udp.local."

    def __init__(self, target):
        super().__init__(target)
        self._instance = self._host = ""
        for _ in range(20):  # it has just joined: probes and announcements come first
            if self._ask():
                break
        else:
            raise Crash("no answer to a question for the service")

    def _query(self, *names):
        out = DNSOutgoing(dns._FLAGS_QR_QUERY)
        for name, kind in names:
            out.add_question(DNSQuestion(name, kind, dns._CLASS_IN))
        return out.packets()[0]

    def _ask(self):
        """Whether somebody who asks for the service is told of it."""
        found = False
        for _, packet in self._run([(1, self._query((self._TYPE, dns._TYPE_PTR)))]):
            message = self._read(packet)
            for record in message.answers():
                if record.type == dns._TYPE_PTR and record.name == self._TYPE:
                    self._instance = record.alias
                    found = True
                if record.type == dns._TYPE_SRV:
                    self._host = record.server
        return found

    def _read(self, packet):
        message = DNSIncoming(packet)
        if not message.valid or len(packet) > 1472:
            raise Crash(f"not a DNS message: {packet.hex()}")
        for record in message.answers():
            known = "_miio" in record.name or record.name == self._SERVICES
            if not known and not record.name.startswith("mynah"):
                raise Crash(f"a record of {record.name}")
        return message

    def _hostile(self, chance, count):
        """Noise alone brings nothing; what is made from real packets brings nothing wrong."""
        if chance.randrange(2):
            noise = [(chance.randrange(9), self._noise(chance)) for _ in range(count)]
            out = [packet for _, packet in self._run(noise) if DNSIncoming(packet).is_response()]
            if out:
                raise Crash(f"an answer to noise: {out[0].hex()}")
            return
        packets = [(chance.randrange(9), self._mutated(chance)) for _ in range(count)]
        for _, packet in self._run(packets):
            self.out += 1
            self._read(packet)

    def _noise(self, chance):
        """A header that promises much, and random bytes; no name of ours."""
        counts = [chance.choice((0, 1, 2, 50, 65535)) for _ in range(4)]
        flags = chance.choice((0, 0x8400, 0x0200, 0x8000, 0xFFFF))
        body = chance.randbytes(chance.randrange(300))
        if chance.randrange(3) == 0:  # pointers, to themselves and in circles
            body = struct.pack(">H", 0xC000 | chance.randrange(64)) * chance.randrange(1, 200)
        return struct.pack(">6H", 0, flags, *counts) + body

    def _mutated(self, chance):
        names = [self._TYPE, self._SERVICES, self._instance, self._host or self._TYPE]
        kinds = (dns._TYPE_PTR, dns._TYPE_SRV, dns._TYPE_TXT, dns._TYPE_A, dns._TYPE_ANY, 47, 28)
        asked = [
            (chance.choice(names), chance.choice(kinds)) for _ in range(chance.randrange(1, 5))
        ]
        packet = bytearray(self._query(*asked))
        if chance.randrange(3) == 0:  # a response, a cut query, an opcode
            packet[2:4] = struct.pack(">H", chance.choice((0x8400, 0x0200, 0x7800, 3)))
        if chance.randrange(3) == 0:  # counts that are not so
            at = chance.choice((4, 6, 8, 10))
            packet[at : at + 2] = struct.pack(">H", chance.choice((0, 1, 2, 9, 65535)))
        return mutations.mutate(chance, packet) if chance.randrange(4) else bytes(packet)

    def _check(self, chance):
        for _ in range(40):  # a conflict may have made it ask for its name again
            if self._ask():
                self.good += 1
                return
        raise Crash("no answer to a question for the service any more")


class Console(Door):
    """Mutated Improv frames, commands and noise on the serial line; a byte 3 would be Ctrl-C."""

    _STATE = b"IMPROV\x01\x03\x02\x02\x00\xe5"
    _COMMANDS = (
        b"mynah live\n",
        b"mynah baud 230400\n",
        b"mynah baud ",
        b"mynah feed\n",
        b"mynah token " + b"0123456789abcdef" * 2,
        b"mynah country ",
        b"mynah cancel\n",
        b"mynah privacy\n",
    )

    def _hostile(self, chance, count):
        # One at a time: in the pieces of a frame that broke off, a 3 would be Ctrl-C.
        for _ in range(count):
            for _, frame in self._run([(0, self._piece(chance))]):
                self.out += 1
                self._check_frame(frame)

    def _piece(self, chance):
        kind = chance.randrange(6)
        if kind == 0:
            return chance.choice(self._COMMANDS) + _without_3(chance.randbytes(chance.randrange(9)))
        if kind == 1:
            return _without_3(chance.randbytes(chance.randrange(200)))
        if kind == 2:
            return b"IMPROV"[: chance.randrange(7)] + b"\n"
        command = chance.choice((1, 2, 2, 4, 5, 6, 7, 0, 9, 255))
        data = _without_3(chance.randbytes(chance.choice((0, 0, 1, 5, 40, 250))))
        if chance.randrange(2):
            texts = [data[:30], data[30:60]]
            data = b"".join(bytes([len(text)]) + text for text in texts)
        body = bytes([command, len(data)]) + data
        if chance.randrange(4) == 0:  # the inner length is wrong
            body = bytes([command, chance.randrange(4, 256)]) + data
        kind = chance.choice((3, 3, 3, 1, 2, 4, 77))
        frame = b"IMPROV\x01" + bytes([kind, len(body) & 255]) + body
        frame += bytes([sum(frame) & 255])
        if chance.randrange(4) == 0:  # it breaks off, or its sum is wrong
            frame = frame[: chance.randrange(9, len(frame))]
            frame = frame[:9] + _without_3(frame[9:])
        return frame

    def _check(self, chance):
        for _ in range(10):  # what was begun, a feed or a frame, ends by itself after a while
            out = [frame for _, frame in self._run([(0, b""), (0, b"\n" + self._STATE)])]
            for frame in out:
                self._check_frame(frame)
            if any(frame[7] == 1 for frame in out):
                self.good += 1
                return
        raise Crash("no answer to a question for the state any more")

    def _check_frame(self, frame):
        """What `log.frame` wrote: answers of the feed are one character, the rest is Improv."""
        if len(frame) == 1:
            return
        good = frame[:7] == b"IMPROV\x01" and frame[-1:] == b"\n" and len(frame) == frame[8] + 11
        if not good or frame[-2] != sum(frame[:-2]) & 255:
            raise Crash(f"a broken frame: {frame.hex()}")


class Channel(Door):
    """Mutated packets of the secure channel around one good session."""

    _OWNER, _THIEF, _STRANGERS = 0, 4, range(8, 24)
    _PATIENCE = 400

    def __init__(self, target, token, spec, did, late):
        super().__init__(target)
        self._key = channel.ChannelKey.of_token(token)
        self._spec, self._did, self._late = spec, did, late
        self._session = None
        self._sent = []

    def part(self, chance, count):
        self._requests = requests.Requests(chance, self._spec, self._did, self._late)
        self._open()
        super().part(chance, count)

    def _open(self):
        """A session, as `mynah` opens one."""
        question = channel.ask()
        (told,) = self._run([(self._OWNER, question)])
        opening = channel.Opening(self._key, channel.told(question, told[1]))
        self._start = opening.packet
        out = self._run([(self._OWNER, opening.packet)])
        for _ in range(self._PATIENCE):
            if out:
                break
            out = self._run([(self._OWNER, b"")])
        else:
            raise Crash("no answer to a start")
        self._session = opening.finish(out[0][1])
        self._sent = []

    def _hostile(self, chance, count):
        packets = [self._mutated(chance) for _ in range(count)]
        out = self._run(packets)
        if out:
            raise Crash(f"an answer that is not due: {out[0][1].hex()}")

    def _mutated(self, chance):
        kind = chance.randrange(6)
        stranger = chance.choice(self._STRANGERS)
        sources = [self._start, *self._sent[-20:]]
        if kind == 0:
            size = chance.choice((0, 1, 12, 28, 31, 33, 64, 68, 300, 1400))
            return stranger, b"MY" + bytes([chance.choice((0, 1, 2)), chance.randrange(8)]) + (
                chance.randbytes(size)
            )
        if kind == 1:
            return stranger, _no_question(mutations.mutate(chance, self._start))
        if kind == 2:  # from elsewhere: another address, or another port
            return chance.choice((self._THIEF, self._OWNER + 1)), chance.choice(sources)
        packet = bytearray(chance.choice(sources))
        if kind == 3 and len(packet) > 12:  # a later counter: only the tag is wrong
            packet[8:12] = struct.pack(">I", chance.choice((1 << 10, 1 << 19, 1 << 20, 1 << 31)))
            return self._OWNER, bytes(packet) if packet[3] == 5 else b"MY"
        packet = _no_question(mutations.mutate(chance, packet))
        return (self._OWNER, b"") if packet in sources else (stranger, packet)

    def _check(self, chance):
        """A request inside the session has the answer that is due; the same packet, again."""
        text, due = self._requests.make()
        while due.id is None or due is requests.MAYBE or len(text) > 1000:
            text, due = self._requests.make()
        packet = self._session.seal(text)
        self._sent.append(packet)
        out = self._run([(self._OWNER, packet)])
        if len(out) != 1:
            raise Crash(f"{len(out)} answers to {text!r}")
        try:
            answer = requests.load(self._session.open(out[0][1]))
        except (PacketError, ValueError) as error:
            raise Crash(f"a damaged answer to {text!r}: {error}") from None
        complaint = requests.complaint(due, answer)
        if complaint:
            raise Crash(f"{complaint}\n{text!r}\n-> {answer}")
        self.good += 1
        self.out += 1


def _without_3(data):
    return data.replace(b"\x03", b"\x04")


def _no_question(packet):
    """A question is answered, whoever asks: that is another case."""
    return b"" if packet[:4] == b"MY\x01\x01" else packet
