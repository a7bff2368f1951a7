"""Run each program on each link: which lines arrive, how soon, and what they cost."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mynah.bench.logs import links
from mynah.errors import MynahError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

_POLL_S = 0.02
_PATIENCE_S = 60.0
_NUMBER = re.compile(rb"bench: line (\d+) of a log, as long as lines are\r?\n")
_MYNAH = [sys.executable, "-c", "from mynah.cli import main; main()"]
_LINE_SIZE = len(links.LINE % (100_000, 100_000)) + 1


class Link(Protocol):
    """A source of lines."""

    url: str

    def start(self) -> None:
        """Begin the flood."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One program on one link."""

    link: str
    program: str
    n_sent: int
    n_received: int
    n_bytes: int
    """Of the lines that were received."""
    seconds: float
    """From the first line to the last, as the program showed them."""
    cpu_s: float
    """Of the program, its children and its broker, in that time."""

    @property
    def n_lost(self) -> int:
        """Lines that never came, or came damaged."""
        return self.n_sent - self.n_received

    @property
    def lines_per_s(self) -> float:
        """Whole lines a second."""
        return self.n_received / self.seconds

    @property
    def cpu_s_per_mb(self) -> float:
        """Seconds of one core for a million bytes that were received."""
        return self.cpu_s / (self.n_bytes / 1e6)


def _mynah(url: str, baud: int) -> list[str]:
    return [*_MYNAH, "logs", "--port", url, "--baud", str(baud)]


def _miniterm(url: str, baud: int) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "serial.tools.miniterm", "-q", url, str(baud)]


# Unmodified, but it moves DTR and RTS, which a pseudo-terminal does not have.
_IDF_MONITOR = """
import runpy
from serial import serialposix
def forgiving(move):
    def moved(self):
        try:
            move(self)
        except OSError:
            pass
    return moved
for name in ("_update_dtr_state", "_update_rts_state"):
    setattr(serialposix.Serial, name, forgiving(getattr(serialposix.Serial, name)))
runpy.run_module("esp_idf_monitor", run_name="__main__", alter_sys=True)
"""


def _idf_monitor(url: str, baud: int) -> list[str]:
    return [
        *(sys.executable, "-W", "ignore", "-c", _IDF_MONITOR),
        *("--port", url, "--baud", str(baud), "--no-reset", "--disable-address-decoding"),
    ]


PROGRAMS: dict[str, Callable[[str, int], list[str]]] = {
    "mynah logs": _mynah,
    "mynah logs, broker": _mynah,
    "miniterm": _miniterm,
    "esp-idf-monitor": _idf_monitor,
}


def measure(
    seconds: float,
    *,
    baud: int = 2_000_000,
    programs: Sequence[str] = tuple(PROGRAMS),
    on_figure: Callable[[Figure], Any] = lambda _: None,
) -> list[Figure]:
    """Measure each program on each link, one after another.

    Args:
        seconds: how long the flood lasts at that baud rate; over "USB" there are as many lines.
        baud: of the UART.
        programs: names in `PROGRAMS`.
        on_figure: called with each figure as it comes.

    Raises:
        MynahError: a program does not start, or shows nothing.
    """
    n_lines = int(seconds * baud / 10 / _LINE_SIZE)
    kinds: list[tuple[str, Callable[[], AbstractContextManager[Link]]]] = [
        (f"board, {baud / 1e6:g} Mbaud", lambda: links.uart(baud, n_lines)),
        (f"device, {baud / 1e6:g} Mbaud", lambda: links.device(n_lines, baud)),
        ("device, USB", lambda: links.device(n_lines)),
    ]
    figures = []
    for name, make in kinds:
        for program in programs:
            with make() as link:
                figure = _one(name, program, link, baud, n_lines)
            figures.append(figure)
            on_figure(figure)
    return figures


def _one(name: str, program: str, link: Link, baud: int, n_lines: int) -> Figure:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = link.url
        processes: list[int] = []
        if program.endswith("broker"):
            url = stack.enter_context(_broker(link.url, baud, processes))
        shown = folder / "shown"
        stack.enter_context(_running(PROGRAMS[program](url, baud), shown, processes))
        _wait_for(links.READY, shown, processes)
        cpu_before = sum(_cpu_s(pid) for pid in processes)
        started = time.monotonic()
        link.start()
        _wait_for(links.END, shown, processes)
        elapsed = time.monotonic() - started
        cpu = sum(_cpu_s(pid) for pid in processes) - cpu_before
        numbers = {int(number) for number in _NUMBER.findall(_plain(shown.read_bytes()))}
    n_bytes = sum(len(links.LINE % (number, number)) + 1 for number in numbers)
    return Figure(name, program, n_lines, len(numbers), n_bytes, elapsed, cpu)


@contextlib.contextmanager
def _broker(url: str, baud: int, processes: list[int]) -> Iterator[str]:
    command = [*_MYNAH, "broker", "--port", url, "--baud", str(baud)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        processes.append(process.pid)
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            if not address:
                raise MynahError("the broker does not start")
            yield address
        finally:
            process.kill()


@contextlib.contextmanager
def _running(command: list[str], shown: Path, processes: list[int]) -> Iterator[None]:
    """Run a program that believes to be on a terminal; its output goes into a file."""
    master, slave = os.openpty()
    try:
        with (
            shown.open("wb") as out,
            subprocess.Popen(
                command, stdin=slave, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            ) as process,
        ):
            processes.append(process.pid)
            try:
                yield
            finally:
                process.kill()
    finally:
        os.close(master)
        os.close(slave)


def _wait_for(what: bytes, shown: Path, processes: list[int]) -> None:
    """Wait until a program has shown something; only the end of what it shows is looked at."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        with shown.open("rb") as file:
            file.seek(max(0, shown.stat().st_size - 4096))
            text = file.read()
        if what in text:
            return
        if not all(Path(f"/proc/{pid}").exists() for pid in processes):
            break
        time.sleep(_POLL_S)
    last = shown.read_bytes()[-400:].decode("utf-8", "replace")
    raise MynahError(f"it did not show {what.decode()!r}, but: {last!r}")


def _plain(data: bytes) -> bytes:
    """Without colours and what a terminal program adds to line ends."""
    return re.sub(rb"\x1b\[[0-9;]*m", b"", data).replace(b"\r\r\n", b"\n")


def _cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used, its threads' and ended children's (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
