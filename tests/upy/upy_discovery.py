# ruff: noqa: E402 - the scripted radio comes before what imports it
"""mDNS on the board: its socket, its tasks, and how it follows the network."""

import asyncio
import gc
import io
import time

from fakes import radio

radio.install()

from speaker.app.state import Store
from speaker.net import discovery, dns
from speaker.net.provisioning import ONLINE
from speaker.util import log

PEER = ("10.0.0.9", 5353)
QUERY = b"\0\0\0\0\0\x01\0\0\0\0\0\0" + dns.name("_miio", "_udp", "local") + b"\0\x0c\x80\x01"

log.set_level(log.ERROR)


def addresses(packet):
    """The A records that a packet answers with: `[(ttl, address)...]`; None for a query."""
    reader = dns.Reader(packet)
    if not reader.is_response:
        return None
    records = [reader.record() for _ in range(reader.count(1))]
    return [(r[3], packet[r[4] : r[5]]) for r in records if r[1] == dns.A]


class Socket(io.IOBase):
    """A datagram socket with a mailbox, as asyncio and `sockets.open_udp` know it."""

    def __init__(self):
        self.mail = []
        self.sent = []
        self.groups = []
        self.open = True

    def ioctl(self, request, flags):
        if request != 3:
            return -22  # in the unix port, 0 would be the file descriptor of stdin
        return flags & 1 if self.mail else 0

    def recvfrom(self, n):
        if not self.mail:
            raise OSError(11)
        packet, peer = self.mail.pop(0)
        return packet[:n], peer

    def sendto(self, packet, peer):
        self.sent.append((packet, peer))

    def close(self):
        self.open = False


class Sockets:
    """Stands in for `speaker.net.sockets`."""

    MIIO_PORT = 54321

    def __init__(self):
        self.made = []
        self.refuse = False

    def open_udp(self, name):
        assert name == "mdns"
        if self.refuse:
            raise OSError(112)
        self.made.append(Socket())
        return self.made[-1]

    def join_group(self, sock, group, interface):
        sock.groups.append((group, interface))

    @staticmethod
    def address_bytes(address):
        return bytes([int(part) for part in address.split(".")])


class Speaker:
    def __init__(self, refuse=False):
        self.sockets = discovery.sockets = Sockets()
        self.sockets.refuse = refuse
        self.place = None
        self.names = (True, "mynah-0007")
        self.store = Store()
        self.discovery = discovery.Discovery(
            self.store,
            lambda: self.place,
            lambda: self.names,
            "mynah.speaker.test",
            7,
            b"\x30\xed\xa0\x00\x00\x07",
        )

    def run(self, steps):
        async def main():
            tasks = [asyncio.create_task(t()) for t in (self.discovery.listen, self.discovery.run)]
            await asyncio.sleep_ms(10)
            await steps(self)
            for task in tasks:
                task.cancel()

        asyncio.run(main())
        asyncio.new_event_loop()

    @property
    def sock(self):
        return self.sockets.made[-1]

    async def until(self, condition):
        start_ms = time.ticks_ms()
        while not condition():
            assert time.ticks_diff(time.ticks_ms(), start_ms) < 10_000
            await asyncio.sleep_ms(5)

    async def online(self, address="10.0.0.7"):
        self.place = (address, "255.255.255.0")
        self.store.set("net", ONLINE)
        n = len(self.sock.sent)
        await self.until(lambda: _is_announced(self.sock.sent[n:]))
        return addresses(self.sock.sent[-1][0])


def _is_announced(sent):
    return any(addresses(packet) for packet, _ in sent)


def test_it_follows_the_network():
    async def steps(speaker):
        assert speaker.sock.sent == [] and speaker.sock.groups == []
        speaker.sock.mail.append((QUERY, PEER))
        await speaker.until(lambda: not speaker.sock.mail)
        assert speaker.sock.sent == []
        assert await speaker.online() == [(120, b"\x0a\x00\x00\x07")]
        assert {peer for _, peer in speaker.sock.sent} == {("224.0.0.251", 5353)}
        assert speaker.sock.groups == [("224.0.0.251", "10.0.0.7")]
        speaker.sock.mail.append((QUERY, PEER))
        await speaker.until(lambda: speaker.sock.sent[-1][1] == PEER)
        n = len(speaker.sock.sent)
        # From elsewhere, and our own.
        speaker.sock.mail += [(QUERY, ("10.0.1.9", 5353)), (QUERY, ("10.0.0.7", 5353))]
        await speaker.until(lambda: not speaker.sock.mail)
        assert PEER not in [peer for _, peer in speaker.sock.sent[n:]]
        speaker.place = None
        speaker.store.set("net", "joining")
        await asyncio.sleep_ms(20)
        n = len(speaker.sock.sent)
        speaker.sock.mail.append((QUERY, PEER))
        await speaker.until(lambda: not speaker.sock.mail)
        assert len(speaker.sock.sent) == n
        assert await speaker.online("10.0.0.8") == [(120, b"\x0a\x00\x00\x08")]
        assert speaker.sock.groups[1:] == [("224.0.0.251", "10.0.0.8")]
        assert len(speaker.sockets.made) == 1

    Speaker().run(steps)


def test_another_address_without_a_break_is_noticed_when_somebody_asks():
    async def steps(speaker):
        await speaker.online()
        speaker.place = ("10.0.0.66", "255.255.255.0")
        n = len(speaker.sock.sent)
        speaker.sock.mail.append((QUERY, PEER))
        await speaker.until(lambda: _is_announced(speaker.sock.sent[n:]))
        assert addresses(speaker.sock.sent[-1][0]) == [(120, b"\x0a\x00\x00\x42")]

    Speaker().run(steps)


def test_it_changes_its_name_when_it_gets_an_owner():
    async def steps(speaker):
        speaker.names = (False, "mynah-0007")
        await speaker.online()
        announced = speaker.sock.sent[-1][0]
        assert b"\x1bmynah-speaker-test_miap0007" in announced and b"_miio7" not in announced
        await speaker.until(lambda: speaker.discovery._responder.poll() < 0)
        speaker.names = (True, "mynah-0007")
        n = len(speaker.sock.sent)
        speaker.sock.mail.append((QUERY, PEER))
        await speaker.until(lambda: _is_announced(speaker.sock.sent[n:]))
        goodbye = speaker.sock.sent[n][0]
        assert addresses(goodbye) == [(0, b"\x0a\x00\x00\x07")] and b"_miap0007" in goodbye
        await speaker.until(lambda: b"_miio7" in speaker.sock.sent[-1][0])

    Speaker().run(steps)


def test_an_empty_datagram_costs_a_socket_and_no_more():
    async def steps(speaker):
        await speaker.online()
        first = speaker.sock
        first.mail.append((b"", PEER))
        await speaker.until(lambda: speaker.sock is not first)
        assert not first.open
        await speaker.until(lambda: _is_announced(speaker.sock.sent))
        speaker.sock.mail.append((QUERY, PEER))
        await speaker.until(lambda: speaker.sock.sent[-1][1] == PEER)

    Speaker().run(steps)


def test_where_the_firmwares_own_responder_was_first_it_waits_for_the_network_to_go():
    async def steps(speaker):
        assert speaker.sockets.made == []
        speaker.place = ("10.0.0.7", "255.255.255.0")
        speaker.store.set("net", ONLINE)
        await asyncio.sleep_ms(20)
        speaker.discovery.goodbye()
        speaker.sockets.refuse = False
        speaker.store.set("net", "joining")
        await speaker.until(lambda: speaker.sockets.made)
        await speaker.online()

    Speaker(refuse=True).run(steps)


def test_goodbye_is_sent_at_once():
    async def steps(speaker):
        await speaker.online()
        speaker.discovery.goodbye()
        assert addresses(speaker.sock.sent[-1][0]) == [(0, b"\x0a\x00\x00\x07")]

    Speaker().run(steps)


def test_idle_it_allocates_nothing():
    # Asking a socket that is written in Python whether it has something allocates.
    discovery.readable = lambda _sock: asyncio.Event().wait()

    async def steps(speaker):
        await speaker.online()
        await speaker.until(lambda: speaker.discovery._responder.poll() < 0)
        await asyncio.sleep_ms(20)
        gc.collect()
        before = gc.mem_alloc()
        await asyncio.sleep_ms(300)
        assert gc.mem_alloc() == before, gc.mem_alloc() - before

    Speaker().run(steps)
