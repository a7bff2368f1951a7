"""``mynah farm demo``: a farm on this computer, and the tests that go on when half of it dies."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from mynah.errors import VerificationError
from mynah.farm.loopback import LoopbackFarm, child_environment
from mynah.farm.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RACKS = {"rack-a": ("a1", "a2"), "rack-b": ("b1", "b2")}
"""The farm: two exporters with two boards each."""
VICTIM = "rack-b"
"""The exporter that is killed in the middle."""

_TESTS = "demo_boards.py"
_PASSED = re.compile(r"PASSED \S+\[(\w+)[\]-]")


@dataclass(slots=True)
class Tally:
    """What became of the tests on one board."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: list[str] = field(default_factory=list)
    """Why tests were skipped: each reason once."""


@dataclass(slots=True)
class DemoResult:
    """What the demonstration showed."""

    started_s: float
    """From nothing to four places."""
    killed_after: dict[str, int] = field(default_factory=dict)
    """Tests that had passed on each board of the victim when it was killed."""
    with_a_death: dict[str, Tally] = field(default_factory=dict)
    """The run in which an exporter was killed, by board."""
    with_a_death_s: float = 0.0
    still_acquired: str = ""
    """Of the coordinator's places, after that run."""
    afterwards: dict[str, Tally] = field(default_factory=dict)
    """The run after it came back, by board."""
    afterwards_s: float = 0.0

    def verify(self) -> None:
        """See to it that the farm did what it is for.

        Raises:
            VerificationError: it did not; the message says what.
        """
        for board in RACKS["rack-a"]:
            tally = self.with_a_death[board]
            _demand(tally.passed and not tally.failed + tally.skipped, f"{board} went on: {tally}")
        for board in RACKS[VICTIM]:
            tally = self.with_a_death[board]
            _demand(tally.failed <= 1 and tally.skipped, f"{board} failed once at most: {tally}")
            _demand(len(tally.reasons) == 1, f"{board} was skipped for one reason: {tally}")
            later = self.afterwards[board]
            _demand(later.passed and not later.failed + later.skipped, f"{board} is back: {later}")
        _demand(not self.still_acquired, f"every place is free: {self.still_acquired}")


def run_demo(folder: Path, say: Callable[[str], None]) -> DemoResult:
    """Build the farm, test on it, kill a half of it meanwhile, and bring that back.

    Args:
        folder: for configuration, logs and reports; made, and left behind.
        say: called with each line of the transcript.

    Raises:
        MynahError: something does not start.
        VerificationError: the farm did not do what it is for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    for leftover in ("places.yaml", "resources.yaml"):  # what an earlier coordinator kept
        folder.joinpath(leftover).unlink(missing_ok=True)
    shutil.copy(Path(__file__).with_name(_TESTS), folder / "test_boards.py")
    timeline = Timeline()
    started = time.monotonic()
    with LoopbackFarm(folder, RACKS) as farm:
        result = DemoResult(round(time.monotonic() - started, 1))
        _introduce(farm, say)
        _run_with_a_death(farm, result, timeline, say)
        _run_afterwards(farm, result, timeline, say)
    timeline.draw(farm.places, folder / "timeline.png")
    say("")
    say(f"everything is stopped; configuration, logs, reports and a picture are in {folder}")
    result.verify()
    return result


def _introduce(farm: LoopbackFarm, say: Callable[[str], None]) -> None:
    say(f"coordinator  {farm.address}")
    for rack in farm.racks.values():
        say(f"exporter     {rack.name}")
        for board, port in rack.ports.items():
            say(f"  board {board}   {port}")
    say("")
    say(f"$ labgrid-client -x {farm.address} resources")
    for line in farm.client("resources").splitlines():
        say(line)


def _run_with_a_death(
    farm: LoopbackFarm, result: DemoResult, timeline: Timeline, say: Callable[[str], None]
) -> None:
    alive = dict.fromkeys(RACKS[VICTIM], 0)

    def watch(line: str) -> None:
        say(line)
        match = _PASSED.search(line)
        if match is None or VICTIM not in farm.racks:
            return
        if match[1] in alive:
            alive[match[1]] += 1
        if all(alive.values()):
            say(f"*** {VICTIM} loses its power: kill -9 of its exporter and its boards")
            timeline.mark(f"kill -9 of {VICTIM}")
            farm.cut_power(VICTIM)
            result.killed_after = dict(alive)

    started = time.monotonic()
    result.with_a_death = _pytest(farm, "first", [], timeline, watch)
    result.with_a_death_s = round(time.monotonic() - started, 1)
    say("")
    say(f"$ labgrid-client -x {farm.address} who        (places that somebody holds)")
    held = farm.client("who").splitlines()
    for line in held:
        say(line)
    result.still_acquired = "\n".join(held[1:]).strip()


def _run_afterwards(
    farm: LoopbackFarm, result: DemoResult, timeline: Timeline, say: Callable[[str], None]
) -> None:
    say("")
    say(f"*** {VICTIM} is switched on again, with new boards: nothing is in their flash")
    timeline.mark(f"{VICTIM} is back, its boards blank")
    farm.start(VICTIM, blank=True)
    chosen = [f"--board={board}" for board in RACKS[VICTIM]]
    started = time.monotonic()
    result.afterwards = _pytest(farm, "second", ["--flash", *chosen], timeline, say)
    result.afterwards_s = round(time.monotonic() - started, 1)


def _pytest(
    farm: LoopbackFarm,
    name: str,
    options: Sequence[str],
    timeline: Timeline,
    say: Callable[[str], None],
) -> dict[str, Tally]:
    """Run the tests, one worker a board; each line goes to ``say`` as it comes."""
    results = farm.folder / f"{name}.xml"
    shown = ["--lg-env", farm.environment.name, "-n", "auto", *options]
    more = [f"--junitxml={results.name}", f"--report={name}.html", "-v", "-rfEs", "--tb=line"]
    alone = ["--rootdir=.", "-c", "pytest.ini", "-p", "no:cacheprovider"]
    farm.folder.joinpath("pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    say("")
    say(f"$ pytest {' '.join(shown)}")
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *shown, *more, *alone, "test_boards.py"],
        cwd=farm.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**child_environment(), "COLUMNS": "120"},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if timeline.take(line):
                say(line.rstrip())
    if not results.exists():
        raise VerificationError(f"pytest ended with exit code {process.returncode}")
    return _tallies(results)


def _tallies(results: Path) -> dict[str, Tally]:
    """Count a JUnit file's tests by board, which the first parameter of their names is."""
    found: dict[str, Tally] = {}
    for case in ET.parse(results).iter("testcase"):  # noqa: S314 - pytest has just written it
        board = case.attrib["name"].partition("[")[2].rstrip("]").split("-")[0]
        tally = found.setdefault(board, Tally())
        kinds = {child.tag: child for child in case}
        if "failure" in kinds or "error" in kinds:
            tally.failed += 1
        elif "skipped" in kinds:
            tally.skipped += 1
            reason = kinds["skipped"].attrib["message"]
            if reason not in tally.reasons:
                tally.reasons.append(reason)
        else:
            tally.passed += 1
    return found


def _demand(true: object, what: str) -> None:
    if not true:
        raise VerificationError(f"the farm was to show that {what}")
