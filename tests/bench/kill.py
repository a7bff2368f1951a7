"""Kill -9 of the virtual board at random moments: ``python tests/bench/kill.py --rounds 500``.

One flash file, one TCP port and one board number for all rounds. In each, ``mynah virtual --flash``
starts, and after a random time its parent process, its MicroPython process or both are killed:
while the flash is made, while MicroPython boots, while a program on the board writes files as fast
as it can. Then nothing may be left: no process, no taken port, no file beside the flash's own; and
the next start must boot, with every file as old or as new as the board said that it was.

The exit code is 1 when a round found something. A short run is among the tests (test_kill.py).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from mynah.errors import MynahError
from mynah.link.repl import Repl

MYNAH = [sys.executable, "-c", "from mynah.cli import main; main()"]
_MARK = "MYNAH_KILL_SWEEP"
"""A variable in the environment of every process that a round starts, by which /proc shows them."""
_GONE_S = 5
_START_S = 2.0
"""Until a board runs, on this kind of computer."""
_WRITE_S = 1.0
_PATIENCE_S = 60

# Each number is written whole to a new file, which then takes the old one's name: after a kill it
# is the old or the new number. A file that is written in place is the old or the new one, too,
# since LittleFS commits it when it is closed.
_WRITER = """
import os
try: n = int(open('number').read())
except OSError: n = 0
def write():
    global n
    n += 1
    with open('number.new', 'w') as f: f.write(str(n))
    os.rename('number.new', 'number')
    with open('big%d' % (n % 3), 'wb') as f: f.write(bytes([n & 255]) * 9000)
    print(n)
"""
_CHECK = """
names = os.listdir()
for name in names:
    if name[:3] == 'big':
        data = open(name, 'rb').read()
        assert data == data[:1] * 9000, name
print(open('number').read() if 'number' in names else 0)
"""

_DOING = {"make": "flash is made", "start": "board starts", "write": "board writes"}


@dataclass
class Sweep:
    """What the rounds found."""

    seed: int
    rounds: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    """What was killed, and what the board was doing then."""
    boots: int = 0
    """Starts after a kill whose file system was looked at."""
    written: int = 0
    """The last number that the board's program wrote."""
    faults: list[str] = field(default_factory=list)


class Desk:
    """One board's flash, port and number, and what its processes leave behind."""

    def __init__(self, folder: Path, number: int) -> None:
        """``number`` of the board on this computer, 0 to 249; nobody else may have it."""
        self.flash = folder / "flash" / "board.bin"
        self.flash.parent.mkdir()
        self._temporary = folder / "tmp"
        self._temporary.mkdir()
        self._number = number
        self.port = _free_port()
        self.mark = f"{os.getpid()}-{random.getrandbits(32):08x}"
        self._environment = {
            **os.environ,
            _MARK: self.mark,
            "TMPDIR": str(self._temporary),
            "MYNAH_CACHE": str(folder / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    @property
    def url(self) -> str:
        """The board's serial port."""
        return f"rfc2217://127.0.0.1:{self.port}"

    def start(self) -> subprocess.Popen[bytes]:
        """Start ``mynah virtual`` on the flash."""
        options = ["--port", str(self.port), "--number", str(self._number)]
        return subprocess.Popen(
            [*MYNAH, "virtual", *options, "--flash", str(self.flash)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
        )

    def processes(self) -> list[int]:
        """Those of this desk that live, zombies left out."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    marked = f"{_MARK}={self.mark}".encode() in (entry / "environ").read_bytes()
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                except OSError:
                    continue
                if marked and state != "Z":
                    found.append(int(entry.name))
        return found

    def left_over(self) -> list[str]:
        """What a round left that it should not have."""
        faults = []
        deadline = time.monotonic() + _GONE_S
        while (orphans := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.01)
        if orphans:
            faults.append(f"processes {orphans} live on")
            for orphan in orphans:
                os.kill(orphan, signal.SIGKILL)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                faults.append(f"port {self.port}: {error}")
        faults += [f"{file} is left" for file in self._temporary.iterdir()]
        # A draft of the flash that the next start takes over may lie beside it.
        known = {self.flash.name, f".{self.flash.name}.new"}
        faults += [f"{f} is left" for f in self.flash.parent.iterdir() if f.name not in known]
        return faults


def sweep(rounds: int, seed: int, folder: Path, *, number: int, verbose: bool = False) -> Sweep:
    """Kill the board ``rounds`` times, then start it once more."""
    chance = random.Random(seed)
    result = Sweep(seed)
    desk = Desk(folder, number)
    for _ in range(rounds):
        victim = chance.choice(["parent", "parent", "child", "both"])
        doing = chance.choice(["make", "start", "write", "write"])
        delay_s = chance.uniform(0, _WRITE_S if doing == "write" else _START_S)
        if doing == "make":
            desk.flash.unlink(missing_ok=True)
            result.written = 0
        faults = _round(desk, result, victim, doing, delay_s)
        result.rounds += 1
        result.killed[f"{_DOING[doing]}, {victim} killed"] += 1
        result.faults += [f"round {result.rounds} ({victim}, {doing}): {text}" for text in faults]
        if verbose:
            print(f"{result.rounds:5} {victim:6} {doing:5} after {delay_s:.3f} s {faults or 'ok'}")
    process = desk.start()
    try:
        result.faults += [f"at the end: {text}" for text in _check(desk, result, process)]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=_PATIENCE_S)
    result.faults += [f"at the end: {text}" for text in desk.left_over()]
    return result


def _round(desk: Desk, result: Sweep, victim: str, doing: str, delay_s: float) -> list[str]:
    process = desk.start()
    faults: list[str] = []
    try:
        if doing != "write":
            time.sleep(delay_s)
        else:
            faults += _check(desk, result, process, write_s=delay_s)
        child = [pid for pid in desk.processes() if _parent(pid) == process.pid]
        if victim != "parent":
            for pid in child:
                _kill(pid)
        if victim == "child" and doing == "write":
            faults += _check(desk, result, process)
    finally:
        process.kill()
        process.communicate(timeout=_PATIENCE_S)
    return faults + desk.left_over()


def _check(
    desk: Desk, result: Sweep, process: subprocess.Popen[bytes], write_s: float | None = None
) -> list[str]:
    """Look at the files of a board that has just been started, and go on writing for a while."""
    if problem := _wait_for_greeting(process):
        return [problem]
    try:
        with Repl(desk.url) as repl:
            repl.run(_WRITER)
            number = int(repl.run(_CHECK))
            result.boots += 1
            # What was printed is in the flash; one more may have been written and not printed.
            if not result.written <= number <= result.written + 1:
                return [f"the file says {number}, the board said {result.written}"]
            result.written = number
            deadline = time.monotonic() + (write_s or 0)
            while time.monotonic() < deadline:
                result.written = int(repl.run("write()"))
            if write_s is not None:
                # One more is on its way while it is killed.
                repl._transport.exec_raw_no_follow("write()")
    except MynahError as error:
        return [f"it does not boot: {error}"]
    return []


def _wait_for_greeting(process: subprocess.Popen[bytes]) -> str | None:
    if process.stdout is None or b"ends it" in getattr(process, "heard", b""):
        return None
    heard = b""
    while b"ends it" not in heard:
        line = process.stdout.readline()
        if not line:
            return f"it does not start: {heard.decode(errors='replace').strip()[-300:]}"
        heard += line
    process.heard = heard  # type: ignore[attr-defined]
    return None


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def main() -> int:
    """Run it and print what was found; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100, help="kills (100)")
    parser.add_argument("--seed", type=int, default=1, help="of victims and moments (1)")
    parser.add_argument("--number", type=int, default=200, help="of the board (200)")
    parser.add_argument("--json", action="store_true", help="the counts as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = sweep(
            options.rounds,
            options.seed,
            Path(folder),
            number=options.number,
            verbose=not options.json,
        )
    counts = {"seed": result.seed, "rounds": result.rounds, "boots": result.boots}
    counts |= {"written": result.written, **result.killed}
    if options.json:
        print(json.dumps({**counts, "faults": result.faults}))
    else:
        print(", ".join(f"{name}: {count}" for name, count in counts.items()))
        print("\n".join(result.faults) or "nothing was left, everything booted")
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
