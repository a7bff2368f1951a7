"""The DNS codec: what it writes it reads, and no packet makes it do more than it should."""

import gc
import random

from speaker.net import dns

INSTANCE = dns.name("mynah-speaker-test_miio1", "_miio", "_udp", "local")
TYPE = dns.name("_miio", "_udp", "local")
HOST = dns.name("mynah-0001", "local")


def response():
    writer = dns.Writer(dns.RESPONSE)
    writer.record(1, TYPE, dns.PTR, dns.IN, 4500, INSTANCE)
    writer.record(1, INSTANCE, dns.SRV, dns.IN | dns.TOP_BIT, 120, b"\0\0\0\0\xd4\x31" + HOST)
    writer.record(1, INSTANCE, dns.TXT, dns.IN | dns.TOP_BIT, 4500, b"\x0epath=/mydevice")
    writer.record(3, HOST, dns.A, dns.IN | dns.TOP_BIT, 120, b"\x0a\x00\x00\x07")
    return writer.packet()


def refused(packet, read):
    try:
        read(dns.Reader(packet))
    except ValueError:
        return True
    return False


def question(reader):
    return reader.question()


def everything(reader):
    for _ in range(reader.count(0)):
        reader.question()
    for section in (1, 2, 3):
        for _ in range(reader.count(section)):
            _, kind, _, _, start, end = reader.record()
            reader.data(kind, start, end)


def test_what_is_written_is_read():
    packet = response()
    assert packet.count(b"local") == packet.count(b"\x05_miio") == 1  # compressed
    reader = dns.Reader(packet)
    assert reader.is_response and [reader.count(i) for i in range(4)] == [0, 3, 0, 1]
    read = []
    for _ in range(4):
        owner, kind, class_, ttl, start, end = reader.record()
        read.append((owner, kind, class_, ttl, reader.data(kind, start, end)))
    assert read == [
        (TYPE, 12, 1, 4500, INSTANCE),
        (INSTANCE, 33, 0x8001, 120, b"\0\0\0\0\xd4\x31" + HOST),
        (INSTANCE, 16, 0x8001, 4500, b"\x0epath=/mydevice"),
        (HOST, 1, 0x8001, 120, b"\x0a\x00\x00\x07"),
    ]
    assert reader.position == len(packet)


def test_the_query_of_rfc_1035_with_a_pointer():
    # RFC 1035, section 4.1.4: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA, and the root.
    packet = bytearray(93)
    packet[20:32] = b"\x01F\x03ISI\x04ARPA\x00"
    packet[40:46] = b"\x03FOO\xc0\x14"
    packet[64:66] = b"\xc0\x1a"
    packet[92] = 0
    reader = dns.Reader(bytes(packet))
    for position, wanted in (
        (20, dns.name("f", "isi", "arpa")),
        (40, dns.name("foo", "f", "isi", "arpa")),
        (64, dns.name("arpa")),
        (92, b"\x00"),
    ):
        behind = {20: 32, 40: 46, 64: 66, 92: 93}[position]
        assert reader._name_at(position) == (wanted, behind)
        assert dns.Reader(bytes(packet))._name_at(position) == (wanted, behind)


def test_names_are_equal_in_any_case_and_by_label():
    assert dns.name("Mynah", "LOCAL") == dns.name("mynah", "local")
    assert dns.name("a.b", "local") != dns.name("a", "b", "local")
    for labels in (("",), ("x" * 64,)):
        try:
            dns.name(*labels)
        except ValueError:
            continue
        raise AssertionError(labels)


def test_every_cut_is_refused():
    packet = response()
    for size in range(len(packet)):
        assert refused(packet[:size], everything), size


def test_circles_and_lengths_that_lie_are_refused():
    def query(name):
        return b"\0\0\0\0\0\x01\0\0\0\0\0\0" + name + b"\0\x0c\0\x01"

    for name in (
        b"\xc0\x0c",  # to itself
        b"\xc0\x0e\xc0\x0c",  # forth and back
        b"\x01a\xc0\x0c",  # round and round
        b"\xc0\xff",  # behind the end
        b"\x3fa",  # longer than the packet
        b"\x40" + 64 * b"a" + b"\0",  # a kind of label that nobody uses
        b"\x80a\0",
        4 * (b"\x3f" + 63 * b"a") + b"\0",  # 257 bytes
        127 * b"\x01a" + b"\x01a\0",
    ):
        assert refused(query(name), question), name
    assert not refused(query(127 * b"\x01a" + b"\0"), question)
    cut = bytearray(response())
    cut[12 + len(TYPE) + 8 : 12 + len(TYPE) + 10] = b"\xff\xff"  # the first record's size
    assert refused(bytes(cut), everything)


def test_a_name_within_data_ends_where_the_data_does():
    writer = dns.Writer(dns.RESPONSE)
    writer.record(1, TYPE, dns.TXT, dns.IN, 9, INSTANCE + b"!")
    packet = bytearray(writer.packet())
    packet[12 + len(TYPE) + 1] = dns.PTR
    assert refused(bytes(packet), everything)


def test_work_is_bounded_however_many_names_a_packet_claims():
    def n_read(body):
        reader = dns.Reader(b"\0\0\0\0\xff\xff\0\0\0\0\0\0" + body)
        n = 0
        try:
            while True:
                reader.question()
                n += 1
        except ValueError:
            return n

    end = b"\0\x0c\0\x01"
    long = 100 * b"\x01a" + b"\0" + end
    assert n_read(6 * long) == 3  # of 100 labels each
    assert n_read(long + 200 * (b"\xc0\x0c" + end)) < 60  # the same ones, by a pointer
    assert n_read(240 * (b"\0" + end)) < 100  # the root
    chain = b"\0" + end
    for _ in range(200):  # each to the one before
        at = 12 + len(chain) - (5 if len(chain) == 5 else 6)
        chain += bytes((0xC0 | at >> 8, at & 255)) + end
    assert 16 < n_read(chain) < 60
    reader = dns.Reader(b"\0\0\0\0\xff\xff\0\0\0\0\0\0" + chain)
    try:
        while True:
            reader.question()
    except ValueError:
        pass
    assert len(reader._known) <= 16


def test_other_kinds_of_messages_are_refused():
    for flags in (0x0800, 0x2000, 0x8401, 0x000F):
        assert refused(b"\0\0" + bytes((flags >> 8, flags & 255)) + bytes(8), lambda _: None)
    assert not refused(b"\0\0\x02\0" + bytes(8), lambda _: None)


def test_mutated_packets_are_read_or_refused_and_leave_nothing():
    random.seed(53)
    whole = response()

    def once():
        packet = bytearray(whole)
        for _ in range(random.randint(1, 6)):
            what = random.randint(0, 3)
            at = random.randint(0, len(packet) - 1)
            if what == 0:
                packet[at] = random.randint(0, 255)
            elif what == 1:
                packet[at] = random.choice(b"\xc0\x00\x3f\xff\x40\x0c")
            elif what == 2:
                packet = packet[: max(1, at)]
            else:
                packet += packet[at:]
        return refused(bytes(packet), everything)

    once()
    gc.collect()
    before = gc.mem_alloc()
    n_refused = 0
    for _ in range(10000):
        n_refused += once()
    assert 5000 < n_refused < 10000, n_refused
    gc.collect()
    assert gc.mem_alloc() <= before + 256
