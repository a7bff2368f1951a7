"""The secure channel: miIO's calls inside Noise, in datagrams on the same port.

    START   the peer's stamp and its proof that it has the key      Noise's first message
    ANSWER  the session's number                                    Noise's second message
    DATA    one call, one reply or one push, as JSON

host_tools/docs/secure.md has the layout and says why. What is not proven gets no answer, and what
is not new, in time or within its address's share gets none without a look inside.
"""

import asyncio
import os
import struct

from micropython import const

from speaker.miot import noise
from speaker.miot.aead import TAG, Aead
from speaker.miot.codec import CHANNEL_MAGIC, MAX_PACKET
from speaker.miot.limits import N_SESSIONS
from speaker.miot.session import HEADER, OVERHEAD, Session
from speaker.util.hints import Any, Callable

VERSION = const(1)
ASK = const(1)
TOLD = const(2)
START = const(3)
ANSWER = const(4)
DATA = const(5)

# Which key a START is made with: one that is derived from the miIO token, or the board's own.
TOKEN = const(0)
OWN = const(1)

N_OF_ONE = const(2)  # sessions of one address

_PROLOGUE = b"mynah channel"
_N_ASK = const(32)  # ASK and TOLD: no more comes back than was sent
_START_HEAD = const(20)
_N_START = const(20 + 48)
_TOLD_FORMAT = ">4s8sIIB11x"
_START_FORMAT = ">4sBxxxIII"  # key, device's number, stamp, the peer's session id
_DATA_FORMAT = ">4sII"

_REASONS = ("length", "stamp", "replay", "busy", "rate", "proof", "full", "session", "tag")


class Channel:
    """Opens sessions and carries calls; knows no sockets.

    `guard` is the miIO server's: stamps, shares and guesses are counted together. `key(which)`
    gives the SharedKey for TOKEN or OWN, or None where that is not taken. `execute` is the
    server's; the peers that it is told of have the session's number behind address and port.
    `send(packet, peer)` carries what is no immediate reply.
    """

    def __init__(
        self,
        did: int,
        guard: Any,
        key: Callable[[int], Any],
        execute: Callable[..., Any],
        send: Callable[[Any, tuple], object],
        clock_s: Callable[[], int],
    ) -> None:
        self._did = did
        self._guard = guard
        self._key = key
        self._execute = execute
        self._send = send
        self._clock_s = clock_s
        self._aead = Aead()
        self._sessions = [Session(self._aead, _head(DATA)) for _ in range(N_SESSIONS)]
        self._scratch = bytearray(MAX_PACKET)
        self._under_way: tuple = ()
        self._begun = asyncio.Event()
        self.is_required = False  # told to whoever asks: plain calls are refused
        self.dropped = dict.fromkeys(_REASONS, 0)

    def handle(self, packet: bytes, peer: tuple) -> Any:
        """The reply to one datagram from `peer` (address, port), or None."""
        kind = packet[3] if len(packet) > 3 and packet[2] == VERSION else 0
        if kind == DATA:
            return self._data(packet, peer)
        if kind == START and len(packet) == _N_START:
            return self._start(packet, peer)
        if kind == ASK and len(packet) == _N_ASK:
            return self._tell(packet, peer)
        return self._drop("length")

    def push(self, text: bytes, peer: tuple) -> bool:
        """Send JSON to a peer that a method was told of; False: its session is gone."""
        session = self._session(peer[2], peer)
        if session is None:
            return False
        self._send(self._sealed(session, text), session.peer)
        return True

    def key_of(self, peer: tuple) -> Any:
        """The SharedKey of the session that this peer called in, or None: it was in none."""
        session = self._session(peer[2], peer) if len(peer) > 2 else None
        return session.key if session else None

    def close_all_but(self, key: Any) -> None:
        """End the sessions that were opened with another key."""
        for session in self._sessions:
            if session.key is not key:
                session.close()

    def n_live(self) -> int:
        """How many sessions there are."""
        now = self._clock_s()
        return len([one for one in self._sessions if one.is_live(now)])

    async def run(self) -> None:
        """Task: answer one START at a time, the expensive part of it in slices."""
        while True:
            await self._begun.wait()
            self._begun.clear()
            try:
                await self._open(*self._under_way)
            finally:
                self._under_way = ()

    def _tell(self, packet: bytes, peer: tuple) -> bytes | None:
        stamp = self._guard.hello_stamp(peer)
        if stamp is None:
            return self._drop("rate")
        nonce = packet[4:12]
        return struct.pack(
            _TOLD_FORMAT, _head(TOLD), nonce, self._did, stamp, 1 if self.is_required else 0
        )

    def _start(self, packet: bytes, peer: tuple) -> bytes | None:
        _, which, did, stamp, remote = struct.unpack_from(_START_FORMAT, packet)
        if did != self._did or not self._guard.in_window(peer, stamp):
            return self._drop("stamp")
        mark = packet[_START_HEAD : _START_HEAD + 16]  # of the peer's ephemeral key: never twice
        if self._guard.has_seen(peer, mark):
            answer = self._guard.again(peer, mark)
            return (answer or None) if answer is not None else self._drop("replay")
        if self._under_way:
            return self._drop("busy")
        if not self._guard.admits(peer):
            return self._drop("rate")
        key = self._key(which)
        if key is None:
            return self._drop("proof")
        handshake = noise.Responder(key, _PROLOGUE + packet[:_START_HEAD], self._aead)
        if handshake.read(packet[_START_HEAD:]) is None:
            self._guard.guessed(peer)
            return self._drop("proof")
        self._guard.take(peer, mark, stamp)
        if self._place(peer) is None:
            return self._drop("full")
        kept = self._guard.keep(peer, mark, packet)
        self._under_way = (handshake, key, kept, peer, remote)
        self._begun.set()
        return None

    async def _open(self, handshake: Any, key: Any, kept: Any, peer: tuple, remote: int) -> None:
        number = self._new_number()
        message = await handshake.write(struct.pack(">I", number))
        session = self._place(peer)
        if message is None or session is None:
            self._drop("proof" if message is None else "full")
            return
        session.open(number, remote, peer, key, handshake.split(), self._clock_s())
        kept.answer = _head(ANSWER) + struct.pack(">I", remote) + message
        self._send(kept.answer, peer)

    def _data(self, packet: bytes, peer: tuple) -> Any:
        n = len(packet) - OVERHEAD
        if n < 0 or len(packet) > MAX_PACKET:
            return self._drop("length")
        _, number, counter = struct.unpack_from(_DATA_FORMAT, packet)
        session = self._session(number, peer)
        if session is None:
            return self._drop("session")
        mark = packet[4:HEADER] + packet[-TAG:]
        if not session.is_new(counter):
            answer = self._guard.again(peer, mark)
            if answer is None:
                return self._drop("replay")
            return self._sealed(session, answer) if answer else None
        if not self._guard.admits(peer):
            return self._drop("rate")
        scratch = self._scratch
        scratch[: n + TAG] = memoryview(packet)[HEADER:]
        if not session.take(counter, scratch, n, self._clock_s()):
            return self._drop("tag")
        self._guard.hold(peer)
        if n == 0:  # the peer says goodbye
            session.close()
            return None

        def seal(answer: bytes) -> Any:  # later, the session may be another's
            return self._sealed(session, answer) if session.id == number else None

        return self._execute(bytes(scratch[:n]), (peer[0], peer[1], number), mark, seal)

    def _sealed(self, session: Session, text: bytes) -> memoryview:
        """A packet, in the one buffer: to be sent before the next one is made."""
        return memoryview(self._scratch)[: session.seal(text, self._scratch)]

    def _session(self, number: int, peer: tuple) -> Session | None:
        now = self._clock_s()
        for session in self._sessions:
            if session.id == number and session.is_live(now):
                return session if session.peer == (peer[0], peer[1]) else None
        return None

    def _place(self, peer: tuple) -> Session | None:
        """Where a session of this peer may go: never in the place of another address's live one."""
        now = self._clock_s()
        live = [one for one in self._sessions if one.is_live(now)]
        own = [one for one in live if one.peer[0] == peer[0]]
        free = [one for one in self._sessions if one not in live]
        if free and len(own) < N_OF_ONE:
            return free[0]
        return min(own, key=lambda one: one.used_s) if own else None

    def _new_number(self) -> int:
        """A session id that nobody can guess, and that is not in use."""
        while True:
            number = int.from_bytes(os.urandom(4), "big")
            if number and number not in [one.id for one in self._sessions]:
                return number

    def _drop(self, reason: str) -> Any:
        """Count it; None, which is what comes back."""
        self.dropped[reason] += 1
        return None


def _head(kind: int) -> bytes:
    """The first bytes of a packet."""
    return CHANNEL_MAGIC + bytes((VERSION, kind))
