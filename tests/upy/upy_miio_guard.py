"""Stamps, replays, repeats and slowed guessers, on a clock that the test moves."""

import gc
import hashlib

from speaker.miot import guard
from speaker.miot.bucket import Bucket

NEAR = ("192.168.1.2", 4000)
FAR = ("192.168.1.3", 4000)


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


def make(now=1000):
    clock = Clock(now)
    return guard.Guard(clock), clock


def digest(number):
    return hashlib.md5(str(number).encode()).digest()


def take(g, peer, number, stamp=None):
    """A signed packet comes in; its stamp."""
    stamp = stamp or g.stamp(peer) + 1
    assert g.in_window(peer, stamp) and not g.has_seen(peer, digest(number))
    assert g.admits(peer)
    g.take(peer, digest(number), stamp)
    return stamp


def test_a_bucket_fills_with_time_and_a_debt_is_waited_for():
    bucket = Bucket(3, 2)
    assert [bucket.take(10) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(11) for _ in range(3)] == [True, True, False]
    assert [bucket.take(100) for _ in range(4)] == [True, True, True, False]
    bucket.charge(10)
    assert not bucket.take(104) and bucket.take(106)


def test_window():
    g, _ = make()
    now = g.stamp(NEAR)
    for stamp, inside in ((-121, False), (-120, True), (1, True), (32, True), (33, False)):
        assert g.in_window(NEAR, now + stamp) == inside, stamp
    assert not g.in_window(NEAR, 0xFFFFFFFF) and not g.in_window(NEAR, 0)


def test_each_address_has_a_clock_of_its_own():
    g, _ = make()
    stamps = [g.stamp(("10.0.0.%d" % i, 1)) for i in range(50)]
    assert len(set(stamps)) == 50 and all(0 < stamp < 1 << 31 for stamp in stamps)
    assert stamps == [g.stamp(("10.0.0.%d" % i, 2)) for i in range(50)]  # whatever the port
    assert g.hello_stamp(NEAR) == g.stamp(NEAR)
    # What was recorded of one address is of no use from another, or after a restart.
    assert not g.in_window(FAR, g.stamp(NEAR) + 1)
    assert not make()[0].in_window(NEAR, g.stamp(NEAR) + 1)


def test_a_repeat_gets_its_reply_and_nobody_else_does():
    g, _ = make()
    take(g, NEAR, 1)
    kept = g.keep(NEAR, digest(1), b"request")
    assert g.again(NEAR, digest(1)) == guard.PENDING
    kept.answer = b"one"
    assert g.has_seen(NEAR, digest(1)) and g.again(NEAR, digest(1)) == b"one"
    assert g.again((NEAR[0], 4001), digest(1)) is None
    assert g.again(FAR, digest(1)) is None
    for _ in range(10):
        g.again(NEAR, digest(1))
    assert g.again(NEAR, digest(1)) is None  # a storm of repeats makes no storm of replies


def test_the_same_request_in_a_new_packet_is_known():
    g, clock = make()
    take(g, NEAR, 1)
    g.keep(NEAR, digest(1), b"request").answer = b"one"
    assert g.asked(NEAR, b"request").answer == b"one"
    assert g.asked(NEAR, b"another") is None
    assert g.asked((NEAR[0], 4001), b"request") is None
    clock.now += 31  # a client has given up by then, and its ids may be used again
    assert g.asked(NEAR, b"request") is None


def test_a_forgotten_packet_is_stale_not_fresh():
    g, clock = make()
    taken = []
    for i in range(2000):
        clock.now = 1000 + i // 20  # 20 packets a second
        taken.append((digest(i), take(g, NEAR, i)))
    for checksum, stamp in taken:
        assert not g.in_window(NEAR, stamp) or g.has_seen(NEAR, checksum)
    # A client that says hello now gets a stamp that is taken.
    assert g.in_window(NEAR, g.hello_stamp(NEAR) + 1)


def test_a_flood_of_one_address_takes_nothing_from_another():
    g, clock = make()
    stamp = take(g, NEAR, "mine")
    g.keep(NEAR, digest("mine"), b"request").answer = b"one"
    refused = 0
    for i in range(3000):  # more than the other's share of everything
        clock.now = 1000 + i // 300
        if not g.admits(FAR):
            refused += 1
            continue
        g.take(FAR, digest(i), g.stamp(FAR) + 1)
        g.keep(FAR, digest(i), b"%d" % i).answer = b"x" * 1000
    assert refused > 2300
    assert g.has_seen(NEAR, digest("mine")) and g.again(NEAR, digest("mine")) == b"one"
    assert g.in_window(NEAR, stamp)
    assert all(g.admits(NEAR) for _ in range(50))
    assert g.hello_stamp(NEAR) is not None


def test_who_guesses_waits_longer_and_longer():
    g, clock = make()

    def waits():
        """Seconds until another guess is looked at."""
        start = clock.now
        while not g.admits(FAR):
            clock.now += 1
        g.guessed(FAR)
        return clock.now - start

    n = 0
    while waits() == 0:
        n += 1
    assert n < 5
    later = [waits() for _ in range(8)]
    assert later[:4] == sorted(later[:4]) and 4 < later[0] < 10, later
    assert all(50 < wait < 54 for wait in later[4:]), later
    assert g.admits(NEAR)  # alone
    g.take(FAR, digest(1), g.stamp(FAR) + 1)  # had the token after all
    assert g.admits(FAR)
    # Where somebody has the token, another program's old one silences it for a second or two.
    while g.admits(FAR):
        g.guessed(FAR)
    clock.now += 3
    assert g.admits(FAR)


def test_many_guessers_share_what_is_left_for_strangers():
    g, clock = make()
    take(g, NEAR, 1)
    looked_at = 0
    for i in range(5000):
        clock.now = 1000 + i // 500  # 500 a second, each from an address of its own
        peer = ("10.0.%d.%d" % (i // 250, i % 250), 1)
        g.hello_stamp(peer)
        if g.admits(peer):
            looked_at += 1
            g.guessed(peer)
    assert looked_at < 200 + 60 * 10
    assert g.admits(NEAR) and g.hello_stamp(NEAR) is not None


def test_hellos_of_one_address_are_bounded():
    g, clock = make()
    answered = sum([g.hello_stamp(FAR) is not None for _ in range(200)])
    assert answered == 120
    assert g.hello_stamp(NEAR) is not None
    clock.now += 2
    assert g.hello_stamp(FAR) is not None


def test_an_address_that_is_forgotten_is_refused_until_it_says_hello():
    g, clock = make()
    stamp = take(g, NEAR, 1)
    clock.now += 1
    for i in range(8):
        take(g, ("10.0.0.%d" % i, 1), i)
    assert not g.has_seen(NEAR, digest(1))
    assert not g.in_window(NEAR, stamp)
    assert g.in_window(NEAR, g.hello_stamp(NEAR) + 1)


def test_each_peer_gets_a_stamp_of_its_own():
    g, clock = make()
    stamps = [g.hello_stamp(("10.0.0.1", port)) for port in range(20)]
    assert len(set(stamps)) == 20
    assert g.hello_stamp(("10.0.0.1", 19)) == stamps[-1]  # python-miio says it three times
    clock.now += 100
    for port in range(25):
        assert g.in_window(("10.0.0.1", port), g.hello_stamp(("10.0.0.1", port)) + 1)
    clock.now = 2000
    assert g.hello_stamp(NEAR) == g.stamp(NEAR)


def test_the_stamp_of_a_reply_keeps_a_peer_where_it_is():
    g, _ = make()
    now = g.stamp(NEAR)
    stamp = now + 10
    for _ in range(100):  # a client that adds one to the last stamp does not run away
        stamp = g.stamp(NEAR, stamp + 1)
    assert stamp == now + 10
    assert g.stamp(NEAR, now - 100) == now


def test_memory_is_bounded():
    g, clock = make()

    def crowd(start):
        for i in range(start, start + 300):
            clock.now += 1
            peer = ("10.%d.%d.1" % (i // 250, i % 250), i)
            g.hello_stamp(peer)
            g.admits(peer)
            g.take(peer, digest(i), g.stamp(peer) + 1)
            for j in range(3):
                g.keep(peer, digest(j), b"%d" % j).answer = b"x" * 1300

    crowd(0)
    gc.collect()
    before = gc.mem_alloc()
    crowd(300)
    gc.collect()
    assert gc.mem_alloc() - before < 2048, gc.mem_alloc() - before
    assert before < 250_000, before
