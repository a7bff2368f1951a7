"""The board's side of tests/bench/fuzz.py: packets come in, what became of each goes out.

In: how many (2 bytes), then for each its sender's number (1), its length (2) and its bytes; a batch
of none ends it. Out: for each packet how many outcomes (1), and for each of them whom it goes to
(1), its length (2) and its bytes; at the end of a batch the heap in use (4) and the faults logged
so far (2).
"""

import gc
import struct
import sys

from sim import clients, world


class Pipe:
    """Reads batches and writes what became of them."""

    def __init__(self):
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer

    def tell(self, data):
        self._out.write(data)

    def packets(self):
        """`(sender, packet)` of the next batch; None at the end."""
        count = struct.unpack("<H", self._in.read(2))[0]
        return (self._packet() for _ in range(count)) if count else None

    def _packet(self):
        sender, size = struct.unpack("<BH", self._in.read(3))
        return sender, self._in.read(size) if size else b""

    def outcomes(self, outcomes):
        """`outcomes` is a list of `(whom, bytes)`."""
        self._out.write(bytes((len(outcomes),)))
        for whom, data in outcomes:
            self._out.write(struct.pack("<BH", whom, len(data)))
            self._out.write(data)

    def end(self, faults):
        gc.collect()
        self._out.write(struct.pack("<IH", gc.mem_alloc(), faults))


def codecs(token):
    """What the firmware's codec makes of a packet: a letter, and the text of a good one."""
    from speaker.miot import codec

    one = codec.Codec(token)
    pipe = Pipe()
    while True:
        batch = pipe.packets()
        if batch is None:
            return
        for _, packet in batch:
            pipe.outcomes([(0, _read(codec, one, packet))])
        pipe.end(0)


def _read(codec, one, packet):
    if codec.is_hello(packet):
        return b"H"
    if codec.header(packet) is None:
        return b"L"
    if not one.is_signed(packet):
        return b"C"
    try:
        return b"T" + one.decrypt(packet)
    except ValueError:
        return b"P"


class Session:
    """The whole firmware, paired, in the simulated world; a packet comes every so many ms.

    `door`: which way they come. "miio" and "mdns" are the sockets of that name, "console" is the
    serial line. What comes out within `settle_ms` of a batch's last packet counts as its outcome.
    """

    def __init__(self, seed, door, packet_ms, settle_ms):
        self._world = world.World(seed, 0)
        self._door = door
        self._packet_ms = packet_ms
        self._settle_ms = settle_ms
        self._pipe = Pipe()
        self._sent = []
        self._peers = {}
        clients.Pairing(self._world, world.SSID, world.PASSWORD, self._paired)

    def run(self):
        self._world.run(1e6)
        sys.stderr.write("".join(self._world.log.faults))

    def _paired(self, token):
        speaker = self._world.speaker
        self._world.net.from_board = self._to_network
        if self._door == "console":
            self._world.log.buffer.take = lambda data: self._sent.append((0, data))
        self._pipe.tell(b"READY" + token + struct.pack("<I", speaker._server._did))
        self._world.clock.after(10_000, self._batch)

    def _batch(self):
        packets = self._pipe.packets()
        if packets is None:
            raise world.TheEnd
        previous = None
        for one in packets:
            if previous is not None:
                self._deliver(*previous)
                self._tell()
            previous = one
        self._deliver(*previous)
        self._world.clock.after(self._settle_ms, self._settled)

    def _settled(self):
        self._tell()
        self._pipe.end(self._world.log.exceptions)
        self._world.clock.after(1, self._batch)

    def _tell(self):
        self._pipe.outcomes(self._sent)
        del self._sent[:]

    def _deliver(self, sender, packet):
        self._world.clock.spend(self._packet_ms * 1000)
        if self._door == "console":
            self._world.console.data.extend(packet)
        elif packet and self._door == "miio":
            reply = self._world.speaker._door.handle(packet, self._peer(sender))
            if reply is not None:
                self._sent.append((sender, bytes(reply)))
        elif packet:
            self._world.net.put(packet, ("192.168.1.%d" % (50 + sender), 5353), 5353)
            self._world.speaker._discovery._take()

    def _peer(self, sender):
        if sender not in self._peers:
            self._peers[sender] = ("192.168.1.%d" % (50 + sender // 4), 10000 + sender % 4)
        return self._peers[sender]

    def _to_network(self, packet, destination, port):
        if self._door == "mdns" and port == 5353:
            self._sent.append((0, packet))
        elif self._door == "miio" and port == 54321:
            for sender, known in self._peers.items():
                if known == destination:
                    self._sent.append((sender, packet))


def session(seed, door, packet_ms, settle_ms):
    """One, until the other side has had enough."""
    Session(seed, door, packet_ms, settle_ms).run()
