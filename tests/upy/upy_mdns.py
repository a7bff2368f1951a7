"""The mDNS responder, in a time of its own: who asks what, and what it says when."""

import gc
import random
import time as real_time

from speaker.net import dns, mdns, mdns_outbox
from speaker.net.mdns_records import Records, host_label, instance_label
from speaker.util import log

PEER = ("10.0.0.9", 5353)
OTHER = ("10.0.0.8", 5353)
CLIENT = ("10.0.0.9", 40000)  # a plain DNS client
ADDRESS = b"\x0a\x00\x00\x07"
QU = dns.IN | dns.TOP_BIT

TYPE = dns.name("_miio", "_udp", "local")
TYPES = dns.name("_services", "_dns-sd", "_udp", "local")
INSTANCE = dns.name("mynah-speaker-test_miio7", "_miio", "_udp", "local")
HOST = dns.name("mynah-0007", "local")
SECOND = dns.name("mynah-speaker-test-2_miio7", "_miio", "_udp", "local")

log.set_level(log.ERROR)


class Clock:
    def __init__(self):
        self.now_ms = 1000
        self.ticks_add, self.ticks_diff = real_time.ticks_add, real_time.ticks_diff

    def ticks_ms(self):
        return self.now_ms


class Network:
    """A responder and what it sends: `[(ms, what, peer)...]`."""

    def __init__(self, up=True, address=ADDRESS):
        self.clock = mdns.time = mdns_outbox.time = Clock()
        self.sent = []
        self.address = address
        self.responder = mdns.Responder(self._send, lambda _low, high: high, self._make)
        self.responder.start()
        if up:
            self.run(10_000)
            self.sent.clear()

    def _make(self, instance, host):
        return Records(
            instance_label("mynah.speaker.test", "_miio7", instance),
            host_label("mynah-0007", host),
            54321,
            self.address,
            ("path=/mydevice",),
        )

    def _send(self, packet, peer):
        self.sent.append((self.clock.now_ms, packet, peer))

    def run(self, ms):
        """Let time pass, exactly from one due time to the next."""
        end_ms = self.clock.now_ms + ms
        while True:
            wait_ms = self.responder.poll()
            assert wait_ms != 0
            if wait_ms < 0 or self.clock.now_ms + wait_ms > end_ms:
                break
            self.clock.now_ms += wait_ms
        self.clock.now_ms = end_ms

    def ask(self, *questions, peer=PEER, flags=0, known=(), proposed=(), wait_ms=1000):
        """Send a query and let time pass; what came of it, `[(ms after, entries, peer)...]`."""
        writer = dns.Writer(flags, 0x1234)
        for owner, kind, class_ in questions:
            writer.question(owner, kind, class_)
        for section, records in ((1, known), (2, proposed)):
            for owner, kind, ttl, data in records:
                writer.record(section, owner, kind, dns.IN, ttl, data)
        return self.take(writer.packet(), peer, wait_ms)

    def say(self, *records, peer=PEER, wait_ms=1000):
        """Send a response of somebody else's and let time pass; what came of it."""
        writer = dns.Writer(dns.RESPONSE)
        for owner, kind, ttl, data in records:
            writer.record(1, owner, kind, dns.IN | dns.TOP_BIT, ttl, data)
        return self.take(writer.packet(), peer, wait_ms)

    def take(self, packet, peer, wait_ms=1000):
        start_ms = self.clock.now_ms
        n = len(self.sent)
        if self.responder.concerns(packet):
            self.responder.receive(packet, peer)
        self.run(wait_ms)
        return [(ms - start_ms, read(sent), to) for ms, sent, to in self.sent[n:]]

    def quiet(self, ms=2_000_000):
        """So long that everything may be multicast again, and nothing was lately."""
        self.run(ms)
        self.sent.clear()


def read(packet):
    """`[{type...}]` of each section; questions have `(name, type, class)`."""
    reader = dns.Reader(packet)
    sections = [[reader.question() for _ in range(reader.count(0))]]
    for section in (1, 2, 3):
        records = []
        for _ in range(reader.count(section)):
            owner, kind, class_, ttl, start, end = reader.record()
            records.append((owner, kind, class_, ttl, reader.data(kind, start, end)))
        sections.append(records)
    assert reader.position == len(packet)
    return sections


def kinds(records):
    return [record[1] for record in records]


SERVICE_DATA = b"\0\0\0\0\xd4\x31" + HOST
POINTER = (TYPE, dns.PTR, 4500, INSTANCE)


def test_probes_then_announcements():
    network = Network(up=False)
    network.run(60_000)
    times = [ms - 1000 for ms, _, _ in network.sent]
    assert times == [250, 500, 750, 1000, 2000, 4000], times
    assert all(peer is None for _, _, peer in network.sent)
    questions, answers, authorities, more = read(network.sent[0][1])
    assert questions == [(INSTANCE, 255, QU), (HOST, 255, QU)]
    assert (answers, more) == ([], [])
    assert [(r[0], r[1], r[2]) for r in authorities] == [
        (INSTANCE, 33, 1),
        (INSTANCE, 16, 1),
        (HOST, 1, 1),
    ]
    questions, answers, authorities, more = read(network.sent[3][1])
    assert (questions, authorities, more) == ([], [], [])
    assert answers[:5] == [
        (TYPE, 12, 1, 4500, INSTANCE),
        (INSTANCE, 33, 0x8001, 120, SERVICE_DATA),
        (INSTANCE, 16, 0x8001, 4500, b"\x0epath=/mydevice"),
        (HOST, 1, 0x8001, 120, ADDRESS),
        (TYPES, 12, 1, 4500, TYPE),
    ]
    assert kinds(answers[5:]) == [47, 47]
    assert network.responder.poll() == -1  # nothing but to listen


def test_a_browser_gets_all_it_will_ask_for():
    network = Network()
    [(ms, (questions, answers, _, more), to)] = network.ask((TYPE, dns.PTR, dns.IN))
    assert (ms, to, questions) == (120, None, [])
    assert answers == [(TYPE, 12, 1, 4500, INSTANCE)]
    assert kinds(more) == [33, 16, 1, 47, 47]
    network.quiet()
    [(ms, (_, answers, _, more), _)] = network.ask((INSTANCE, dns.ANY, dns.IN))
    assert (ms, kinds(answers), kinds(more)) == (0, [33, 16], [1, 47])
    network.quiet()
    [(_, (_, answers, _, more), _)] = network.ask((TYPES, dns.PTR, dns.IN))
    assert answers == [(TYPES, 12, 1, 4500, TYPE)] and more == []


def test_what_there_is_not():
    network = Network()
    [(_, (_, answers, _, _), _)] = network.ask((HOST, 28, dns.IN))  # AAAA
    assert answers == [(HOST, 47, 0x8001, 120, HOST + b"\0\x01\x40")]
    network.quiet()
    [(_, (_, answers, _, _), _)] = network.ask((INSTANCE, dns.A, dns.IN))
    assert answers == [(INSTANCE, 47, 0x8001, 4500, INSTANCE + b"\0\x05\0\0\x80\0\x40")]
    network.quiet()
    for question in (
        (TYPE, dns.TXT, dns.IN),
        (TYPE, dns.PTR, 3),
        (dns.name("_http", "_tcp", "local"), dns.PTR, dns.IN),
        (dns.name("mynah-0008", "local"), dns.A, dns.IN),
    ):
        assert network.ask(question) == []


def test_case_does_not_matter():
    network = Network()
    query = bytearray(b"\0\0\0\0\0\x01\0\0\0\0\0\0\x05_MIIO\x04_uDp\x05LOCAL\0\0\x0c\0\x01")
    [(_, (_, answers, _, _), _)] = network.take(bytes(query), PEER)
    assert answers == [(TYPE, 12, 1, 4500, INSTANCE)]


def test_no_record_more_than_once_a_second():
    network = Network()
    for _ in range(200):
        network.ask((TYPE, dns.PTR, dns.IN), (HOST, dns.A, dns.IN), wait_ms=20)
    last_ms = {}
    for ms, packet, _ in network.sent:
        _, answers, _, more = read(packet)
        for owner, kind, _, _, data in answers + more:
            key = (owner, kind, data)
            assert ms - last_ms.get(key, 0) >= 1000, key
            last_ms[key] = ms
    assert 3 <= len([1 for _, packet, _ in network.sent if dns.A in kinds(read(packet)[1])]) <= 5


def test_who_asks_by_unicast_is_answered_alone_if_all_have_heard_lately():
    network = Network()
    [(ms, (_, answers, _, more), to)] = network.ask((TYPE, dns.PTR, QU))
    assert (ms, to, kinds(answers), kinds(more)) == (0, PEER, [12], [33, 16, 1, 47, 47])
    network.run(40_000)  # a third of the short records' life
    both = network.ask((TYPE, dns.PTR, QU), (HOST, dns.A, QU))
    assert [(kinds(sections[1]), to) for _, sections, to in both] == [([12], PEER), ([1], None)]


def test_one_peer_gets_few_replies():
    network = Network()
    for _ in range(100):
        network.ask((TYPE, dns.PTR, QU), peer=PEER, wait_ms=5)
    assert len(network.sent) == 10
    network.run(1000)
    assert len(network.ask((TYPE, dns.PTR, QU))) == 1


def test_a_plain_dns_client_is_answered_as_by_a_name_server():
    network = Network()
    writer = dns.Writer(0, 0xABCD)
    writer.question(TYPE, dns.PTR, dns.IN)
    asked = writer.packet().replace(b"_miio", b"_mIIo")
    network.take(asked, CLIENT)
    [(_, packet, to)] = network.sent
    assert to == CLIENT and packet[:2] == b"\xab\xcd"
    assert packet[12 : len(asked)] == asked[12:]  # the question in its own words
    questions, answers, _, more = read(packet)
    assert questions == [(TYPE, 12, 1)]
    assert all((r[3], r[2]) == (10, 1) for r in answers + more)  # short, and no flush
    network.quiet()
    assert network.ask((TYPE, dns.PTR, QU), peer=CLIENT)[0][2] == CLIENT


def test_what_is_known_is_not_told_again():
    network = Network()
    assert network.ask((TYPE, dns.PTR, dns.IN), known=[POINTER]) == []
    assert network.ask((TYPE, dns.PTR, QU), known=[POINTER]) == []
    half = (TYPE, dns.PTR, 2250, INSTANCE)
    assert network.ask((TYPE, dns.PTR, dns.IN), known=[half]) == []
    less = (TYPE, dns.PTR, 2249, INSTANCE)
    assert len(network.ask((TYPE, dns.PTR, dns.IN), known=[less])) == 1
    network.quiet()
    another = (TYPE, dns.PTR, 4500, SECOND)
    assert len(network.ask((TYPE, dns.PTR, dns.IN), known=[another])) == 1


def test_a_packet_full_of_known_answers_is_read_to_its_end():
    network = Network()
    others = [
        (TYPE, dns.PTR, 4500, dns.name("lamp%d_miio%d" % (i, i), "_miio", "_udp", "local"))
        for i in range(46)
    ]
    assert len(network.ask((TYPE, dns.PTR, dns.IN), known=others)) == 1
    network.quiet()
    assert network.ask((TYPE, dns.PTR, dns.IN), known=others[1:] + [POINTER]) == []
    assert network.responder.dropped == 0


def test_a_query_in_several_packets():
    network = Network()
    question = (TYPE, dns.PTR, dns.IN)
    assert network.ask(question, flags=dns.TRUNCATED, wait_ms=100) == []
    assert network.ask(known=[POINTER]) == []
    assert network.ask(question, flags=dns.TRUNCATED, wait_ms=100) == []
    [(ms, _, _)] = network.ask(known=[POINTER], peer=OTHER)  # that is not who asked
    assert ms == 400
    network.quiet()
    # Somebody else asks, too: that cannot be taken back by who knows.
    network.ask(question, flags=dns.TRUNCATED, wait_ms=100)
    network.ask(question, peer=OTHER, wait_ms=10)
    assert len(network.ask(known=[POINTER])) == 1


def test_others_answers_make_ours_needless():
    network = Network()
    network.ask((TYPES, dns.PTR, dns.IN), wait_ms=10)
    assert network.say((TYPES, dns.PTR, 4500, TYPE)) == []
    # But somebody who ends the life of ours is put right.
    [(_, (_, answers, _, _), to)] = network.say((HOST, dns.A, 0, ADDRESS))
    assert (to, answers) == (None, [(HOST, 1, 0x8001, 120, ADDRESS)])


def test_a_namesake_that_was_there_first_keeps_the_name():
    network = Network(up=False)
    network.run(600)
    network.sent.clear()
    taken = (INSTANCE, dns.SRV, 120, b"\0\0\0\0\0\x09" + dns.name("elsewhere", "local"))
    for _, (questions, _, _, _), _ in network.say(taken, wait_ms=800):
        assert questions[0][0] == SECOND and questions[1][0] == HOST
    [(_, (_, answers, _, more), _)] = network.ask((TYPE, dns.PTR, dns.IN), wait_ms=5000)[-1:]
    assert answers[0][4] == SECOND
    # The host's name, too, and twice.
    network.responder.start()
    network.run(300)
    for name in ("mynah-0007", "mynah-0007-2"):
        network.say((dns.name(name, "local"), dns.A, 120, b"\x0a\x00\x00\x63"), wait_ms=300)
    network.run(10_000)
    _, answers, _, _ = read(network.sent[-1][1])
    assert answers[3][0] == dns.name("mynah-0007-3", "local")
    assert answers[1][4] == b"\0\0\0\0\xd4\x31" + dns.name("mynah-0007-3", "local")


def test_any_record_of_another_with_the_name_is_a_conflict_but_no_record_of_ours():
    for kind, data in ((dns.TXT, b"\x00"), (28, bytes(16)), (dns.A, b"\x0a\x00\x00\x63")):
        network = Network(up=False)
        network.run(300)
        network.say((HOST, kind, 120, data), wait_ms=10_000)
        assert read(network.sent[-1][1])[1][3][0] == dns.name("mynah-0007-2", "local")
    for record in (
        (HOST, dns.A, 120, ADDRESS),  # our own, come back
        (HOST, dns.A, 0, b"\x0a\x00\x00\x63"),  # somebody's goodbye
        (dns.name("mynah-0008", "local"), dns.A, 120, b"\x0a\x00\x00\x63"),
    ):
        network = Network(up=False)
        network.run(300)
        network.say(record, wait_ms=10_000)
        assert read(network.sent[-1][1])[1][3][0] == HOST


def test_of_two_who_ask_at_once_the_greater_data_wins():
    question = (HOST, dns.ANY, QU)
    for last, yields in ((8, True), (7, False), (6, False)):
        network = Network(up=False)
        network.run(300)
        network.sent.clear()
        proposed = [(HOST, dns.A, 120, bytes((10, 0, 0, last)))]
        sent = network.ask(question, peer=OTHER, proposed=proposed, wait_ms=10_000)
        assert sent[0][0] == (1000 if yields else 200), sent[0]
        assert read(network.sent[-1][1])[1][3][0] == HOST  # who won has not spoken again
    # More records win against the same and fewer.
    network = Network(up=False)
    network.run(300)
    proposed = [(HOST, dns.A, 120, ADDRESS), (HOST, 28, 120, bytes(16))]
    assert network.ask(question, peer=OTHER, proposed=proposed, wait_ms=10_000)[0][0] == 1000


def test_the_name_is_defended_at_once():
    network = Network()
    proposed = [(HOST, dns.A, 120, b"\x0a\x00\x00\x63")]
    for question in ((HOST, dns.ANY, dns.IN), (HOST, dns.ANY, QU)):
        network.quiet()
        [(ms, (_, answers, _, _), to)] = network.ask(question, peer=OTHER, proposed=proposed)
        assert (ms, to, answers[0][0]) == (0, None, HOST)
        network.run(-700)  # again, 300 ms later: too early for others
        [(ms, _, to)] = network.ask((HOST, dns.ANY, dns.IN), peer=OTHER, proposed=proposed)
        assert (ms, to) == (0, None)


def test_a_namesake_that_comes_later_is_asked_and_may_win():
    network = Network()
    stranger = (HOST, dns.A, 120, b"\x0a\x00\x00\x63")
    sent = network.say(stranger, wait_ms=10_000)
    assert len(sent[0][1][0]) == 2  # it asks again, by its old name
    assert read(network.sent[-1][1])[1][3][0] == HOST
    network.say(stranger, wait_ms=300)
    network.say(stranger, wait_ms=10_000)  # it insists
    assert read(network.sent[-1][1])[1][3][0] == dns.name("mynah-0007-2", "local")


def test_what_somebody_denies_to_have_is_no_conflict():
    network = Network()
    assert network.say((HOST, dns.NSEC, 120, HOST + b"\0\x01\x00")) == []
    assert network.say((HOST, 28, 120, bytes(16))) == []  # nor is what we have none of


def test_whoever_takes_every_name_only_slows_it_down():
    network = Network(up=False)
    start_ms = network.clock.now_ms
    for _ in range(20):
        n = len(network.sent)
        while len(network.sent) == n:
            network.run(50)
        owner = read(network.sent[-1][1])[0][1][0]
        network.say((owner, dns.A, 120, b"\x0a\x00\x00\x63"), wait_ms=1)
    assert network.clock.now_ms - start_ms > 5000 * (1 + 2 + 4 + 8)
    network.run(200_000)
    assert len(read(network.sent[-1][1])[1]) == 7  # it is announced in the end


def test_goodbye_and_a_new_address():
    network = Network()
    network.responder.goodbye()
    [(_, packet, to)] = network.sent
    _, answers, _, _ = read(packet)
    assert to is None and answers[0][:2] == (TYPE, 12)
    assert [r[3] for r in answers] == 7 * [0]
    assert network.ask((TYPE, dns.PTR, dns.IN)) == []
    network.address = b"\x0a\x00\x00\x08"
    network.responder.start()
    network.run(10_000)
    _, answers, _, _ = read(network.sent[-1][1])
    assert answers[3] == (HOST, 1, 0x8001, 120, b"\x0a\x00\x00\x08")
    network.responder.stop()
    network.sent.clear()
    network.responder.goodbye()  # nobody is there to hear it
    network.run(1000)
    assert network.sent == [] and network.responder.poll() == -1


def test_labels():
    assert instance_label("mynah.speaker.bread-compact", "_miio1", 1) == (
        "mynah-speaker-bread-compact_miio1"
    )
    long = instance_label(60 * "m", "_miio4294967295", 12)
    assert long.endswith("m-12_miio4294967295") and len(long) == 63
    assert host_label("mynah-0007", 1) == "mynah-0007"


def test_malformed_packets_are_dropped_and_leave_nothing():
    random.seed(54)
    network = Network()
    whole = []
    for flags, section in ((0, 1), (0, 2), (dns.RESPONSE, 1)):
        writer = dns.Writer(flags)
        if not flags:
            writer.question(TYPE, dns.PTR, dns.IN)
            writer.question(INSTANCE, dns.ANY, QU)
        writer.record(section, TYPE, dns.PTR, dns.IN, 4500, INSTANCE)
        writer.record(section, INSTANCE, dns.SRV, dns.IN, 120, SERVICE_DATA)
        writer.record(section, HOST, dns.A, dns.IN, 120, ADDRESS)
        whole.append(writer.packet())

    def once(i):
        packet = bytearray(whole[i % 3])
        for _ in range(random.randint(1, 4)):
            at = random.randint(0, len(packet) - 1)
            if random.randint(0, 3):
                packet[at] = random.randint(0, 255)
            else:
                packet = packet[: max(1, at)]
        packet = bytes(packet)
        network.responder.receive(packet, (PEER, CLIENT, OTHER)[i % 3])
        network.run(20)
        network.sent.clear()

    for i in range(100):
        once(i)
    gc.collect()
    before = gc.mem_alloc()
    for i in range(10_000):
        once(i)
    gc.collect()
    assert gc.mem_alloc() <= before + 512
    assert 5000 < network.responder.dropped < 10_100
    network.run(100_000)
    network.quiet()
    [(_, (_, answers, _, _), _)] = network.ask((TYPE, dns.PTR, dns.IN))
    assert answers[0][:2] == (TYPE, 12)
