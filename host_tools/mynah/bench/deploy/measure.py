"""Bring the firmware onto a virtual board, by `mynah deploy` and by mpremote in turn."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mynah import boards
from mynah.bench.wire import Wire
from mynah.errors import MynahError
from mynah.flash import filesystem
from mynah.flash.plan import Plan, plan
from mynah.logs.follow import follow
from mynah.virtual.board import VirtualBoard

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

MYNAH, MPREMOTE = "mynah deploy", "mpremote fs cp -r"
TOOLS = (MYNAH, MPREMOTE)
NEW, ONE_CHANGED, NONE_CHANGED = (
    "a board without the firmware",
    "one file of many changed",
    "nothing changed",
)

_FLASH_SIZE = 4 << 20
_CHANGED = "/speaker/app/main.mpy"
_READY_S = 30.0
_BITS_A_BYTE = 10
# mpremote's own way to a remote port takes 0.1 s for each change of a setting: not its fault here.
_MPREMOTE = (
    "import sys, serial; serial.protocol_handler_packages.insert(0, 'mynah.link.urlhandler'); "
    "from mpremote.main import main; sys.exit(main())"
)
_MYNAH = "from mynah.cli import main; main()"


@dataclass(slots=True)
class Result:
    """One tool in one case, a value a take."""

    seconds: list[float] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    """Bytes to the board."""
    received: list[int] = field(default_factory=list)

    def at_baud(self, baud: int) -> float:
        """Seconds that the bytes alone take on a serial line, both ways one after the other."""
        n = statistics.median(self.sent) + statistics.median(self.received)
        return n * _BITS_A_BYTE / baud


@dataclass(slots=True)
class Case:
    """What there was to do, and what each tool took for it."""

    name: str
    results: dict[str, Result] = field(default_factory=lambda: {tool: Result() for tool in TOOLS})

    def ratio(self, what: Callable[[Result], list[float] | list[int]]) -> float:
        """Mpremote's median over ours."""
        ours, theirs = (statistics.median(what(self.results[tool])) for tool in TOOLS)
        return theirs / ours


def measure(
    takes: int,
    tick: Callable[[float], None] = lambda _: None,
    only: Collection[str] = (),
) -> list[Case]:
    """Every case, ``takes`` times, the tools in turn; the board's files are compared afterwards.

    Args:
        takes: how often.
        tick: called with the share that is done.
        only: names of the cases; none: all.

    Raises:
        MynahError: a tool failed, or the board has not the files that it should have.
    """
    what = plan(boards.load("virtual"))
    contents = {
        NEW: {"/board.json": what.files["/board.json"]},
        ONE_CHANGED: what.files | {_CHANGED: what.files[_CHANGED] + b"\n"},
        NONE_CHANGED: what.files,
    }
    cases = [Case(name) for name in only or contents]
    with tempfile.TemporaryDirectory() as folder:
        _lay_out(Path(folder), what.files)
        n_done, n_all = 0, len(cases) * takes * len(TOOLS)
        for take in range(takes):
            for case in cases:
                for tool in TOOLS if take % 2 else reversed(TOOLS):
                    there = Plan(what.micropython, dict(contents[case.name]))
                    _run(tool, there, what, Path(folder), case.results[tool])
                    n_done += 1
                    tick(n_done / n_all)
    return cases


def _lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        file = folder / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _run(tool: str, there: Plan, wanted: Plan, folder: Path, result: Result) -> None:
    with VirtualBoard(flash_size=_FLASH_SIZE, content=there.parts(_FLASH_SIZE)) as board:
        _wait_until_it_runs(board, is_speaker="/main.py" in there.files)
        with Wire(board.url) as wire:
            started = time.monotonic()
            done = subprocess.run(
                _command(tool, wire.url, folder),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            result.seconds.append(time.monotonic() - started)
            result.sent.append(wire.to_board)
            result.received.append(wire.from_board)
        if done.returncode:
            raise MynahError(f"{tool} failed: {done.stderr.strip() or done.stdout.strip()}")
        board.power_off()
        vfs = wanted.micropython.filesystem(_FLASH_SIZE)
        found = filesystem.read(board.flash.read(vfs.offset, vfs.size), vfs.size)
    if any(found.get(path) != data for path, data in wanted.files.items()):
        raise MynahError(f"{tool} left other files on the board than those that it was given")


def _wait_until_it_runs(board: VirtualBoard, *, is_speaker: bool) -> None:
    for line in follow(board.url, timeout_s=_READY_S, reset=True):
        if (line.text == "ready") if is_speaker else line.text.startswith(">>>"):
            return
    raise MynahError("the virtual board does not start")


def _command(tool: str, url: str, folder: Path) -> list[str]:
    if tool == MYNAH:
        words = ["deploy", "--board", "virtual", "--port", url, "--no-reset"]
        return [sys.executable, "-c", _MYNAH, *words]
    return [sys.executable, "-c", _MPREMOTE, "connect", url, "fs", "cp", "-r", f"{folder}/.", ":/"]
