"""Runs a test suite on a board in a process of its own, and listens to what it finds."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mynah.errors import MynahError
from mynah.qualify.collect import OPTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SUITE = Path(__file__).parent / "suite"
"""The package's own tests."""

_END_S = 30.0
"""How long a session that is stopped may take to leave its board in peace."""
_SHOWN = 25
_NO_TESTS = 5  # pytest's exit code
_RAN = {0, 1}

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Suite:
    """A folder, or a file, of tests and the options that pytest is given."""

    path: Path
    options: Sequence[str]

    @property
    def is_own(self) -> bool:
        """Whether it is the package's."""
        return self.path == SUITE


def events(suite: Suite) -> Iterator[Event]:
    """Run the suite; yield what `mynah.qualify.collect` tells, as it comes.

    A consumer that stops early, or is stopped by Ctrl-C, ends the session: the tests clean up
    behind themselves before this returns.

    Raises:
        MynahError: pytest could not run the suite; the message holds the end of what it said.
    """
    reader, writer = os.pipe()
    with tempfile.TemporaryDirectory(prefix="mynah-qualify-") as folder, os.fdopen(reader) as told:
        output = Path(folder, "pytest.txt")
        try:
            process = _start(suite, writer, output, folder)
        finally:
            os.close(writer)
        try:
            for line in told:
                yield json.loads(line)
            code = process.wait()
        finally:
            _stop(process)
        if code not in _RAN:
            raise _failed(suite, code, output)


def _start(suite: Suite, writer: int, output: Path, folder: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", OPTION, str(writer)]
    command += ["-p", "no:cacheprovider", f"--basetemp={folder}/tests", *suite.options]
    if suite.is_own:
        command += ["-c", str(SUITE / "pytest.ini"), f"--rootdir={SUITE}"]
    # A session of its own: Ctrl-C is ours, and we pass it on when we unwind.
    with output.open("wb") as file:
        return subprocess.Popen(
            [*command, str(suite.path)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            pass_fds=(writer,),
            start_new_session=True,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)  # pytest tears its fixtures down
    try:
        process.wait(_END_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _failed(suite: Suite, code: int, output: Path) -> MynahError:
    said = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if code == _NO_TESTS:
        return MynahError(f"{suite.path} holds no tests: they are functions test_* in test_*.py")
    end = "\n".join(f"    {line}" for line in said[-_SHOWN:])
    return MynahError(f"the tests of {suite.path} could not be run; pytest said:\n{end}")
