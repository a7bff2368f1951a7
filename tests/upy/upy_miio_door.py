"""The miIO socket under a flood: what is read between two turns of the others is bounded."""

import asyncio
import io
import json

from speaker.miot import codec, udp
from speaker.miot.server import Server

TOKEN = bytes(range(16))
DID = 0x01020304
FLOODER, POLITE = ("10.0.0.66", 6), ("10.0.0.9", 4000)
HELLO = b"\x21\x31\x00\x20" + b"\xff" * 28
MAILBOX = 6  # CONFIG_LWIP_UDP_RECVMBOX_SIZE


class Socket(io.IOBase):
    """A socket whose mailbox a flooder fills whenever there is room; one place is the polite one's.

    As on the chip, what comes while the mailbox is full is lost, before anybody sees it.
    """

    def __init__(self, floods):
        self.floods = floods
        self.mailbox = []
        self.polite = []
        self.sent = []
        self.n_read = 0

    def ioctl(self, request, flags):
        return flags & 1 if request == 3 else 0

    def recvfrom(self, _n):
        if self.polite and self.n_read % 5 == 0:
            self.mailbox.append((self.polite.pop(0), POLITE))
        while len(self.mailbox) < MAILBOX:
            kind = self.floods[(self.n_read + len(self.mailbox)) % len(self.floods)]
            self.mailbox.append((kind, FLOODER))
        self.n_read += 1
        return self.mailbox.pop(0)

    def sendto(self, packet, peer):
        self.sent.append((packet, peer))

    def close(self):
        pass


def test_sound_gets_its_turn_and_a_polite_client_its_replies():
    door = udp.Door()
    methods = {"echo": lambda params, _peer: params}
    server = Server(TOKEN, DID, lambda: 1000, methods, lambda _: False, door.send)
    door.handle = server.handle
    keys = codec.Codec(TOKEN)

    def seal(number, peer, token=TOKEN):
        stamp = codec.stamp_of(server.handle(HELLO, peer)) + 1
        text = json.dumps({"id": number, "method": "echo", "params": [number]}).encode()
        return codec.Codec(token).encrypt(DID, stamp, text)

    sock = Socket([HELLO, seal(1, FLOODER, bytes(16)), bytes(1400), seal(2, FLOODER)])
    udp.sockets.open_udp = lambda *_: sock
    n_hashed = [0]
    is_signed = server._codec.is_signed

    def count(packet):
        n_hashed[0] += 1
        return is_signed(packet)

    server._codec.is_signed = count
    turns = []
    calls = []

    async def microphone():
        for _ in range(2000):
            before = sock.n_read, len(sock.sent)
            await asyncio.sleep_ms(0)
            turns.append(sock.n_read - before[0])
            calls.append(len(sock.sent) - before[1])

    async def main():
        task = asyncio.create_task(door.run())
        for number in range(20):
            sock.polite.append(seal(100 + number, POLITE))
        await microphone()
        task.cancel()

    asyncio.run(main())
    # A microphone's turn comes after four datagrams at most, and one that is answered.
    assert max(turns) <= 4 and max(calls) <= 1, (max(turns), max(calls))
    assert sock.n_read > 1500
    answers = [json.loads(keys.decrypt(packet)) for packet, peer in sock.sent if peer == POLITE]
    assert [answer["result"] for answer in answers] == [[100 + n] for n in range(20)]
    # Nearly all of the flood is dropped unseen: 20 calls, and what one address may guess at once.
    assert n_hashed[0] < 20 + 40, n_hashed
