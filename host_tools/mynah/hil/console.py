"""A board's serial console read in the background, with ``expect`` on its lines."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from typing import TYPE_CHECKING

import serial

from mynah.errors import BoardTimeoutError, PortError
from mynah.link import lost_port, open_port, port_in_use, reset_board
from mynah.link.lent import LentPort
from mynah.logs import clean
from mynah.logs.lines import LineSplitter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TextIO

    from typing_extensions import Self

_SHOWN_LINES = 12
_READ_S = 0.05
_UNFINISHED_S = 0.1  # a line without an end, as a prompt, counts when nothing follows for so long
_PROMPT = ">>> "
_TRACEBACK = "Traceback (most recent call last):"
_REOPEN_S = 15.0
_REOPEN_POLL_S = 0.2


class ExpectTimeoutError(BoardTimeoutError):
    """The pattern did not appear in time; the message shows it, the last lines and the log file."""


class Console:
    """One board's serial port: a thread reads its lines, keeps them and writes them to a file.

    Args:
        url: device path or ``rfc2217://host:port``.
        baud: baud rate.
        log_path: file that every line is appended to (UTF-8, control characters removed).
        on_line: called in the reader's thread with each line as it comes.
        find: gives the port's name whenever it is opened again, in the place of ``url``: a board
            on USB may get another one; raises `PortError` while it is not there.

    Raises:
        PortError: the port is missing or busy.
    """

    def __init__(
        self,
        url: str,
        *,
        baud: int = 115200,
        log_path: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        find: Callable[[], str] | None = None,
    ) -> None:
        self.url = url
        """The port's name now."""
        self._find = find
        self.lines: list[tuple[float, str]] = []
        """Every line since `begin` with the host's monotonic time of its arrival."""
        self._baud = baud
        self._changed = threading.Condition()
        self._cursor = 0
        self._splitter = LineSplitter()
        self._unfinished = ""
        self._spent = ""  # what of an unfinished line has matched
        self._heard_at = time.monotonic()
        self._idle_reads = 0
        self._stop = threading.Event()
        self._borrowed = threading.Event()
        self._aside = threading.Event()
        self._lending = threading.RLock()
        self._lost: str | None = None
        self._port: serial.SerialBase | None = None
        self._thread: threading.Thread | None = None
        self._log_path: Path | None = None
        self._log: TextIO | None = None
        self._on_line: Callable[[str], None] | None = None
        self.begin(log_path, on_line)
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def is_lost(self) -> bool:
        """Whether the port vanished; `reopen` looks for it."""
        return self._lost is not None

    @property
    def is_open(self) -> bool:
        """Whether the port is open here: not closed, and not released to another program."""
        return self._port is not None

    def begin(self, log_path: Path | None, on_line: Callable[[str], None] | None = None) -> None:
        """Forget the lines so far, and put those that follow into another file."""
        with self._changed:
            self._close_log()
            self.lines = []
            self._cursor = 0
            self._on_line = on_line
            self._log_path = log_path
            if log_path is not None:
                self._log = log_path.open("a", encoding="utf-8", buffering=1)

    def end(self) -> None:
        """Close the file of `begin`; lines that follow are kept in memory only."""
        with self._changed:
            self._close_log()
            self._on_line = None

    def expect(
        self, pattern: str, timeout_s: float = 10.0, *, of_program: bool = False
    ) -> re.Match[str]:
        """Wait for the first line after the last match in which ``pattern`` is found.

        Args:
            pattern: regular expression.
            timeout_s: how long to wait.
            of_program: the program is to say it: do not wait on when it has ended with a traceback.

        Raises:
            ExpectTimeoutError: it did not come within ``timeout_s`` seconds, or cannot come.
            PortError: the port vanished while waiting.
        """
        __tracebackhide__ = True  # pytest shows the test's line, and the message
        return self.expect_line(pattern, timeout_s, of_program=of_program)[1]

    def expect_line(
        self, pattern: str, timeout_s: float = 10.0, *, of_program: bool = False
    ) -> tuple[float, re.Match[str]]:
        """`expect`, with the host's monotonic time at which the line arrived."""
        __tracebackhide__ = True
        has_crashed = False
        regex = re.compile(pattern)
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                while self._cursor < len(self.lines):
                    at, line = self.lines[self._cursor]
                    self._cursor += 1
                    match = regex.search(line)
                    if match:
                        return at, match
                    has_crashed = has_crashed or _TRACEBACK in line
                now = time.monotonic()
                waiting = self._unfinished if self._unfinished != self._spent else ""
                if waiting and now - self._heard_at >= _UNFINISHED_S:
                    match = regex.search(waiting)
                    if match:
                        self._spent = waiting
                        return self._heard_at, match
                    if of_program and has_crashed and waiting == _PROMPT:
                        raise ExpectTimeoutError(
                            f"the program ended before a line with {pattern!r}; {self._said()}"
                        )
                if self._lost:
                    raise PortError(self._lost)
                if now >= deadline:
                    raise ExpectTimeoutError(self._timeout_message(pattern, timeout_s))
                left = deadline - now
                self._changed.wait(min(left, _UNFINISHED_S) if waiting else left)

    def skip(self) -> None:
        """Let the next `expect` look only at lines that come from now on."""
        with self._changed:
            for text in self._splitter.flush():
                self._add(clean(text))
            self._unfinished = self._spent = ""
            self._cursor = len(self.lines)

    def note(self, text: str) -> None:
        """Put a line of the host's own into the log's file."""
        with self._changed:
            self._write_log(text)

    def drain(self) -> None:
        """Wait until everything that the board has sent is in `lines`."""
        with self._changed:
            reads = self._idle_reads
            self._changed.wait_for(
                lambda: self._idle_reads > reads or self._thread is None or self._lost is not None,
                timeout=2.0,
            )

    def wait_quiet(self, quiet_s: float, timeout_s: float) -> None:
        """Wait until nothing has come for ``quiet_s`` seconds, at most for ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        started = time.monotonic()
        while time.monotonic() < deadline and not self.is_lost:
            quiet = time.monotonic() - max(self._heard_at, started)
            if quiet >= quiet_s:
                return
            time.sleep(quiet_s - quiet)

    def write(self, data: bytes) -> None:
        """Send bytes to the board.

        Raises:
            PortError: the port is closed or vanished.
        """
        with port_in_use(self.url):
            self._open_port().write(data)

    def reset_board(self) -> None:
        """Pulse EN through RTS, as esptool's hard reset does; the boot log follows.

        Raises:
            PortError: the port is closed or vanished.
        """
        with port_in_use(self.url):
            reset_board(self._open_port())

    def set_lines(self, *, dtr: bool, rts: bool) -> None:
        """Assert the port's control lines, or let go of them.

        Raises:
            PortError: the port is closed or vanished.
        """
        port = self._open_port()
        with port_in_use(self.url):
            port.dtr = dtr
            port.rts = rts

    @contextlib.contextmanager
    def lent(self, *, keep_lines: bool = False) -> Iterator[LentPort]:
        """The open port for a protocol on it, which reads it alone within the ``with`` block.

        Args:
            keep_lines: what is read there is also taken as the board's log.
        """
        with self._lending:
            port = self._open_port()
            self._borrowed.set()
            self._aside.wait()
            try:
                if self._lost:
                    raise PortError(self._lost)
                yield LentPort(port, self._take if keep_lines else None)
            finally:
                self._borrowed.clear()

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Close the port for another program (esptool, mpremote), then open it again.

        Raises:
            PortError: it does not come back, or the program goes on using it.
        """
        with self._lending:
            self._close_port()
            try:
                yield
            finally:
                self.reopen()  # the chip's own USB is away for a moment after a reset

    def reopen(self, timeout_s: float = _REOPEN_S) -> None:
        """Look for a port that vanished, as one does with the supply of a board on USB.

        Raises:
            PortError: it does not come back within ``timeout_s`` seconds.
        """
        with self._lending:
            self._close_port()
            deadline = time.monotonic() + timeout_s
            while True:
                try:
                    self._open()
                except PortError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(_REOPEN_POLL_S)
                else:
                    return

    def close(self) -> None:
        """Stop reading and free the port; may be called again."""
        self._close_port()
        with self._changed:
            self._close_log()

    def _open_port(self) -> serial.SerialBase:
        if self._port is None:
            raise PortError(f"{self.url} is closed")
        return self._port

    def _open(self) -> None:
        if self._find is not None:
            self.url = self._find()
        port = open_port(self.url, baud=self._baud, timeout_s=_READ_S)
        self._stop.clear()
        self._aside.clear()
        self._lost = None
        self._port = port
        self._thread = threading.Thread(target=self._read, name=f"console {self.url}", daemon=True)
        self._thread.start()

    def _close_port(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._port is not None:
            with contextlib.suppress(OSError):
                self._port.close()
            self._port = None

    def _read(self) -> None:
        assert self._port is not None
        while not self._stop.is_set():
            if self._borrowed.is_set():
                self._aside.set()
                self._stop.wait(0.002)
                continue
            self._aside.clear()
            try:
                data = self._port.read(max(1, self._port.in_waiting))
            except (serial.SerialException, OSError):
                with self._changed:
                    self._lost = str(lost_port(self.url))
                    self._changed.notify_all()
                self._aside.set()
                return
            if data:
                self._take(data)
            else:
                with self._changed:
                    self._idle_reads += 1
                    self._changed.notify_all()

    def _take(self, data: bytes) -> None:
        with self._changed:
            self._heard_at = time.monotonic()
            for text in self._splitter.feed(data):
                self._add(clean(text))
                self._spent = ""
            self._unfinished = clean(self._splitter.rest)
            self._changed.notify_all()

    def _add(self, line: str) -> None:
        self.lines.append((time.monotonic(), line))
        self._write_log(line)
        if self._on_line is not None:
            self._on_line(line)

    def _write_log(self, line: str) -> None:
        if self._log is not None:
            self._log.write(line + "\n")

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None

    def _timeout_message(self, pattern: str, timeout_s: float) -> str:
        return f"no line with {pattern!r} in {timeout_s:g} s; {self._said()}"

    def _said(self) -> str:
        shown = [line for _, line in self.lines]
        if self._unfinished:
            shown.append(self._unfinished)
        last = "\n".join(f"    {line}" for line in shown[-_SHOWN_LINES:]) or "    (nothing)"
        where = f"\n  whole log: {self._log_path}" if self._log_path else ""
        return f"the board's last lines:\n{last}{where}"
