"""The speaker's secure channel in MicroPython, with the host and `noiseprotocol` as peers."""

import itertools
import json
import struct

import pytest
from noise.connection import NoiseConnection
from upy_lines import Lines

from mynah.miio import channel, noise
from mynah.miio.channel import ChannelKey, Opening
from mynah.miio.codec import PacketError

TOKEN = bytes.fromhex("00112233445566778899aabbccddeeff")
FROM_TOKEN = ChannelKey.of_token(TOKEN)
ALICE, BOB, CAROL = ("10.0.0.1", 1111), ("10.0.0.2", 2222), ("10.0.0.3", 3333)
SET_UP = ("192.168.4.2", 4444)
HELLO = bytes.fromhex("21310020" + "ff" * 28)
IDLE_S, LIFE_S = 120, 3600
NUMBERS = itertools.count(100)


@pytest.fixture
def speaker():
    lines = Lines("channel_process.py")
    yield lines
    lines.close()


def send(speaker, packet, peer):
    """What comes back for a packet: the reply and what follows it, as bytes."""
    reply, sent = speaker.handle(packet, *peer)
    assert all(tuple(to) == peer for _, to in sent)
    return [bytes.fromhex(each) for each in ([reply] if reply else []) + [data for data, _ in sent]]


def one(speaker, packet, peer):
    (only,) = send(speaker, packet, peer)
    return only


def told(speaker, peer):
    question = channel.ask()
    return channel.told(question, one(speaker, question, peer))


def begun(speaker, peer, key=FROM_TOKEN):
    return Opening(key, told(speaker, peer))


def opened(speaker, peer, key=FROM_TOKEN):
    opening = begun(speaker, peer, key)
    return opening.finish(one(speaker, opening.packet, peer))


def request(number, method, *params):
    return json.dumps({"id": number, "method": method, "params": list(params)}).encode()


def call(speaker, session, peer, method, *params):
    number = next(NUMBERS)
    packet = session.seal(request(number, method, *params))
    reply = answer(speaker, session, packet, peer)
    assert reply["id"] == number
    return reply.get("result", reply.get("error"))


def answer(speaker, session, packet, peer):
    return json.loads(session.open(one(speaker, packet, peer)))


def dropped(speaker, **reasons):
    """What was dropped, by reason, is this and nothing else."""
    found = {reason: n for reason, n in speaker.state()["dropped"].items() if n}
    assert found == reasons


def flipped(data, i):
    return data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :]


def test_a_call(speaker):
    session = opened(speaker, ALICE)
    assert call(speaker, session, ALICE, "count") == [1]
    who = call(speaker, session, ALICE, "who")
    assert who[:2] == list(ALICE)  # methods see the address that they know, and then the session
    assert call(speaker, session, ALICE, "nonsense")["code"] == -10000
    assert speaker.state()["live"] == 1


def test_an_independent_initiator(speaker):
    """`noiseprotocol` opens a session from the layout in the documentation alone."""
    about = told(speaker, ALICE)
    head = b"MY\1\3" + b"\0\0\0\0" + struct.pack(">III", about.device_id, about.stamp, 99)
    other = NoiseConnection.from_name(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
    other.set_psks(FROM_TOKEN.psk)
    other.set_prologue(b"mynah channel" + head)
    other.set_as_initiator()
    other.start_handshake()
    answer = one(speaker, head + bytes(other.write_message()), ALICE)
    assert answer[:8] == b"MY\1\4" + struct.pack(">I", 99)
    (number,) = struct.unpack(">I", other.read_message(answer[8:]))
    sealed = other.encrypt(request(3, "count"))
    reply = one(speaker, b"MY\1\5" + struct.pack(">II", number, 0) + sealed, ALICE)
    assert reply[:12] == b"MY\1\5" + struct.pack(">II", 99, 0)
    assert json.loads(other.decrypt(reply[12:])) == {"id": 3, "result": [1]}


def test_nothing_comes_back_for_a_start_without_the_proof(speaker):
    """A changed bit anywhere, a cut end, another key: no reply, and no X25519 is computed."""
    about = told(speaker, ALICE)
    good = Opening(FROM_TOKEN, about).packet
    wrong = [flipped(good, i) for i in range(len(good))] + [good[:i] for i in range(2, len(good))]
    wrong += [good + b"\0", Opening(ChannelKey(bytes(32), channel.TOKEN_KEY), about).packet]
    wrong += [Opening(ChannelKey(FROM_TOKEN.psk, channel.OWN_KEY), about).packet]
    for packet in wrong:
        speaker.pass_time(60)  # guesses are slowed; a minute pays for many
        fresh = told(speaker, ALICE)
        stamp = good[12:16]
        if packet[12:16] == stamp:
            stamp = struct.pack(">I", fresh.stamp)
        assert send(speaker, packet[:12] + stamp[: len(packet) - 12] + packet[16:], ALICE) == []
    state = speaker.state()
    assert (state["handshakes"], state["live"]) == (0, 0)
    assert state["dropped"]["proof"] > 50
    speaker.pass_time(60)
    assert call(speaker, opened(speaker, ALICE), ALICE, "count") == [1]


def test_whoever_guesses_is_slowed_and_nobody_else(speaker):
    about = told(speaker, BOB)
    for _ in range(40):
        send(speaker, Opening(ChannelKey(bytes(32), channel.TOKEN_KEY), about).packet, BOB)
    state = speaker.state()["dropped"]
    assert state["proof"] < 10
    assert state["rate"] > 30
    assert send(speaker, Opening(FROM_TOKEN, about).packet, BOB) == []  # he waits, even if right
    assert call(speaker, opened(speaker, ALICE), ALICE, "count") == [1]
    speaker.pass_time(60)
    assert call(speaker, opened(speaker, BOB), BOB, "count") == [2]


def test_a_recorded_start_is_of_no_use(speaker):
    opening = begun(speaker, ALICE)
    answer = one(speaker, opening.packet, ALICE)
    assert send(speaker, opening.packet, BOB) == []  # stamps are one address's own
    assert one(speaker, opening.packet, ALICE) == answer  # the answer was lost: the same again
    assert send(speaker, opening.packet, (ALICE[0], 9)) == []  # from another port: none
    speaker.pass_time(31)
    assert send(speaker, opening.packet, ALICE) == []
    speaker.pass_time(100)
    assert send(speaker, opening.packet, ALICE) == []
    assert speaker.state()["handshakes"] == 1
    dropped(speaker, stamp=2, replay=2)
    opening.finish(answer)


def test_nothing_comes_back_for_a_damaged_call(speaker):
    session = opened(speaker, ALICE)
    packet = session.seal(request(1, "count"))
    for i in range(len(packet)):
        speaker.pass_time(1)
        assert send(speaker, flipped(packet, i), ALICE) == []
        assert send(speaker, packet[:i], ALICE) == []
    assert send(speaker, packet + b"\0", ALICE) == []
    assert send(speaker, packet, BOB) == []  # a session is one address's and port's
    assert send(speaker, packet, (ALICE[0], 9)) == []
    assert speaker.state()["done"] == 0
    assert answer(speaker, session, packet, ALICE)["result"] == [1]


def test_replies_are_authentic(speaker):
    session = opened(speaker, ALICE)
    reply = one(speaker, session.seal(request(1, "count")), ALICE)
    for i in range(len(reply)):
        with pytest.raises(PacketError):
            session.open(flipped(reply, i))
        with pytest.raises(PacketError):
            session.open(reply[:i])
    session.open(reply)
    with pytest.raises(PacketError, match="already"):
        session.open(reply)


def test_a_call_is_done_once(speaker):
    """A repeated packet gets the same answer again, some times, for half a minute."""
    session = opened(speaker, ALICE)
    first, second = session.seal(request(1, "count")), session.seal(request(2, "count"))
    replies = [answer(speaker, session, first, ALICE) for _ in range(7)]
    assert replies == [{"id": 1, "result": [1]}] * 7
    assert send(speaker, first, ALICE) == []
    assert answer(speaker, session, second, ALICE) == {"id": 2, "result": [2]}
    again = session.seal(request(2, "count"))  # the same request in a new packet
    assert answer(speaker, session, again, ALICE) == {"id": 2, "result": [2]}
    speaker.pass_time(31)
    assert send(speaker, again, ALICE) == []
    assert speaker.state()["done"] == 2


def test_kept_answers_stay_in_their_session(speaker):
    """Neither another session nor plain miIO gets them, from the same address and port."""
    session, other = opened(speaker, ALICE), opened(speaker, ALICE)
    text = request(1, "count")
    packet = session.seal(text)
    one(speaker, packet, ALICE)
    one(speaker, other.seal(request(2, "count")), ALICE)
    number = struct.pack(">I", other._remote)
    assert send(speaker, packet[:4] + number + packet[8:], ALICE) == []
    assert answer(speaker, other, other.seal(text), ALICE)["result"] == [3]
    assert _plain(speaker, json.loads(text), ALICE)["result"] == [4]


def test_a_call_that_takes_its_time(speaker):
    session = opened(speaker, ALICE)
    packet = session.seal(request(1, "later", 30))
    assert speaker.begin(packet, *ALICE) is None
    assert speaker.begin(packet, *ALICE) is None  # asked again meanwhile
    ((reply, to),) = speaker.wait(60)
    assert tuple(to) == ALICE
    assert json.loads(session.open(bytes.fromhex(reply))) == {"id": 1, "result": [1]}
    assert answer(speaker, session, packet, ALICE) == {"id": 1, "result": [1]}  # it was lost
    assert speaker.state()["done"] == 1
    # Its session is gone when it is done.
    speaker.begin(session.seal(request(2, "later", 20)), *ALICE)
    send(speaker, session.goodbye(), ALICE)
    assert speaker.wait(50) == []


def test_packets_out_of_order(speaker):
    session = opened(speaker, ALICE)
    packets = [session.seal(request(i, "count")) for i in range(40)]
    for i in (3, 1, 2, 0, 30, 29, 8, 7):
        assert answer(speaker, session, packets[i], ALICE)["id"] == i
    assert send(speaker, packets[6], ALICE) == []  # too old to know
    speaker.pass_time(31)
    assert send(speaker, packets[29], ALICE) == []  # taken
    assert speaker.state()["done"] == 8
    assert answer(speaker, session, packets[39], ALICE)["id"] == 39


def test_a_session_ends(speaker):
    """By a goodbye, after a time without a call, and after an hour in any case."""
    session = opened(speaker, ALICE)
    last = session.goodbye()
    assert send(speaker, last, ALICE) == []
    assert send(speaker, session.seal(request(1, "count")), ALICE) == []
    session = opened(speaker, ALICE)
    speaker.pass_time(IDLE_S)
    call(speaker, session, ALICE, "count")
    speaker.pass_time(IDLE_S + 1)
    assert send(speaker, session.seal(request(1, "count")), ALICE) == []
    session = opened(speaker, ALICE)
    for _ in range(LIFE_S // 100):
        speaker.pass_time(100)
        call(speaker, session, ALICE, "count")
    speaker.pass_time(1)
    assert send(speaker, session.seal(request(1, "count")), ALICE) == []
    assert speaker.state()["live"] == 0


def test_nobody_pushes_out_another_address(speaker):
    first = opened(speaker, ALICE)
    for port in range(10):
        opened(speaker, (BOB[0], port))  # only his own, the longest unused
    third = opened(speaker, CAROL)
    assert speaker.state()["live"] == 4
    assert call(speaker, first, ALICE, "count") == [1]
    assert call(speaker, third, CAROL, "count") == [2]
    late = ("10.0.0.4", 1)
    assert send(speaker, begun(speaker, late).packet, late) == []
    assert speaker.state()["dropped"]["full"] == 1
    speaker.pass_time(IDLE_S + 1)
    assert call(speaker, opened(speaker, late), late, "count") == [3]


def test_a_session_outlives_the_guard_s_memory_of_its_address(speaker):
    """Miio's server remembers the newest few addresses; sessions are counted by themselves."""
    session = opened(speaker, ALICE)
    for i in range(20):
        assert _plain(speaker, {"id": 1, "method": "count", "params": []}, (f"10.2.0.{i}", 5))
    assert call(speaker, session, ALICE, "count") == [21]


def test_one_handshake_at_a_time(speaker):
    """Others come to nothing meanwhile, and their senders ask again."""
    alice, bob = begun(speaker, ALICE), begun(speaker, BOB)
    assert speaker.begin(alice.packet, *ALICE) is None
    assert speaker.begin(bob.packet, *BOB) is None
    assert speaker.begin(alice.packet, *ALICE) is None
    ((answer, to),) = speaker.wait(200)
    assert tuple(to) == ALICE
    alice.finish(bytes.fromhex(answer))
    dropped(speaker, busy=1)
    bob.finish(one(speaker, bob.packet, BOB))


def test_sessions_have_numbers_of_their_own(speaker):
    """Two sessions of one peer are not mixed up; each opens with its own keys only."""
    one_, other = opened(speaker, ALICE), opened(speaker, ALICE)
    assert one_._remote != other._remote
    reply = one(speaker, one_.seal(request(1, "count")), ALICE)
    with pytest.raises(PacketError):
        other.open(reply)
    packet = other.seal(request(1, "count"))
    swapped = packet[:4] + struct.pack(">I", one_._remote) + packet[8:]
    assert send(speaker, swapped, ALICE) == []
    one_.open(reply)


def test_pushes_are_sealed_for_whoever_subscribed_inside(speaker):
    session = opened(speaker, ALICE)
    peer = call(speaker, session, ALICE, "who")
    done, ((packet, to),) = speaker.push_now('{"method":"properties_changed"}', peer)
    assert done is True
    assert tuple(to) == ALICE
    assert session.open(bytes.fromhex(packet)) == b'{"method":"properties_changed"}'
    _, ((packet, _),) = speaker.push('{"method":"again"}', peer)  # by the server, as it pushes
    assert session.open(bytes.fromhex(packet)) == b'{"method":"again"}'
    send(speaker, session.goodbye(), ALICE)
    assert speaker.push_now("{}", peer) == [False, []]
    _, ((packet, _),) = speaker.push("{}", ALICE)  # outside, as before
    assert packet.startswith("2131")


def test_garbage(speaker):
    for data in (b"MY", b"MY\1", b"MY\1\7", b"MY\2\1" + bytes(28), b"MY\1\2" + bytes(28)):
        assert send(speaker, data, ALICE) == []
    assert send(speaker, b"MY\1\1" + bytes(27), ALICE) == []
    assert send(speaker, b"MY\1\5" + bytes(1400), ALICE) == []
    dropped(speaker, length=7)
    session = opened(speaker, ALICE)
    for text in (b"{", b"[]", b"null", b"\xff", b"x" * 1372):
        assert send(speaker, session.seal(text), ALICE) == []
    assert call(speaker, session, ALICE, "count") == [1]


def test_a_storm_of_mutated_packets(speaker):
    """No answer, no work, no memory, and the session goes on."""
    session = opened(speaker, ALICE)
    call(speaker, session, ALICE, "count")
    packets = [
        begun(speaker, ALICE).packet.hex(),
        session.seal(request(1, "count")).hex(),
        session.seal(request(2, "count", "x" * 300)).hex(),
    ]
    speaker.storm(200, 1, *ALICE, packets)
    before = speaker.heap()
    for seed in range(2, 7):
        for address, port in (ALICE, BOB):
            assert speaker.storm(500, seed, address, port, packets) == [0, []]
        session = session if seed % 2 else opened(speaker, ALICE)  # it would be idle too long
    assert speaker.heap() - before < 2048
    state = speaker.state()
    assert state["done"] == 1
    assert state["handshakes"] == 4  # those that were opened here
    assert call(speaker, session, ALICE, "count") == [2]


def test_memory_does_not_grow(speaker):
    def life(i):
        peer = (f"10.1.{i % 5}.1", i)
        session = opened(speaker, peer)
        for _ in range(3):
            call(speaker, session, peer, "count")
        speaker.pass_time(200)

    for i in range(40):
        life(i)
    before = speaker.heap()
    for i in range(40, 100):
        life(i)
    assert speaker.heap() - before < 1024


def switched_on(speaker, peer=ALICE):
    """Switch the mode on as the host does; the key and the session with it."""
    session = opened(speaker, peer)
    key = ChannelKey(bytes.fromhex(call(speaker, session, peer, "mynah.secure.prepare")["key"]))
    session = opened(speaker, peer, key)
    call(speaker, session, peer, "mynah.secure.on")
    return key, session


def test_switching_on_and_off(speaker):
    from_token = opened(speaker, BOB)
    assert call(speaker, from_token, BOB, "mynah.secure.on")["code"] == -10000
    assert told(speaker, BOB).is_required is False
    key, session = switched_on(speaker)
    state = speaker.state()
    assert state["key"] == key.psk.hex()
    assert told(speaker, BOB).is_required is True
    assert send(speaker, from_token.seal(request(1, "count")), BOB) == []  # ended
    assert send(speaker, begun(speaker, BOB).packet, BOB) == []  # the token is of no use
    status = call(speaker, session, ALICE, "mynah.secure.status")
    assert status["on"] is True
    assert status["fingerprint"] in state["log"]
    assert key.psk.hex() not in state["log"]
    again = call(speaker, session, ALICE, "mynah.secure.on")
    assert again == {"fingerprint": status["fingerprint"]}  # its reply was lost, say
    assert call(speaker, session, ALICE, "mynah.secure.prepare")["code"] == -10000
    assert call(speaker, session, ALICE, "mynah.secure.off") == ["ok"]
    assert speaker.state()["key"] == ""
    assert call(speaker, opened(speaker, BOB), BOB, "mynah.secure.status")["on"] is False


def test_the_key_leaves_the_board_only_inside_a_session(speaker):
    plain = {"id": 1, "method": "mynah.secure.prepare", "params": []}
    assert _plain(speaker, plain, ALICE)["error"]["code"] == -10000
    for method in ("mynah.secure.on", "mynah.secure.off"):
        assert (
            _plain(speaker, plain | {"method": method, "id": 2}, ALICE)["error"]["code"] == -10000
        )


def test_a_speaker_without_an_owner_is_not_switched_on(speaker):
    """Its token is shown on the set-up network, so that proves nothing yet."""
    speaker.set_owned(0)
    session = opened(speaker, ALICE)
    assert "owner" in call(speaker, session, ALICE, "mynah.secure.prepare")["message"]
    speaker.set_owned(1)
    assert "key" in call(speaker, session, ALICE, "mynah.secure.prepare")


def test_each_switching_on_has_a_new_key(speaker):
    first, session = switched_on(speaker)
    call(speaker, session, ALICE, "mynah.secure.off")
    second, _ = switched_on(speaker)
    assert first.psk != second.psk
    assert send(speaker, begun(speaker, BOB, first).packet, BOB) == []


def test_a_flash_that_refuses_leaves_the_mode_off(speaker):
    session = opened(speaker, ALICE)
    key = ChannelKey(bytes.fromhex(call(speaker, session, ALICE, "mynah.secure.prepare")["key"]))
    session = opened(speaker, ALICE, key)
    speaker.fill_flash(1)
    assert call(speaker, session, ALICE, "mynah.secure.on")["code"] == -9998
    assert told(speaker, ALICE).is_required is False
    speaker.fill_flash(0)
    assert "fingerprint" in call(speaker, session, ALICE, "mynah.secure.on")
    assert told(speaker, ALICE).is_required is True


def test_plain_calls_are_refused_while_it_is_on(speaker):
    count = {"id": 1, "method": "count", "params": []}
    info = {"id": 2, "method": "miIO.info", "params": []}
    assert _plain(speaker, count, BOB)["result"] == [1]
    switched_on(speaker)
    assert _plain(speaker, count | {"id": 5}, BOB) is None
    dropped(speaker, plain=1)
    hello = one(speaker, HELLO, BOB)
    assert hello[16:] == b"\xff" * 16  # it can be found
    assert one(speaker, HELLO, SET_UP)[16:] == TOKEN  # as before: that is set-up's business
    # On the set-up network only what brings it onto a Wi-Fi is taken.
    assert _plain(speaker, count | {"id": 6}, SET_UP)["error"]["code"] == -10000
    assert _plain(speaker, info, SET_UP)["error"]["message"] == "method not found"
    assert speaker.state()["done"] == 1


def _plain(speaker, payload, peer):
    from mynah.miio import codec

    hello = codec.parse_hello(one(speaker, HELLO, peer))
    packet = codec.encode(payload, TOKEN, device_id=hello.device_id, stamp=hello.stamp + 1)
    replies = send(speaker, packet, peer)
    return codec.decode(replies[0], TOKEN).payload if replies else None


def test_no_secret_in_a_repr():
    key = ChannelKey(bytes(range(32)))
    assert "0001" not in repr(key).replace("\\x", "")
    assert "psk" not in repr(key)
    assert noise.PSK_SIZE == 32
