"""A board's serial console read in the background, with ``expect`` on its lines."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from typing import TYPE_CHECKING

import serial

from mynah.errors import BoardTimeoutError, PortError
from mynah.link import lost_port, open_port, reset_board
from mynah.logs import clean
from mynah.logs.follow import LineSplitter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typing_extensions import Self

_SHOWN_LINES = 12


class ExpectTimeoutError(BoardTimeoutError):
    """The pattern did not appear in time; the message shows it, the last lines and the log file."""


class Console:
    """One board's serial port: a thread reads its lines, keeps them and writes them to a file.

    Args:
        url: device path or ``rfc2217://host:port``.
        baud: baud rate.
        log_path: file that every line is appended to (UTF-8, control characters removed).
        on_line: called in the reader's thread with each line as it comes.

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
    ) -> None:
        self.url = url
        self.lines: list[tuple[float, str]] = []
        """Every line so far with the host's monotonic time of its arrival."""
        self._baud = baud
        self._log_path = log_path
        self._on_line = on_line
        self._changed = threading.Condition()
        self._cursor = 0
        self._splitter = LineSplitter()
        self._stop = threading.Event()
        self._lost: str | None = None
        self._port: serial.SerialBase | None = None
        self._thread: threading.Thread | None = None
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def expect(self, pattern: str, timeout_s: float = 10.0) -> re.Match[str]:
        """Wait for the first line after the last match in which ``pattern`` is found.

        Raises:
            ExpectTimeoutError: it did not come within ``timeout_s`` seconds.
            PortError: the port vanished while waiting.
        """
        return self.expect_line(pattern, timeout_s)[1]

    def expect_line(self, pattern: str, timeout_s: float = 10.0) -> tuple[float, re.Match[str]]:
        """`expect`, with the host's monotonic time at which the line arrived."""
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
                if self._lost:
                    raise PortError(self._lost)
                left = deadline - time.monotonic()
                if left <= 0:
                    raise ExpectTimeoutError(self._timeout_message(pattern, timeout_s))
                self._changed.wait(left)

    def skip(self) -> None:
        """Let the next `expect` look only at lines that come from now on."""
        with self._changed:
            self._cursor = len(self.lines)

    def write(self, data: bytes) -> None:
        """Send bytes to the board.

        Raises:
            PortError: the port is closed or vanished.
        """
        if self._port is None:
            raise PortError(f"{self.url} is closed")
        try:
            self._port.write(data)
        except serial.SerialException as error:
            raise lost_port(self.url) from error

    def reset_board(self) -> None:
        """Pulse EN through RTS, as esptool's hard reset does; the boot log follows.

        Raises:
            PortError: the port is closed or vanished.
        """
        if self._port is None:
            raise PortError(f"{self.url} is closed")
        try:
            reset_board(self._port)
        except (serial.SerialException, OSError) as error:
            raise lost_port(self.url) from error

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Close the port for another program (esptool, mpremote), then open it again."""
        self._close_port()
        try:
            yield
        finally:
            self._open()

    def close(self) -> None:
        """Stop reading and free the port; may be called again."""
        self._close_port()

    def _open(self) -> None:
        self._stop.clear()
        self._lost = None
        self._port = open_port(self.url, baud=self._baud, timeout_s=0.05)
        self._thread = threading.Thread(target=self._read, name=f"console {self.url}", daemon=True)
        self._thread.start()

    def _close_port(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._port is not None:
            self._port.close()
            self._port = None

    def _read(self) -> None:
        assert self._port is not None
        while not self._stop.is_set():
            try:
                data = self._port.read(max(1, self._port.in_waiting))
            except (serial.SerialException, OSError):
                with self._changed:
                    self._lost = str(lost_port(self.url))
                    self._changed.notify_all()
                return
            if data:
                self._take(data)

    def _take(self, data: bytes) -> None:
        for text in self._splitter.feed(data):
            line = clean(text)
            with self._changed:
                self.lines.append((time.monotonic(), line))
                self._changed.notify_all()
            if self._log_path is not None:
                with self._log_path.open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
            if self._on_line is not None:
                self._on_line(line)

    def _timeout_message(self, pattern: str, timeout_s: float) -> str:
        last = "\n".join(f"    {line}" for _, line in self.lines[-_SHOWN_LINES:]) or "    (nothing)"
        where = f"\n  whole log: {self._log_path}" if self._log_path else ""
        said = f"the board's last lines:\n{last}{where}"
        return f"no line with {pattern!r} in {timeout_s:g} s; {said}"
