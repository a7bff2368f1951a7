"""A board's own wake engine, over its serial console: fed with a recording, or looked at."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING

import numpy as np
import serial

from mynah.audio_files import RATE_HZ, Samples
from mynah.errors import BoardError, BoardTimeoutError
from mynah.link import open_port, port_in_use
from mynah.logs import parse
from mynah.logs.lines import LineSplitter
from mynah.wake import frames
from mynah.wake.engine import SETTLE_S
from mynah.wake.told import RING_FRAME, Told, result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

    from mynah.link.lent import LentPort
    from mynah.logs import LogRecord
    from mynah.wake.engine import WakeResult

_BEGIN_S = 2.0
_ANSWER_S = 1.0
_RETRIES = 5
_KEEP_ALIVE_S = 1.0
_LIVE_COMMAND = b"mynah live\n"
_BAUD_COMMAND = b"\nmynah baud %d\n"
_BAUD_S = 1.5
_BAUD_CHANGE_S = 0.1


class BoardWake:
    """The serial console of a board whose firmware runs; a context manager.

    Args:
        url: device path or ``rfc2217://host:port``.
        baud: baud rate of the console.
        port: the port, where somebody else has opened it and will close it.

    Raises:
        PortError: the port is missing or busy, or vanishes later.
    """

    def __init__(self, url: str, *, baud: int = 115200, port: LentPort | None = None) -> None:
        self._url = url
        self._baud = baud
        self._port = port or open_port(url, baud=baud, timeout_s=0.02)
        self._splitter = LineSplitter()
        self._records: deque[LogRecord] = deque()
        self._answers: deque[int | None] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the port."""
        if self._port.baudrate != self._baud:
            with contextlib.suppress(OSError, serial.SerialException):
                self._port.write(_BAUD_COMMAND % self._baud)
                self._port.flush()
        with contextlib.suppress(OSError):
            self._port.close()

    def faster(self, baud: int) -> bool:
        """Ask the board for another baud rate until this is closed; whether it is in use.

        Raises:
            PortError: the port vanished.
        """
        self._write(_BAUD_COMMAND % baud)
        if not self._wait_for("baud", f"to {baud}", _BAUD_S):
            return False
        time.sleep(_BAUD_CHANGE_S)
        self._port.baudrate = baud
        self._write(b"\n")
        if self._wait_for("baud", f"is {baud}", _BAUD_S):
            return True
        # The board goes back by itself when it hears nothing at the new rate.
        self._port.baudrate = self._baud
        self._wait_for("baud", f"is {self._baud}", _BAUD_S)
        return False

    def _wait_for(self, source: str, text: str, seconds: float) -> bool:
        """Wait for a record; False for another one of that source, or none in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._read()
            while self._records:
                record = self._records.popleft()
                if record.source == source:
                    return record.text == text
        return False

    def feed(
        self,
        samples: Samples,
        *,
        pace: float | None = None,
        settle_s: float = SETTLE_S,
        progress: Callable[[float], None] = lambda _: None,
    ) -> dict[str, WakeResult]:
        """Have the board hear a recording in its microphone's place; as `mynah.wake.run`.

        Returns a result for each wake word that the board listens for, by its model's name.

        Args:
            samples: 16-bit mono at 16 kHz.
            pace: how many times as fast as real time at most; None: as fast as link and board go.
            settle_s: seconds of silence before it; times count from the recording's start.
            progress: called with the share that the board has, 0 to 1.

        Raises:
            BoardError: the board refuses; the message says why.
            BoardTimeoutError: it does not answer, or stops answering.
            VerificationError: its outputs are not all there.
            PortError: the port vanished.
        """
        n_settle = round(settle_s * RATE_HZ) // RING_FRAME * RING_FRAME
        sound = np.concatenate([np.zeros(n_settle, np.int16), samples])
        told = self._begin(frames.COMMAND, "feed")
        self._send_all(told, list(frames.frames(sound)), pace, progress)
        return {word.name: result(word, len(samples), n_settle) for word in told.words}

    def live(self) -> Iterator[Told]:
        """Yield what the board told whenever there are new outputs, until the caller has enough.

        Raises:
            BoardError, BoardTimeoutError, PortError: as `feed`.
        """
        told = self._begin(_LIVE_COMMAND, "live")
        kept_alive = time.monotonic()
        try:
            while True:
                if time.monotonic() - kept_alive > _KEEP_ALIVE_S:
                    self._write(b".")
                    kept_alive = time.monotonic()
                self._read()
                while self._records:
                    record = self._records.popleft()
                    if record.source == "live" and record.text == "end":
                        raise BoardTimeoutError(f"the board on {self._url} stopped showing")
                    if told.take(record):
                        yield told
        finally:
            with contextlib.suppress(OSError, serial.SerialException):
                self._port.write(b"q")

    def _begin(self, command: bytes, source: str) -> Told:
        """Switch a mode on; what the board says of its models."""
        for _ in range(2):
            told = Told(source)
            self._write(b"\n" + command)
            deadline = time.monotonic() + _BEGIN_S
            while time.monotonic() < deadline:
                self._read()
                while self._records:
                    record = self._records.popleft()
                    if record.source != source:
                        continue
                    if record.text.startswith("refused: "):
                        raise BoardError(f"the board says: {record.text[9:]}")
                    told.take(record)
                    if told.begun:
                        self._answers.clear()
                        return told
        raise BoardTimeoutError(
            f"the firmware on {self._url} does not answer: see what the board does with "
            "`mynah logs --reset`, and bring its firmware up to date with `mynah deploy`"
        )

    def _send_all(
        self, told: Told, ready: list[bytes], pace: float | None, progress: Callable[[float], None]
    ) -> None:
        """Send every frame, and those again that did not arrive (go back n), until it has ended."""
        first = following = retries = 0  # the oldest without an answer, the next to be sent
        started = heard = time.monotonic()
        while True:
            end = min(first + frames.WINDOW, len(ready))
            if pace is not None:
                due_s = (time.monotonic() - started) * pace
                end = min(end, int(due_s * RATE_HZ / frames.FRAME_SAMPLES) + 1)
            while following < end:
                self._write(ready[following])
                following += 1
            self._read()
            if self._take_records(told):
                return
            again = time.monotonic() - heard > _ANSWER_S and following > first
            while self._answers:
                answer = self._answers.popleft()
                if answer is None:
                    again = True
                    continue
                n_new = (answer - first) % frames.N_SEQUENCES + 1
                if n_new <= following - first:
                    first += n_new
                    heard, retries = time.monotonic(), 0
                    progress(first / len(ready))
            if again:
                retries += 1
                if retries > _RETRIES:
                    raise BoardTimeoutError(
                        f"the board on {self._url} stopped taking sound: the link broke, or it "
                        "was reset"
                    )
                following, heard = first, time.monotonic()

    def _take_records(self, told: Told) -> bool:
        """Note what came; whether the feed has ended."""
        while self._records:
            record = self._records.popleft()
            told.take(record)
            if record.source == "feed" and record.text.startswith("end "):
                return True
            if record.source == "feed" and record.text.startswith("link lost"):
                raise BoardTimeoutError(f"the board gave up: {record.text}")
        return False

    def _write(self, data: bytes) -> None:
        with port_in_use(self._url):
            self._port.write(data)

    def _read(self) -> None:
        with port_in_use(self._url):
            data = self._port.read(max(1, self._port.in_waiting))
        answers, text = frames.split_answers(data)
        self._answers.extend(answers)
        self._records.extend(map(parse, self._splitter.feed(text)))
