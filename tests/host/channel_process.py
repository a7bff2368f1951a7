"""Runs inside MicroPython: the speaker's channel and miIO server, by lines of JSON.

Methods: `count` counts its calls, `later` answers after some ms, `who` tells its peer.
"""

import asyncio
import gc
import json
import random
import sys
from binascii import hexlify, unhexlify

from speaker.app import stand_ins
from speaker.app.secure_door import SecureDoor
from speaker.app.stand_ins import add_methods, steps
from speaker.miot import noise
from speaker.miot.server import Later, Server
from speaker.util import log
from speaker.util.late import Late
from speaker.util.supervise import Supervisor

DID = 0x12345678
TOKEN = unhexlify("00112233445566778899aabbccddeeff")
SET_UP = "192.168.4.2"


class Settings:
    token = TOKEN
    channel_key = b""
    owned = True
    full = False

    def set_channel_key(self, key):
        if self.full:
            raise OSError(28)
        self.channel_key = key


class World:
    now = 1000
    n_done = 0
    n_handshakes = 0
    sent: list = []


def count(_params, _peer):
    World.n_done += 1
    return [World.n_done]


def later(params, _peer):
    async def work():
        World.n_done += 1
        await asyncio.sleep_ms(params[0])
        return [World.n_done]

    return Later(work())


def send(packet, peer):
    World.sent.append([hexlify(packet).decode(), list(peer)])


def clock_s():
    return World.now


async def counted(self, payload, secret=b""):
    World.n_handshakes += 1
    return await plain_write(self, payload, secret)


plain_write = noise.Responder.write
noise.Responder.write = counted
lines: list = []
log._write = lambda *parts: lines.append(" ".join([str(part) for part in parts]))

settings = Settings()
methods = {"count": count, "later": later, "who": lambda _params, peer: list(peer)}
server = Server(TOKEN, DID, clock_s, methods, lambda peer: peer[0] == SET_UP, send)
late = Late(
    "secure channel",
    steps,
    "secure",
    settings,
    DID,
    server,
    send,
    clock_s,
    methods,
    Supervisor(None).start,
)
add_methods(methods, stand_ins.SECURE_METHODS, late)
mode = SecureDoor(settings, late, server, lambda address: address == SET_UP, send)


async def pause(ms):
    await asyncio.sleep_ms(ms)


def handle(packet, address, port):
    """The reply, and what was sent besides, after other tasks had their turn."""
    reply = mode.handle(unhexlify(packet), (address, port))
    reply = None if reply is None else hexlify(reply).decode()
    asyncio.run(pause(1))
    for _ in range(40):
        if secure.channel._under_way:
            asyncio.run(pause(1))
    return [reply, taken()]


def begin(packet, address, port):
    """The reply, before any other task has its turn."""
    reply = mode.handle(unhexlify(packet), (address, port))
    return None if reply is None else hexlify(reply).decode()


def wait(ms):
    asyncio.run(pause(ms))
    return taken()


def taken():
    sent, World.sent = World.sent, []
    return sent


def push(text, peer):
    return [server.push(text.encode(), tuple(peer)), taken()]


def push_now(text, peer):
    return [secure.channel.push(text.encode(), tuple(peer)), taken()]


def pass_time(seconds):
    World.now += seconds


def state():
    dropped = dict(secure.channel.dropped)
    dropped["plain"] = server.dropped["secure"]
    return {
        "done": World.n_done,
        "handshakes": World.n_handshakes,
        "dropped": dropped,
        "live": secure.channel.n_live(),
        "key": hexlify(settings.channel_key).decode(),
        "log": "".join(lines),
    }


def set_owned(owned):
    settings.owned = bool(owned)


def fill_flash(full):
    settings.full = bool(full)


def storm(n, seed, address, port, packets):
    """Send `n` packets that differ from these in some way; how many were answered."""
    random.seed(seed)
    packets = [unhexlify(packet) for packet in packets]
    peer = (address, port)
    n_answered = 0
    for i in range(n):
        if i % 20 == 0:
            World.now += 1
        packet = bytearray(random.choice(packets))
        kind = random.getrandbits(2)
        if kind == 0:
            packet[random.randrange(len(packet))] ^= 1 << random.getrandbits(3)
        elif kind == 1:
            packet = packet[: random.randrange(len(packet))]
        elif kind == 2:
            packet.extend(bytes(random.randrange(1, 200)))
        else:
            for _ in range(8):
                packet[random.randrange(4, len(packet))] = random.getrandbits(8)
        if bytes(packet) not in packets:
            n_answered += mode.handle(bytes(packet), peer) is not None
    return [n_answered, taken()]


def heap():
    gc.collect()
    return gc.mem_alloc()


async def start():
    return await late.get()


FUNCTIONS = (
    handle, begin, wait, push, push_now, pass_time, state, fill_flash, set_owned, storm, heap,
)  # fmt: skip
COMMANDS = {f.__name__: f for f in FUNCTIONS}
secure = asyncio.run(start())
while True:
    line = sys.stdin.readline()
    if not line:
        break
    name, arguments = json.loads(line)
    print(json.dumps(COMMANDS[name](*arguments)))
