"""Stamps, replays and repeats, on a clock that the test moves."""

import hashlib

from speaker.miot import guard

NEAR = ("192.168.1.2", 4000)
FAR = ("192.168.1.3", 4000)


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


def digest(number):
    return hashlib.md5(str(number).encode()).digest()


def test_window():
    g = guard.Guard(Clock(1000))
    for stamp, inside in ((879, False), (880, True), (1001, True), (1032, True), (1033, False)):
        assert g.in_window(stamp) == inside, stamp
    assert not guard.Guard(Clock(1000)).in_window(0xFFFFFFFF)


def test_a_repeat_gets_its_reply_and_a_replay_none():
    g = guard.Guard(Clock(1000))
    assert g.judge(NEAR, digest(1)) == guard.FRESH
    g.remember(digest(1), 1001)
    g.keep_reply(NEAR, digest(1), b"one")
    assert g.judge(NEAR, digest(1)) == guard.REPEATED
    assert g.reply_for(NEAR, digest(1)) == b"one"
    assert g.judge(FAR, digest(1)) == guard.REPLAYED
    assert g.judge(NEAR, digest(2)) == guard.FRESH
    g.remember(digest(2), 1001)
    g.keep_reply(NEAR, digest(2), b"two")
    assert g.judge(NEAR, digest(1)) == guard.REPLAYED  # only a peer's last reply is kept


def test_a_forgotten_packet_is_stale_not_fresh():
    clock = Clock(1000)
    g = guard.Guard(clock)
    taken = []
    for i in range(5000):
        clock.now = 1000 + i // 50  # 50 packets a second
        stamp = clock.now + 1
        assert g.in_window(stamp)
        g.remember(digest(i), stamp)
        taken.append((digest(i), stamp))
    for checksum, stamp in taken:
        assert not g.in_window(stamp) or g.judge(FAR, checksum) == guard.REPLAYED
    # A client that says hello now gets a stamp that is taken.
    assert g.in_window(g.hello_stamp(FAR) + 1)


def test_each_peer_gets_a_stamp_of_its_own():
    clock = Clock(1000)
    g = guard.Guard(clock)
    stamps = [g.hello_stamp(("10.0.0.1", port)) for port in range(20)]
    assert len(set(stamps)) == 20
    assert g.hello_stamp(("10.0.0.1", 19)) == stamps[-1]  # python-miio says it three times
    for port in range(500):
        assert g.in_window(g.hello_stamp(("10.0.0.2", port)) + 1)
    clock.now = 2000
    assert g.hello_stamp(FAR) == 2000


def test_reply_stamp_keeps_a_peer_where_it_is():
    clock = Clock(1000)
    g = guard.Guard(clock)
    stamp = 1010
    for _ in range(100):  # a client that adds one to the last stamp does not run away
        stamp = g.reply_stamp(stamp + 1)
    assert stamp == 1010
    assert g.reply_stamp(900) == 1000


def test_replies_are_bounded():
    g = guard.Guard(Clock(1000))
    for port in range(100):
        g.keep_reply(("10.0.0.1", port), digest(port), b"r")
    assert len(g._replies) == 8
    assert g.reply_for(("10.0.0.1", 99), digest(99)) == b"r"
    assert g.reply_for(("10.0.0.1", 0), digest(0)) is None
