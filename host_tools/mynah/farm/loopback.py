"""A whole farm on this computer: labgrid's coordinator, its exporters, and virtual boards."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mynah.errors import BoardTimeoutError, MynahError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Self

HOST = "127.0.0.1"

# Its standard input is a pipe that nobody writes to: it ends when the farm's process does, even by
# kill -9, and the program with it.
_RUN = """
import os, runpy, sys, threading

def end_with_parent():
    os.read(0, 1)
    os._exit(1)

threading.Thread(target=end_with_parent, daemon=True).start()
sys.argv = sys.argv[1:]
if sys.argv[0] == "mynah":
    from mynah.cli import main
    main()
else:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
_NOT_OURS = ("LG_", "PYTEST_")
_START_S = 60.0
_STOP_S = 5.0
_POLL_S = 0.05


class Program:
    """A program that runs on its own, whose output goes into a file.

    Args:
        name: what to call it; the file is ``NAME.log``.
        folder: where it runs, and where its file is.
        module: of Python, as ``python -m`` takes it; "mynah" is the command line.
        arguments: its command line.
    """

    def __init__(self, name: str, folder: Path, module: str, arguments: Sequence[str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _RUN, module, *arguments],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=child_environment(),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until its output has a pattern.

        Raises:
            MynahError: it ended before.
            BoardTimeoutError: it did not come.
        """
        deadline = time.monotonic() + _START_S
        while True:
            ended = self._process.poll() is not None
            text = self.log.read_text(encoding="utf-8", errors="replace")
            match = re.search(pattern, text)
            if match:
                return match
            if ended:
                raise MynahError(f"{self.name} ended by itself; see {self.log}")
            if time.monotonic() > deadline:
                raise BoardTimeoutError(f"{self.name} did not start; see {self.log}")
            time.sleep(_POLL_S)

    def kill(self) -> None:
        """End it at once, as ``kill -9`` does."""
        self._process.kill()
        self._wait()

    def stop(self) -> None:
        """Ask it to end, and wait; may be called again."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _wait(self, timeout_s: float | None = None) -> None:
        self._process.wait(timeout_s)
        if self._process.stdin is not None:
            self._process.stdin.close()


def child_environment() -> Mapping[str, str]:
    """The environment of the programs: no setting of labgrid or of a running pytest goes along."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    return {**ours, "PYTHONUNBUFFERED": "1"}


@dataclass(slots=True)
class Rack:
    """A computer with an exporter and the boards that are plugged into it."""

    name: str
    exporter: Program
    boards: dict[str, Program] = field(default_factory=dict)
    ports: dict[str, str] = field(default_factory=dict)
    """The boards' serial ports, by the name of the board."""


class LoopbackFarm:
    """Coordinator, exporters and virtual boards; a context manager that leaves nothing running.

    Args:
        folder: for configuration, logs, and what the coordinator keeps.
        racks: the names of the boards of each exporter; a place is made for each board.

    Raises:
        MynahError: something of it does not start; the message names its log.
    """

    def __init__(self, folder: Path, racks: Mapping[str, Sequence[str]]) -> None:
        self.folder = folder
        self.racks: dict[str, Rack] = {}
        """Those that run now."""
        self._boards = racks
        with contextlib.ExitStack() as stack:
            coordinator = Program(
                "coordinator", folder, "labgrid.remote.coordinator", ["-l", f"{HOST}:0"]
            )
            stack.callback(coordinator.stop)
            stack.callback(self._stop_racks)
            self.coordinator = coordinator
            port = coordinator.wait_for(r"listening on .*:(\d+)")[1]
            self.address = f"{HOST}:{port}"
            """Of the coordinator."""
            for rack in racks:
                self.start(rack)
            with ThreadPoolExecutor() as pool:
                list(pool.map(self.add_place, self.places))
            self.environment = self._write_environment()
            """labgrid's environment file: a target for each board."""
            self._resources = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._resources.close()

    @property
    def programs(self) -> list[Program]:
        """All that runs now."""
        racks = self.racks.values()
        boards = [board for rack in racks for board in rack.boards.values()]
        return [self.coordinator, *(rack.exporter for rack in racks), *boards]

    @property
    def places(self) -> list[str]:
        """The names of all places, which are the boards' too."""
        return [name for boards in self._boards.values() for name in boards]

    def start(self, name: str, *, blank: bool = False) -> Rack:
        """Switch a rack on: its boards, with MicroPython or ``blank``, and its exporter."""
        with contextlib.ExitStack() as stack:
            boards = {}
            for board in self._boards[name]:
                boards[board] = self._start_board(board, blank)
                stack.callback(boards[board].stop)
            ports = {
                board: program.wait_for(r"serial port +(rfc2217://\S+)")[1]
                for board, program in boards.items()
            }
            rack = self.start_exporter(name, ports)
            rack.boards = boards
            stack.pop_all()
        return rack

    def start_exporter(self, name: str, ports: Mapping[str, str]) -> Rack:
        """Start the exporter of a rack for serial ports that are there, by the names of boards."""
        config = self.folder / f"{name}.yaml"
        config.write_text(_exporter_config(ports), encoding="utf-8")
        arguments = ["-c", self.address, "-n", name, "--hostname", HOST, config.name]
        exporter = Program(name, self.folder, "labgrid.remote.exporter", arguments)
        self.racks[name] = Rack(name, exporter, ports=dict(ports))
        exporter.wait_for("Exporter ready")
        return self.racks[name]

    def add_place(self, name: str) -> None:
        """Make a place for what an exporter has in the group of that name."""
        self.client("-p", name, "create")
        self.client("-p", name, "add-match", f"*/{name}/NetworkSerialPort")

    def cut_power(self, name: str) -> None:
        """Let a rack vanish from one moment to the next: ``kill -9`` of all that runs on it."""
        rack = self.racks.pop(name)
        for program in (rack.exporter, *rack.boards.values()):
            program.kill()

    def client(self, *arguments: str, user: str | None = None) -> str:
        """Run ``labgrid-client`` and return what it printed.

        Args:
            arguments: its command line.
            user: who it says runs it; None: who runs this.

        Raises:
            MynahError: it failed.
        """
        done = subprocess.run(
            [sys.executable, "-m", "labgrid.remote.client", "-x", self.address, *arguments],
            capture_output=True,
            text=True,
            env={**child_environment(), **({"LG_USERNAME": user} if user else {})},
            check=False,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise MynahError(f"labgrid-client {' '.join(arguments)}: {said}")
        return done.stdout

    def _start_board(self, name: str, blank: bool) -> Program:
        arguments = ["virtual", "--blank"] if blank else ["virtual"]
        return Program(f"board-{name}", self.folder, "mynah", arguments)

    def _stop_racks(self) -> None:
        for rack in self.racks.values():
            for program in (rack.exporter, *rack.boards.values()):
                program.stop()

    def _write_environment(self) -> Path:
        lines = ["imports: [mynah.farm]", "options:", f"  coordinator_address: '{self.address}'"]
        lines += ["targets:"]
        for name in self.places:
            lines += [
                f"  {name}:",
                "    resources:",
                f"      RemotePlace: {{name: {name}}}",
                "    drivers:",
                "      MynahBoardDriver: {type: virtual}",
                "      MynahStrategy: {}",
            ]
        path = self.folder / "farm.yaml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


def _exporter_config(ports: Mapping[str, str]) -> str:
    lines = []
    for board, url in ports.items():
        host, port = url.removeprefix("rfc2217://").split(":")
        lines += [
            f"{board}:",
            "  NetworkSerialPort:",
            f"    host: {host}",
            f"    port: {port}",
            "    protocol: rfc2217",
        ]
    return "\n".join(lines) + "\n"
