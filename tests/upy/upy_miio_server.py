"""The server as a function of bytes: mutated packets, faults of ours, bounded memory."""

import asyncio
import gc
import json
import random

from speaker.miot import codec
from speaker.miot.server import Later, MiioError, Server
from speaker.util import log

TOKEN = bytes(range(16))
DID = 0x01020304
PEER = ("10.0.0.9", 1234)


def fail(_params, _peer):
    raise RuntimeError("a fault of ours")


def refuse(_params, _peer):
    raise MiioError(-5001, "no")


def later(params, _peer):
    async def work():
        await asyncio.sleep_ms(params[0])
        if len(params) > 1:
            raise MiioError(-1, params[1])
        return ["done"]

    return Later(work())


class Clock:
    def __init__(self, now=1000):
        self.now = now

    def __call__(self):
        return self.now


def make(clock=None, send=None, more=None):
    methods = {
        "echo": lambda params, _peer: params,
        "fail": fail,
        "refuse": refuse,
        "later": later,
        "long": lambda params, _peer: "x" * params[0],
    }
    methods.update(more or {})
    return Server(
        TOKEN, DID, clock or Clock(), methods, lambda peer: peer[0] == "192.168.4.2", send or print
    )


HELLO = b"\x21\x31\x00\x20" + b"\xff" * 28


def stamp_for(server, peer=PEER):
    return codec.stamp_of(server.handle(HELLO, peer)) + 1


def seal(server, body, peer=PEER, stamp=None, token=TOKEN):
    """A packet as a client makes it, after a hello."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return codec.Codec(token).encrypt(DID, stamp or stamp_for(server, peer), text)


def opened(reply):
    return None if reply is None else json.loads(codec.Codec(TOKEN).decrypt(reply))


def ask(server, body, peer=PEER, stamp=None):
    return opened(server.handle(seal(server, body, peer, stamp), peer))


def test_token_is_shown_on_the_set_up_network_only():
    server = make()
    assert server.handle(HELLO, ("192.168.4.2", 1))[16:] == TOKEN
    assert server.handle(HELLO, ("192.168.1.2", 1))[16:] == b"\xff" * 16


def test_replies():
    server = make()
    assert ask(server, {"id": 1, "method": "echo", "params": ["\u00e9", 1.5, None]}) == {
        "id": 1,
        "result": ["\u00e9", 1.5, None],
    }
    assert ask(server, {"id": 2, "method": "refuse"})["error"] == {"code": -5001, "message": "no"}
    assert ask(server, {"id": 3, "method": "unknown"})["error"]["code"] == -10000
    assert ask(server, {"id": 2**31, "method": "echo", "params": 1})["id"] == 2**31
    write, log._write = log._write, lambda *_: None
    try:
        assert ask(server, {"id": 4, "method": "fail"})["error"]["code"] == -9998
    finally:
        log._write = write
    assert ask(server, {"id": 5, "method": "long", "params": [1300]})["result"] == "x" * 1300
    assert ask(server, {"id": 6, "method": "long", "params": [1400]})["error"]["code"] == -5001


def test_the_longest_reply_fits_a_packet():
    server = make()
    stamp = stamp_for(server)
    longest = 0
    for n in range(1310, 1360):
        packet = seal(server, b'{"id":%d,"method":"long","params":[%d]}' % (n, n), stamp=stamp)
        longest = max(longest, len(server.handle(packet, PEER)))
    assert 1376 < longest <= 1400, longest
    # And as much the other way: 1392 bytes are the longest that AES makes of a text.
    text = '{"id":1,"method":"echo","params":"%s"}'
    room = 1392 - codec.HEADER - 2 - len(text % "")
    packet = seal(server, (text % ("x" * room)).encode())
    assert len(packet) == 1392
    assert opened(server.handle(packet, PEER))["result"] == "x" * room
    packet = seal(server, (text % ("x" * (room + 1))).encode())
    assert len(packet) == 1408 and server.handle(packet, PEER) is None
    assert server.dropped["length"] == 1


def test_what_holds_no_request_is_dropped():
    server = make()
    for n, body in enumerate(
        (
            b"",
            b"{",
            b"[]",
            b"null",
            b'"id"',
            b"{}",
            b'{"id":null}',
            b'{"id":true,"method":"echo"}',
            b"\xff\xfe",
            b"[" * 1300,
            b'{"id":1.5,"method":"echo"}',
            b'{"id":1e999,"method":"echo"}',
            b'{"id":"1","method":"echo"}',
            b'{"id":1,"method":"\xff"}',
            b'{"id":1,"method":"echo"}{}',
            b'{"id":1,"method":"\\u00zz"}',
            b'{"id":1,"method":"\\u00',
        )
    ):
        assert ask(server, body, ("10.0.0.9", n)) is None, body
    assert server.dropped["content"] == n + 1


def test_json_of_any_legal_form():
    clock = Clock()
    server = make(clock)
    request = b'{"id":%s,"method":"echo","params":%s}'
    for n, (number, params, result) in enumerate(
        (
            (b"1", b"[]", []),
            (b" \r\n\t2 ", b' [ 1 , {"a" : [ null , true ] } ] \n', [1, {"a": [None, True]}]),
            (b"3.0", b"-0.5e1", -5),
            (b"4e0", b"1E+2", 100),
            (b"2147483647", b"12345678901234567890", 12345678901234567890),
            (b"-7", b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"', '"\\/\x08\x0c\n\r\t\u00e9'),
            (b"8", '"h\u00e9 \u4f60 \U0001f600"'.encode(), "h\u00e9 \u4f60 \U0001f600"),
            (b"9", b'"\\ud83d\\uDE00!"', "\U0001f600!"),
            (b"10", b'"\\\\ud83d\\\\ude00"', "\\ud83d\\ude00"),
            (b"11", b'"\\ud83d \\ude00"', "\ufffd \ufffd"),
            (b"12", b"[" * 300 + b"]" * 300, None),
            (b"13", b'{"a":1,"a":2}', {"a": 2}),
        )
    ):
        text = request % (number, params)
        wanted = int(float(number)) if n != 5 else -7
        peer = ("10.0.0.9", n)
        clock.now += 1
        answer = ask(server, text, peer)
        assert answer["id"] == wanted, text
        if result is not None:
            assert answer["result"] == result, (text, answer)
        for whole in (b"\xef\xbb\xbf" + text, text + bytes(30), b"\n\n" + text + b"\n"):
            assert ask(server, whole, peer)["id"] == wanted, whole
    assert sum(server.dropped.values()) == 0
    # MicroPython has no order, so these come first or last by chance.
    assert ask(server, b'{"params":[1],"method":"echo","from":"ha","id":5}')["result"] == [1]
    assert ask(server, b'{"method":"echo","id":6}')["result"] == []


def test_retries_are_answered_and_not_done_again():
    done = []
    server = make(more={"act": lambda params, _peer: done.append(params) or len(done)})
    request = {"id": 7, "method": "act", "params": [1]}
    first = seal(server, request)
    assert opened(server.handle(first, PEER)) == {"id": 7, "result": 1}
    assert opened(server.handle(first, PEER)) == {"id": 7, "result": 1}  # the very same packet
    stamp = stamp_for(server)
    for later in (1, 2, 3):  # sealed anew, with another stamp
        again = seal(server, request, stamp=stamp + later)
        assert opened(server.handle(again, PEER)) == {"id": 7, "result": 1}
        assert opened(server.handle(again, PEER)) == {"id": 7, "result": 1}
    assert len(done) == 1
    # Nothing legal is taken for a retry: another id, method, parameters, or client.
    for n, (body, peer) in enumerate(
        (
            ({"id": 107, "method": "act", "params": [1]}, PEER),  # python-miio's retry
            ({"id": 7, "method": "act", "params": [2]}, PEER),  # the ids have come round
            ({"id": 7, "method": "echo", "params": [1]}, PEER),
            ({"id": 7, "method": "act", "params": [1]}, (PEER[0], 9)),
            ({"id": 7, "method": "act", "params": [1]}, ("10.0.0.10", PEER[1])),
        )
    ):
        assert ask(server, body, peer)["result"] == ([1] if n == 2 else len(done))
    assert len(done) == 5


def test_what_only_tells_is_told_anew():
    values = [40]
    clock = Clock()
    server = make(clock, more={"get_properties": lambda _params, _peer: [values[0]]})
    request = {"id": 1, "method": "get_properties", "params": []}
    assert ask(server, request)["result"] == [40]
    values[0] = 50
    clock.now += 1
    assert ask(server, request)["result"] == [50]  # a client that never changes its ids


def test_acknowledgements_get_no_reply():
    server = make()
    for body in ({"id": 1, "result": {"code": 0}}, {"id": 2, "error": {"code": -1}}):
        assert ask(server, body) is None
    assert sum(server.dropped.values()) == 0
    ask(server, {"id": 3, "method": "echo"})
    for n in range(20):  # nor do they push out the replies that are kept
        ask(server, {"id": n, "result": {"code": 0}})
    assert len(server.guard._holders[PEER[0]].kept) == 1


def test_mutated_packets_are_dropped_and_leave_no_trace():
    clock = Clock()
    server = make(clock)
    random.seed(54321)
    good = seal(server, {"id": 1, "method": "echo", "params": [1]})

    def mutate():
        packet = bytearray(good)
        kind = random.getrandbits(2)
        if kind == 0:
            packet[random.randrange(len(packet))] ^= 1 << random.getrandbits(3)
        elif kind == 1:
            packet = packet[: random.randrange(len(packet))]
        elif kind == 2:
            packet.extend(bytes(random.randrange(1, 40)))
        else:
            for _ in range(8):
                packet[random.randrange(len(packet))] = random.getrandbits(8)
        return bytes(packet)

    def storm(n):
        for _ in range(n):
            packet = mutate()
            assert packet == good or server.handle(packet, PEER) is None

    storm(50)
    gc.collect()
    before = gc.mem_alloc()
    storm(3000)
    gc.collect()
    assert gc.mem_alloc() - before < 512, gc.mem_alloc() - before
    assert sum(server.dropped.values()) > 2900
    assert server.handle(good, PEER) is None and server.dropped["rate"]  # slowed down
    clock.now += 60
    assert server.handle(good, PEER) is not None


def test_a_flood_starves_nobody_else():
    """One address sends all it can, of every kind; another's calls are all answered."""
    clock = Clock()
    server = make(clock)
    flooder = ("10.0.0.66", 1)
    wrong = seal(server, {"id": 1, "method": "echo"}, flooder, token=bytes(16))
    right = [seal(server, {"id": n, "method": "echo"}, flooder) for n in range(20)]
    kinds = (wrong, HELLO, bytes(64), right[0], right[1], wrong[:-1])
    work = [0]
    is_signed = server._codec.is_signed

    def count(packet):
        work[0] += 1
        return is_signed(packet)

    server._codec.is_signed = count
    answered = 0
    for n in range(10_000):
        if n % 1000 == 0:
            clock.now += 1
        server.handle(kinds[n % len(kinds)], flooder)
        if n % 100 == 0:
            assert ask(server, {"id": n, "method": "echo", "params": [n]})["result"] == [n]
            answered += 1
    assert answered == 100
    # Little was hashed for the flooder: the others' packets, and what an address may guess.
    assert work[0] < 100 + 60, work
    assert server.dropped["rate"] + server.dropped["hello"] > 1500, server.dropped


def test_memory_does_not_grow_with_peers_and_requests():
    clock = Clock()
    server = make(clock)
    body = {"id": 1, "method": "echo", "params": "x" * 200}

    def serve(start, n):
        for i in range(start, start + n):
            clock.now += 1
            body["id"] = i
            assert ask(server, body, ("10.0.%d.%d" % (i // 250, i % 250), i)) is not None

    serve(0, 100)
    gc.collect()
    before = gc.mem_alloc()
    serve(100, 300)
    gc.collect()
    assert gc.mem_alloc() - before < 1024, gc.mem_alloc() - before


def test_a_method_may_answer_later():
    sent = []
    server = make(send=lambda packet, peer: sent.append((packet, peer)))
    request = {"id": 7, "method": "later", "params": [20]}
    packet = seal(server, request)

    async def run():
        assert server.handle(packet, PEER) is None
        # Repeats while it is under way: not done twice.
        assert server.handle(packet, PEER) is None
        assert ask(server, request) is None
        assert ask(server, {"id": 8, "method": "later", "params": [1, "no"]}) is None
        await asyncio.sleep_ms(60)

    asyncio.run(run())
    texts = [json.loads(codec.Codec(TOKEN).decrypt(reply)) for reply, _ in sent]
    assert texts[0] == {"id": 8, "error": {"code": -1, "message": "no"}}
    assert texts[1] == {"id": 7, "result": ["done"]}
    assert [peer for _, peer in sent] == [PEER, PEER]
    assert len(sent) == 2


def test_only_a_few_methods_are_under_way_at_a_time():
    sent = []
    server = make(send=lambda packet, _peer: sent.append(packet))

    async def run():
        for i in range(3):
            request = {"id": i, "method": "later", "params": [10_000]}
            assert ask(server, request, peer=("10.0.0.9", i)) is None
        busy = ask(server, {"id": 9, "method": "later", "params": [1]})
        assert busy["error"]["code"] == -9999, busy
        # One address cannot take the others' places.
        for i in range(3):
            request = {"id": i, "method": "later", "params": [10_000]}
            assert ask(server, request, peer=("10.0.1.%d" % i, 1)) is None
        busy = ask(server, {"id": 9, "method": "later", "params": [1]}, ("10.0.1.9", 1))
        assert busy["error"]["code"] == -9999, busy
        server.close()
        assert ask(server, {"id": 10, "method": "later", "params": [1]}) is None
        await asyncio.sleep_ms(30)

    asyncio.run(run())
    assert len(sent) == 1
