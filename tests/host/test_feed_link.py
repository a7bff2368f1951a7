"""The host's side of a feed, against a scripted board: damage, loss, a dead link, baud rates."""

import threading
from collections import deque

import numpy as np
import pytest

from mynah.errors import BoardTimeoutError, VerificationError
from mynah.wake import board as board_module
from mynah.wake import frames
from mynah.wake.board import BoardWake

ACKS = b"\x10\x12\x14\x16"
NAK = b"\x15"


class Board:
    """A serial port with a board behind it that unstuffs frames by the protocol's description."""

    def __init__(self, *, spoil=(), drop_answers=(), dead_after=None, rates=(115200,)):
        self.baudrate = 115200
        self.heard = bytearray()
        self.commands = []
        self._in = bytearray()
        self._out = deque()
        self._expected = 0
        self._n_frames = 0
        self._n_answers = 0
        self._spoil, self._drop, self._dead_after = set(spoil), set(drop_answers), dead_after
        self._rates = rates
        self.rate = 115200
        self.feeding = False

    in_waiting = property(lambda self: len(self._out))

    def read(self, n):
        if not self._out:
            threading.Event().wait(0.001)
            return b""
        return bytes(self._out.popleft() for _ in range(min(n, len(self._out))))

    def write(self, data):
        assert b"\x03" not in data, "Ctrl-C would stop the firmware"
        if self.rate != self.baudrate:
            return
        self._in += data
        while self._frame() if self.feeding else self._line():
            pass

    def flush(self):
        pass

    def close(self):
        pass

    def _say(self, text):
        self._out.extend(f"I 1 {text}\r\n".encode())

    def _line(self):
        line, found, rest = self._in.partition(b"\n")
        if not found:
            return False
        self._in = bytearray(rest)
        if line == b"mynah feed":
            self.feeding, self._expected = True, 0
            self._say("feed: begin base=100 words=1")
            self._say('feed: word 0 name=w step=480 cutoff=200 window=5 backend=x "W"')
        elif line.startswith(b"mynah baud "):
            rate = int(line.split()[-1])
            self.commands.append(rate)
            if rate in self._rates:
                self._say(f"baud: to {rate}")
                self.rate = rate
            else:
                self._say("baud: refused: this console has one rate")
        elif self.rate != 115200:
            self._say(f"baud: is {self.rate}")
        return True

    def _frame(self):
        if len(self._in) < 3 or len(self._in) < 3 + self._in[1]:
            return False
        start, length, at = self._in[:3]
        assert start == 0x7E
        body = self._in[3 : 3 + length]
        del self._in[: 3 + length]
        place = -1
        while at:
            place += at - 1 if at > 3 else at
            at, body[place] = body[place], 3
        number, self._n_frames = self._n_frames, self._n_frames + 1
        if self._dead_after is not None and number >= self._dead_after:
            return True
        if number in self._spoil:
            self._in.clear()  # the board skips what follows
            self._out.extend(NAK)
            return True
        sequence, samples = body[-5], body[:-5]
        if sequence == self._expected % 4:
            if not samples:
                self._end()
                return False
            self.heard += samples
            self._expected += 1
        elif (self._expected - sequence) % 4 > 2:
            return True  # one is missing before it
        self._n_answers += 1
        if self._n_answers not in self._drop:
            self._out.extend(ACKS[sequence : sequence + 1])
        return True

    def _end(self):
        self.feeding = False
        n_outputs = (len(self.heard) // 2 - 320) // 480
        self._say(f"feed: p 0 at={320 + 480 * n_outputs} {'07' * n_outputs}")
        self._say(f"feed: end samples={len(self.heard) // 2}")


@pytest.fixture
def connect(monkeypatch):
    """A function that makes a `Board` and the `BoardWake` that talks to it."""
    monkeypatch.setattr(board_module, "_ANSWER_S", 0.05)
    monkeypatch.setattr(board_module, "_BAUD_S", 0.1)

    def make(**faults):
        board = Board(**faults)
        monkeypatch.setattr(board_module, "open_port", lambda *_, **__: board)
        return board, BoardWake("/dev/none")

    return make


def sound(n=6400):
    return np.random.default_rng(1).integers(-32768, 32768, n).astype(np.int16)


@pytest.mark.parametrize(
    "faults",
    [
        {},
        {"spoil": (0, 1, 7, 8, 40)},
        {"drop_answers": (1, 2, 9, 30)},
        {"spoil": (5, 20), "drop_answers": (6, 19, 20)},
    ],
)
def test_every_sample_arrives_whatever_is_lost(connect, faults):
    board, link = connect(**faults)
    samples = sound()
    shares = []
    with link:
        result = link.feed(samples, settle_s=0, progress=shares.append)["w"]
    assert bytes(board.heard) == samples.tobytes()
    assert result.probabilities.tolist() == [7] * 12
    assert shares == sorted(shares)


def test_a_dead_link_is_told(connect):
    _, link = connect(dead_after=20)
    with pytest.raises(BoardTimeoutError, match="stopped taking sound"):
        link.feed(sound())


def test_missing_outputs_are_told(connect, monkeypatch):
    board, link = connect()
    monkeypatch.setattr(board, "_end", lambda: board._say("feed: end samples=1"))
    with pytest.raises(VerificationError, match="0 outputs of w instead of 12"):
        link.feed(sound(), settle_s=0)


def test_a_faster_rate_is_used_and_given_back(connect):
    board, link = connect(rates=(115200, 921600))
    with link:
        assert link.faster(921600)
        assert board.baudrate == 921600
        link.feed(sound(), settle_s=0)
    assert board.commands == [921600, 115200]


def test_a_board_that_refuses_a_rate_stays_at_its_own(connect):
    board, link = connect()
    with link:
        assert not link.faster(921600)
        link.feed(sound(), settle_s=0)
    assert board.baudrate == 115200
    assert board.commands == [921600]


def test_no_frame_holds_ctrl_c_and_each_fits_the_boards_buffer():
    values = [*range(256)] * 3 + [3] * 300 + [0x0303] * 200 + [-1, 0x7E7E]
    made = list(frames.frames(np.array(values, np.int16)))
    assert all(3 not in frame for frame in made)
    assert frames.WINDOW * max(map(len, made)) < 260


def test_answers_are_parted_from_the_log():
    answers, text = frames.split_answers(b"I 1 a: b\r\n\x10\x12I 2 \x15c: d\r\n")
    assert answers == [0, 1, None]
    assert text == b"I 1 a: b\r\nI 2 c: d\r\n"
