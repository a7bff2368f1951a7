"""Results of test sessions in an SQLite file: what changed since the last one, what is flaky."""

from __future__ import annotations

import itertools
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mynah.errors import UsageError
from mynah.hil.report.model import ERROR, FAILED, PASSED, Run
from mynah.userdirs import data_dir

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

_VERSION = 1
_TABLES = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, project TEXT, revision TEXT, started REAL, seconds REAL, boards TEXT
);
CREATE TABLE results (
    run INTEGER REFERENCES runs(id) ON DELETE CASCADE,
    test TEXT, board TEXT, firmware TEXT, outcome TEXT, seconds REAL, reason TEXT
);
CREATE TABLE figures (
    run INTEGER REFERENCES runs(id) ON DELETE CASCADE,
    test TEXT, board TEXT, name TEXT, value REAL, unit TEXT
);
CREATE INDEX results_of_run ON results(run);
CREATE INDEX figures_of_run ON figures(run);
"""
_BUSY_S = 30.0
_BAD = (FAILED, ERROR)
_RAN = (PASSED, *_BAD)
_SLOWER, _SLOWER_S = 1.5, 0.5
_MOVED = 0.1


@dataclass(frozen=True, slots=True)
class PastRun:
    """A session of the past, without its results."""

    id: int
    project: str
    revision: str
    started: float
    seconds: float
    boards: dict[str, list[str]]
    """Port and firmware by name."""
    counts: dict[str, int]
    """Tests by outcome."""


@dataclass(frozen=True, slots=True)
class Change:
    """A test that was otherwise before: ``before`` and ``now`` are outcomes, or seconds."""

    test: str
    board: str
    before: str | float
    now: str | float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """A figure that differs by more than a tenth."""

    test: str
    board: str
    name: str
    before: float
    now: float
    unit: str


@dataclass(frozen=True, slots=True)
class Flaky:
    """A test that passed and failed in turn; ``outcomes`` of the last runs, the newest last."""

    test: str
    board: str
    outcomes: tuple[str, ...]

    @property
    def failures(self) -> int:
        """In how many of them it did not pass."""
        return sum(outcome in _BAD for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is otherwise in one run than in another."""

    now: PastRun
    before: PastRun
    broken: list[Change] = field(default_factory=list)
    """Passed before, and no longer."""
    fixed: list[Change] = field(default_factory=list)
    still_bad: list[Change] = field(default_factory=list)
    new: list[Change] = field(default_factory=list)
    gone: list[Change] = field(default_factory=list)
    other: list[Change] = field(default_factory=list)
    """Skipped now, or no longer."""
    slower: list[Change] = field(default_factory=list)
    figures: list[Moved] = field(default_factory=list)


class History:
    """The file; a context manager.

    Args:
        path: it is made where it is missing; None: ``history.sqlite3`` in the user's data folder.

    Raises:
        UsageError: it is no such file.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or data_dir() / "history.sqlite3"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
            self._prepare()
        except sqlite3.Error as error:
            raise UsageError(f"{self.path} is no history of test runs: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, run: Run) -> int:
        """Add a session; its number."""
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            row = (run.project, run.revision, run.started, run.seconds, json.dumps(run.boards))
            cursor = db.execute(
                "INSERT INTO runs (project, revision, started, seconds, boards) "
                "VALUES (?, ?, ?, ?, ?)",
                row,
            )
            number = cursor.lastrowid
            assert number is not None
            db.executemany(
                "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (number, t.name, t.board, t.firmware, t.outcome, t.seconds, t.reason[-4000:])
                    for t in run.tests
                ],
            )
            db.executemany(
                "INSERT INTO figures VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (number, t.name, t.board, f.name, f.value, f.unit)
                    for t in run.tests
                    for f in t.evidence.figures
                ],
            )
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
        return number

    def runs(self, n: int = 20, *, project: str | None = None) -> list[PastRun]:
        """The newest sessions, newest first."""
        rows = self._db.execute(
            "SELECT id, project, revision, started, seconds, boards FROM runs "
            "WHERE ? IS NULL OR project = ? ORDER BY id DESC LIMIT ?",
            (project, project, n),
        ).fetchall()
        return [
            PastRun(number, name, revision, started, seconds, json.loads(of), self._counts(number))
            for number, name, revision, started, seconds, of in rows
        ]

    def compare(self, now: PastRun, before: PastRun) -> Comparison:
        """What is otherwise in ``now`` than it was in ``before``."""
        found = Comparison(now, before)
        old, new = self._results(before.id), self._results(now.id)
        for key, (outcome, seconds, reason) in new.items():
            if key not in old:
                found.new.append(Change(*key, "", outcome, reason))
                continue
            was, took, _ = old[key]
            change = Change(*key, was, outcome, reason)
            if outcome in _BAD:
                (found.still_bad if was in _BAD else found.broken).append(change)
            elif was in _BAD and outcome == PASSED:
                found.fixed.append(change)
            elif was != outcome:
                found.other.append(change)
            if outcome == was == PASSED and seconds > max(took * _SLOWER, took + _SLOWER_S):
                found.slower.append(Change(*key, took, seconds))
        found.gone.extend(Change(*key, old[key][0], "") for key in old if key not in new)
        found.figures.extend(self._moved(now.id, before.id))
        return found

    def flaky(self, runs: list[PastRun]) -> list[Flaky]:
        """Tests that passed and failed in turn within those runs, the worst first.

        One that failed and was then mended has changed once, which is not flaky.
        """
        marks = ",".join("?" * len(runs))
        rows = self._db.execute(
            f"SELECT test, board, outcome FROM results WHERE run IN ({marks}) ORDER BY run",  # noqa: S608 - only question marks
            [run.id for run in runs],
        )
        outcomes: dict[tuple[str, str], list[str]] = {}
        for test, board, outcome in rows:
            if outcome in _RAN:
                outcomes.setdefault((test, board), []).append(outcome)
        found = [Flaky(*key, tuple(seen)) for key, seen in outcomes.items() if _changes(seen) >= 2]
        return sorted(found, key=lambda flaky: (-flaky.failures, flaky.test))

    def _prepare(self) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("BEGIN IMMEDIATE")
        with closing(self._db.execute("PRAGMA user_version")) as cursor:
            version = cursor.fetchone()[0]
        if version == 0:
            for statement in filter(str.strip, _TABLES.split(";")):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {_VERSION}")
        self._db.execute("COMMIT")
        if version not in {0, _VERSION}:
            raise UsageError(f"{self.path} was written by a newer mynah: update this one")

    def _counts(self, run: int) -> dict[str, int]:
        rows = self._db.execute(
            "SELECT outcome, COUNT(*) FROM results WHERE run = ? GROUP BY outcome", (run,)
        )
        return dict(rows.fetchall())

    def _results(self, run: int) -> dict[tuple[str, str], tuple[str, float, str]]:
        rows = self._db.execute(
            "SELECT test, board, outcome, seconds, reason FROM results WHERE run = ? "
            "ORDER BY rowid",
            (run,),
        )
        return {(test, board): (outcome, s, reason) for test, board, outcome, s, reason in rows}

    def _moved(self, now: int, before: int) -> list[Moved]:
        rows = self._db.execute(
            "SELECT n.test, n.board, n.name, b.value, n.value, n.unit FROM figures n "
            "JOIN figures b ON b.run = ? AND b.test = n.test AND b.board = n.board "
            "AND b.name = n.name WHERE n.run = ? ORDER BY n.rowid",
            (before, now),
        )
        return [moved for row in rows if _has_moved(moved := Moved(*row))]


def _changes(outcomes: list[str]) -> int:
    """How often a pass followed a failure, or the other way round."""
    bad = [outcome in _BAD for outcome in outcomes]
    return sum(a != b for a, b in itertools.pairwise(bad))


def _has_moved(figure: Moved) -> bool:
    largest = max(abs(figure.before), abs(figure.now))
    return abs(figure.now - figure.before) > _MOVED * largest
