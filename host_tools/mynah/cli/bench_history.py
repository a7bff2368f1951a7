"""``mynah bench history``: what changed between test runs on boards, and what is flaky."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from mynah.cli.common import json_option, print_json, stdout
from mynah.errors import UsageError
from mynah.hil.report.model import in_short

if TYPE_CHECKING:
    from rich.console import Console

    from mynah.hil.history import Change, Comparison, Flaky, History, Moved, PastRun

_OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed")
_SHOWN = 120
_SIGNS = {"passed": ".", "failed": "F", "error": "E"}


@click.command()
@click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="What pytest --history FILE wrote; without it, the one in your data folder.",
)
@click.option("--project", help="Runs of this project only (its folder's name).")
@click.option("--run", "number", type=int, help="Look at this run, not at the newest.")
@click.option("--against", type=int, help="Compare it with this run, not with the one before.")
@click.option("-n", "n_runs", default=20, show_default=True, help="Runs to list and to judge by.")
@json_option
def command(  # noqa: PLR0917 - click passes them by name
    path: Path | None,
    project: str | None,
    number: int | None,
    against: int | None,
    n_runs: int,
    as_json: bool,
) -> None:
    """Compare test runs on boards: what broke, what is mended, what got slower, what is flaky.

    Runs get in here with `pytest --history user` (your data folder) or `--history FILE`; a
    project that always wants it has `mynah_history = "user"` among its pytest settings.

    A test is flaky if it passed and failed in turn within the last runs; one that broke once, or
    was mended once, is not.

    \b
    mynah bench history
    mynah bench history --file bench.sqlite3 --run 12 --against 3
    """
    from mynah.hil.history import History
    from mynah.userdirs import data_dir

    file = path or data_dir() / "history.sqlite3"
    if not file.exists():
        raise UsageError(
            f"there is no history at {file}: run the tests with `pytest --history "
            f"{path or 'user'}`, twice"
        )
    with History(file) as history:
        runs = history.runs(n_runs, project=project)
        if not runs:
            raise UsageError(f"{file} holds no runs{f' of {project}' if project else ''}")
        now = _find(history, number, project) if number is not None else runs[0]
        before = _before(history, now, against)
        comparison = history.compare(now, before) if before is not None else None
        flaky = history.flaky([run for run in runs if run.project == now.project])
    if as_json:
        print_json(
            {
                "runs": [asdict(run) for run in runs],
                "comparison": asdict(comparison) if comparison else None,
                "flaky": [{**asdict(test), "failures": test.failures} for test in flaky],
            }
        )
        return
    _show(stdout(), runs, comparison, flaky)


def _find(history: History, number: int, project: str | None) -> PastRun:
    for run in history.runs(-1, project=project):  # SQLite: a negative limit is none
        if run.id == number:
            return run
    raise UsageError(f"there is no run {number}: `mynah bench history` lists those that there are")


def _before(history: History, now: PastRun, against: int | None) -> PastRun | None:
    if against is not None:
        return _find(history, against, None)
    older = (run for run in history.runs(-1, project=now.project) if run.id < now.id)
    return next(older, None)


def _show(
    console: Console, runs: list[PastRun], comparison: Comparison | None, flaky: list[Flaky]
) -> None:
    table = Table("run", "when", "project", "revision", "boards", *_OUTCOMES, "s", box=None)
    for run in runs:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
        counts = [str(run.counts.get(outcome, 0)) for outcome in _OUTCOMES]
        boards = ", ".join(sorted(run.boards))
        row = (str(run.id), when, run.project, run.revision, boards, *counts)
        table.add_row(*row, f"{run.seconds:.0f}")
    console.print(table)
    if comparison is None:
        console.print("\nThere is nothing to compare with yet: run the tests once more.")
    else:
        _show_comparison(console, comparison)
    if flaky:
        console.print(f"\nflaky in the last {len(runs)} runs (. passed, F failed, E error):")
        for test in flaky:
            signs = "".join(_SIGNS[outcome] for outcome in test.outcomes)
            console.print(f"  {signs}  {_name(test)}")


def _show_comparison(console: Console, found: Comparison) -> None:
    console.print(f"\nrun {found.now.id} against run {found.before.id}")
    for board, (_, firmware) in sorted(found.now.boards.items()):
        _, before = found.before.boards.get(board, ("", firmware))
        if firmware != before and firmware and before:
            console.print(f"  {'firmware':<14} {board}: {before}, now {firmware}")
    groups: dict[str, list[Change]] = {
        "broken": found.broken,
        "still failing": found.still_bad,
        "fixed": found.fixed,
        "otherwise": found.other,
        "new": found.new,
        "gone": found.gone,
    }
    for title, changes in groups.items():
        for change in changes:
            console.print(f"  {title:<14} {_name(change)}{_why(title, change)}")
    for change in found.slower:
        times = f"{change.before:.1f} s, now {change.now:.1f} s"
        console.print(f"  {'slower':<14} {_name(change)}: {times}")
    for moved in found.figures:
        values = f"{moved.before:.4g}, now {moved.now:.4g} {moved.unit}".rstrip()
        console.print(f"  {'figure':<14} {_name(moved)}: {moved.name} {values}")
    if not any((*groups.values(), found.slower, found.figures)):
        console.print("  nothing changed")


def _name(what: Change | Moved | Flaky) -> str:
    """The test, and its board where the test's name does not end with that."""
    named = not what.board or f"[{what.board}" in what.test or f"-{what.board}" in what.test
    return what.test if named else f"{what.test} on {what.board}"


def _why(title: str, change: Change) -> str:
    """What happened, in a few words: the line of the failure that says it, or the outcomes."""
    if title in {"broken", "still failing"}:
        said = in_short(change.reason) or str(change.now)
        return f": {said if len(said) <= _SHOWN else said[:_SHOWN] + ' ...'}"
    if title == "otherwise":
        return f": {change.before}, now {change.now}"
    return f": {change.now}" if title == "new" else ""
