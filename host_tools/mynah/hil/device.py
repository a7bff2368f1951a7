"""The board as one test sees it: in its known state, with a log of its own."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from mynah.errors import MynahError, VerificationError
from mynah.hil.console import ExpectTimeoutError
from mynah.hil.crash import CrashWatch

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator
    from pathlib import Path

    from mynah.hil.board import HilBoard
    from mynah.hil.crash import Crash
    from mynah.hil.evidence import Evidence

_TIMEOUT_S = 10.0
_POLL_S = 0.02
_LAST_WORDS_S = 0.5


class Device:
    """One board for one test.

    Args:
        board: it, open.
        log_path: file that its log is written to.
        evidence: what goes into the report.
    """

    def __init__(self, board: HilBoard, log_path: Path, evidence: Evidence) -> None:
        self.board = board
        self.log_path = log_path
        self.evidence = evidence
        self.console = board.console
        """The board's console, for protocols of one's own."""
        self._crashes = CrashWatch()
        self._expected: list[re.Pattern[str]] = []
        self.console.begin(log_path, self._crashes.take)

    def __repr__(self) -> str:
        return f"<device {self.board.name}, log {self.log_path}>"

    @property
    def port(self) -> str:
        """The board's serial port, for other programs (see `released`)."""
        return self.board.port

    @property
    def lines(self) -> list[str]:
        """Every line of the log since the test began."""
        return [line for _, line in list(self.console.lines)]

    @property
    def crashes(self) -> list[Crash]:
        """The tracebacks and panics in it."""
        return list(self._crashes.crashes)

    def expect(self, pattern: str, timeout: float = _TIMEOUT_S) -> re.Match[str]:
        """Wait for the first line after the last match in which the pattern is found.

        The first one looks at what comes after the board was ready; for what it says while it
        starts, reset it (``device.reset(wait=False)``). A prompt, which has no line end, matches
        when nothing follows it.

        Raises:
            ExpectTimeoutError: it did not come within ``timeout`` seconds; the message shows the
                pattern, the last lines and the log's path.
        """
        __tracebackhide__ = True
        return self.console.expect(pattern, timeout)

    def refuse(self, pattern: str, seconds: float) -> None:
        """Wait, and fail if a line with that pattern comes within ``seconds``.

        Raises:
            VerificationError: it came.
        """
        try:
            match = self.console.expect(pattern, seconds)
        except ExpectTimeoutError:
            return
        raise VerificationError(
            f"the board said {match.string!r}, which was not to come; whole log: {self.log_path}"
        )

    def skip(self) -> None:
        """Let the next `expect` look only at lines that come from now on."""
        self.console.skip()

    def write(self, data: bytes | str) -> None:
        """Type into the board's console."""
        self.console.write(data.encode() if isinstance(data, str) else data)

    def reset(self, *, wait: bool = True) -> None:
        """Reset the chip by its EN line, as the RESET button does; ``wait`` until it is ready."""
        self.console.skip()
        self.console.reset_board()
        if wait:
            self.board.wait_ready()

    def restart(self) -> None:
        """Reset, and forget what the test did to the flash: the known state again."""
        self.board.restore()

    @contextlib.contextmanager
    def released(self) -> Iterator[str]:
        """Free the serial port for another program within the ``with`` block; gives its name."""
        with self.console.released():
            yield self.board.port

    @contextlib.contextmanager
    def crash(self, pattern: str, timeout: float = _TIMEOUT_S) -> Iterator[None]:
        """Expect a traceback or a panic whose text has the pattern, by the end of the block.

        Such a one does not fail the test.

        Raises:
            VerificationError: none came within ``timeout`` seconds of the block's end.
        """
        import re

        regex = re.compile(pattern)
        n_before = len(self._crashes.crashes)
        yield
        deadline = time.monotonic() + timeout
        while True:
            for crash in self._crashes.crashes[n_before:]:
                if crash.complete and regex.search(crash.text):
                    self._expected.append(regex)
                    return
            if time.monotonic() > deadline:
                found = [crash.summary for crash in self._crashes.crashes[n_before:]]
                raise VerificationError(
                    f"no traceback or panic with {pattern!r} in {timeout:g} s; found: "
                    f"{found or 'none'}; whole log: {self.log_path}"
                )
            time.sleep(_POLL_S)

    def allow_crash(self, pattern: str) -> None:
        """Let tracebacks and panics whose text has the pattern not fail the test."""
        import re

        self._expected.append(re.compile(pattern))

    def measured(self, name: str, value: float, unit: str = "") -> None:
        """Note a figure: it goes into the report, into JUnit's properties and into the history."""
        self.evidence.measure(name, value, unit)

    def attach(self, name: str, content: Path | bytes | str) -> None:
        """Put a picture, a sound or a text into the report.

        Args:
            name: what to call it; its suffix (``.png``, ``.svg``, ``.wav``, ``.txt``) says what
                ``content`` is, unless that is a path.
            content: a file's path, or what is in it.
        """
        self.evidence.attach(name, content)

    def unexpected_crashes(self) -> list[Crash]:
        """The tracebacks and panics so far that nobody expected."""
        if self._crashes.is_open:  # the rest of it is on its way
            self.console.wait_quiet(0.1, _LAST_WORDS_S)
        else:
            self.console.drain()
        return [
            crash
            for crash in self._crashes.crashes
            if not any(regex.search(crash.text) for regex in self._expected)
        ]

    def close(self) -> None:
        """End the test's log."""
        with contextlib.suppress(MynahError):
            self.console.drain()
        self.console.end()
