"""The secure channel's packets, as a peer of the speaker sees them: bytes in, bytes out.

`host_tools/docs/secure.md` has the layout; `firmware/speaker/miot/channel.py` is the other side.
"""

from __future__ import annotations

import secrets
import struct
import time
from dataclasses import dataclass, field
from typing import final

from mynah.miio import noise
from mynah.miio.codec import PacketError

TOKEN_KEY, OWN_KEY = range(2)
"""Which key a session is opened with."""

KEY_SIZE = noise.PSK_SIZE

IDLE_S = 100.0
LIFE_S = 3500.0
"""A little less than the speaker keeps a session for (speaker/miot/session.py)."""

_MAX_COUNTER = 1 << 20
_VERSION = 1
_ASK, _TOLD, _START, _ANSWER, _DATA = range(1, 6)
_HEAD_SIZE = 4
_ASK_SIZE = 32
_NONCE_SIZE = 8
_TOLD_FORMAT = ">4s8sIIB11x"
_START_FORMAT = ">4sBxxxIII"
_DATA_FORMAT = ">4sII"
_DATA_HEAD = struct.calcsize(_DATA_FORMAT)
_ID_SIZE = 4
_PROLOGUE = b"mynah channel"
_TOKEN_SALT = b"mynah channel token"
_REQUIRED = 1
_WINDOW = 64


@dataclass(frozen=True, slots=True)
class ChannelKey:
    """A key that a speaker takes, and which of the two it is."""

    psk: bytes = field(repr=False)
    kind: int = OWN_KEY

    @classmethod
    def of_token(cls, token: bytes) -> ChannelKey:
        """What stands for the token while the secure mode is off: HKDF-SHA256 of it."""
        return cls(noise.hkdf(_TOKEN_SALT, token, 1)[0], TOKEN_KEY)


@dataclass(frozen=True, slots=True)
class Told:
    """What a speaker says to anybody who asks; nothing proves it."""

    device_id: int
    stamp: int
    is_required: bool
    """The secure mode is on: calls are taken inside the channel alone."""


def ask() -> bytes:
    """A question to a speaker; `told` reads the answer to it."""
    return _head(_ASK) + secrets.token_bytes(_NONCE_SIZE) + bytes(20)


def told(question: bytes, data: bytes) -> Told:
    """Read the answer to a question.

    Raises:
        PacketError: it is none.
    """
    if len(data) != _ASK_SIZE:
        raise PacketError("not an answer to a question")
    head, nonce, device_id, stamp, flags = struct.unpack(_TOLD_FORMAT, data)
    if head != _head(_TOLD) or nonce != question[_HEAD_SIZE : _HEAD_SIZE + _NONCE_SIZE]:
        raise PacketError("not the answer to this question")
    return Told(device_id, stamp, bool(flags & _REQUIRED))


@final
class Opening:
    """A session that is being opened: send `packet`, then `finish` with what comes back.

    Args:
        key: the key that the speaker is expected to have.
        about: its answer to a question, not older than two minutes.
        secret: the ephemeral private key, of a test; made here otherwise.
    """

    def __init__(self, key: ChannelKey, about: Told, secret: bytes | None = None) -> None:
        self._id = 1 + secrets.randbelow(0xFFFFFFFF)
        head = struct.pack(
            _START_FORMAT, _head(_START), key.kind, about.device_id, about.stamp, self._id
        )
        self._noise = noise.Initiator(key.psk, _PROLOGUE + head, secret)
        self.packet = head + self._noise.write()

    def finish(self, data: bytes) -> Session:
        """The session, once the speaker has proved that it has the key.

        Raises:
            PacketError: this is not its answer.
        """
        if data[: _HEAD_SIZE + _ID_SIZE] != _head(_ANSWER) + struct.pack(">I", self._id):
            raise PacketError("not an answer to this start")
        try:
            payload = self._noise.read(data[_HEAD_SIZE + _ID_SIZE :])
        except noise.NoiseError as error:
            raise PacketError(f"the answer is damaged: {error}") from None
        if len(payload) != _ID_SIZE:
            raise PacketError("the answer has no session number")
        sending, receiving = self._noise.split()
        return Session(self._id, int.from_bytes(payload, "big"), sending, receiving)


@final
class Session:
    """An open session: `seal` what is sent, `open` what comes.

    Args:
        own: this side's number of it, in what comes.
        remote: the speaker's, in what is sent.
        sending: Noise's cipher for what is sent.
        receiving: and for what comes.
    """

    def __init__(
        self, own: int, remote: int, sending: noise.Cipher, receiving: noise.Cipher
    ) -> None:
        self._own = own
        self._remote = remote
        self._sending = sending
        self._receiving = receiving
        self._born = self._used = time.monotonic()
        self._n_sent = 0
        self._highest = -1
        self._seen: set[int] = set()

    @property
    def is_live(self) -> bool:
        """Whether the speaker still has it, by what it says of how long it keeps one."""
        now = time.monotonic()
        young = now - self._used < IDLE_S and now - self._born < LIFE_S
        return young and self._n_sent < _MAX_COUNTER - 1

    def seal(self, text: bytes) -> bytes:
        """A packet with this text. Sent again as it is, it is answered, but not done again."""
        counter = self._n_sent
        self._n_sent += 1
        self._used = time.monotonic()
        head = struct.pack(_DATA_FORMAT, _head(_DATA), self._remote, counter)
        return head + self._sending.seal(counter, text)

    def goodbye(self) -> bytes:
        """The last packet: the speaker may forget the session."""
        return self.seal(b"")

    def open(self, data: bytes) -> bytes:
        """The text of a packet.

        Raises:
            PacketError: not of this session, damaged, or taken already.
        """
        if len(data) < _DATA_HEAD + noise.TAG_SIZE:
            raise PacketError("too short")
        head, own, counter = struct.unpack_from(_DATA_FORMAT, data)
        if head != _head(_DATA) or own != self._own:
            raise PacketError("not of this session")
        if counter <= self._highest - _WINDOW or counter in self._seen:
            raise PacketError("taken already")
        try:
            text = self._receiving.open(counter, data[_DATA_HEAD:])
        except noise.NoiseError:
            raise PacketError("damaged") from None
        self._highest = max(self._highest, counter)
        self._seen = {one for one in self._seen | {counter} if one > self._highest - _WINDOW}
        return text


def _head(kind: int) -> bytes:
    return b"MY" + bytes((_VERSION, kind))
