"""The board's side of tests/bench/fuzz.py: packets come in, what became of each goes out.

In: how many (2 bytes), then for each its sender's number (1), its length (2) and its bytes; a batch
of none ends it. Out: for each packet how many outcomes (1), and for each of them whom it goes to
(1), its length (2) and its bytes; at the end of a batch the heap in use (4) and the faults logged
so far (2).
"""

import gc
import struct
import sys

from speaker.miot import codec


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
    one = codec.Codec(token)
    pipe = Pipe()
    while True:
        batch = pipe.packets()
        if batch is None:
            return
        for _, packet in batch:
            pipe.outcomes([(0, _read(one, packet))])
        pipe.end(0)


def _read(one, packet):
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


def server(seed, packet_ms):
    """The whole firmware, paired, in the simulated world; a packet comes every so many ms."""
    from sim import clients, world

    where = world.World(seed, 0)
    pipe = Pipe()
    sent = []
    peers = {}

    def peer_of(sender):
        if sender not in peers:
            peers[sender] = ("192.168.1.%d" % (50 + sender // 4), 10000 + sender % 4)
        return peers[sender]

    def number_of(peer):
        for sender, known in peers.items():
            if known == peer:
                return sender
        return 255

    def batch():
        packets = pipe.packets()
        if packets is None:
            world._raise(world.TheEnd)
        door = where.speaker._door
        for sender, packet in packets:
            where.clock.spend(packet_ms * 1000)
            reply = door.handle(packet, peer_of(sender)) if packet else None
            if reply is not None:
                sent.append((sender, reply))
            pipe.outcomes(sent)
            del sent[:]
        pipe.end(len(where.log.faults))
        where.clock.after(1, batch)

    def paired(token):
        where.speaker._door.send = lambda packet, peer: sent.append((number_of(peer), packet))
        did = where.speaker._server._did
        pipe.tell(b"READY" + token + struct.pack("<I", did))
        where.clock.after(10_000, batch)

    clients.Pairing(where, world.SSID, world.PASSWORD, paired)
    where.run(1e6)
    sys.stderr.write("".join(where.log.faults))
