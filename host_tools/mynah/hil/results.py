"""What becomes of results: JUnit's properties, the HTML page, the history."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mynah.hil.evidence import Evidence
from mynah.hil.pool import DEVICE, EVIDENCE, POOL
from mynah.hil.report.model import ERROR, FAILED, PASSED, SKIPPED, XFAILED, Run, TestResult

if TYPE_CHECKING:
    from collections.abc import Generator

HISTORY_INI = "mynah_history"
_MAX_LOG = 256 * 1024
_WORKER = "[gw"  # what xdist writes above each failure
_DATA = "mynah"  # attribute of a test's report, which xdist brings to the controller


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--report`` and ``--history``."""
    group = parser.getgroup("mynah")
    group.addoption(
        "--report",
        metavar="FILE.html",
        help="write one HTML page with every test's log, sounds, pictures and figures",
    )
    group.addoption(
        "--history",
        metavar="FILE",
        help="add the results to this SQLite file, for `mynah bench history`; 'user': the one in "
        "the user's data folder",
    )
    parser.addini(HISTORY_INI, "as --history, relative to the root folder", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Collect results where they are wanted: not in xdist's workers, which send theirs."""
    if not hasattr(config, "workerinput") and (config.getoption("--report") or _history(config)):
        config.pluginmanager.register(Collector(config), "mynah-results")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what is known of the board to a test's last report, and to JUnit's properties."""
    data = None
    if call.when == "teardown":
        data = _data_of(item)
        item.user_properties += [(name, data[name]) for name in ("board", "port", "firmware")]
        for name, value, unit in data["evidence"]["figures"]:
            item.user_properties.append((name, f"{value:g} {unit}".rstrip()))
        if not data["board"]:
            del item.user_properties[-3:]
    report = yield
    if data is not None and _is_wanted(item.config):
        setattr(report, _DATA, data)
    return report


def _is_wanted(config: pytest.Config) -> bool:
    return bool(config.getoption("--report") or _history(config))


def _history(config: pytest.Config) -> str:
    return str(config.getoption("--history") or config.getini(HISTORY_INI))


def _data_of(item: pytest.Item) -> dict[str, Any]:
    pool = item.config.stash[POOL]
    entry = pool.entry_of(item)
    device = item.stash.get(DEVICE, None)
    if device is not None:  # it may have been asked for in the middle of another fixture
        entry = device.board.entry
    board = pool.opened.get(entry.name) if entry is not None else None
    evidence = item.stash.get(EVIDENCE, Evidence())
    return {
        "board": entry.name if entry is not None else "",
        "port": board.port if board is not None else "",
        "firmware": board.firmware if board is not None else "",
        "log": _text(device.log_path) if device is not None else "",
        "evidence": evidence.as_data(),
    }


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError:
        return ""
    text = data[-_MAX_LOG:].decode("utf-8", "replace")
    return text if len(data) <= _MAX_LOG else f"(the first {len(data) - _MAX_LOG} bytes)\n{text}"


class Collector:
    """Takes the reports of all tests, and writes at the end what was asked for."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._run = Run(config.rootpath.name, _revision(config.rootpath), time.time())
        self._tests: dict[str, TestResult] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one phase of a test."""
        test = self._tests.setdefault(report.nodeid, TestResult(report.nodeid))
        test.seconds += report.duration
        outcome = outcome_of(report)
        if outcome is not None and not test.is_bad:
            test.outcome = outcome
            test.reason = reason_of(report)
        data = getattr(report, _DATA, None)
        if data is not None:
            test.board, test.port, test.firmware = data["board"], data["port"], data["firmware"]
            test.log = data["log"]
            test.evidence = Evidence.from_data(data["evidence"])

    def pytest_sessionfinish(self) -> None:
        """Write the page and the history."""
        self._run.tests = list(self._tests.values())
        self._run.seconds = time.time() - self._run.started
        page = self._config.getoption("--report")
        if page:
            from mynah.hil.report.page import write_page

            write_page(Path(page), self._run)
        if _history(self._config) and any(test.board for test in self._run.tests):
            from mynah.hil.history import History

            with History(self._history_path()) as history:
                history.add(self._run)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where they are."""
        page = self._config.getoption("--report")
        if page:
            terminalreporter.write_sep("-", f"board report: {Path(page).absolute()}")

    def _history_path(self) -> Path | None:
        name = _history(self._config)
        return None if name == "user" else self._config.rootpath / name


def outcome_of(report: pytest.TestReport) -> str | None:
    """What a phase says of its test; None: nothing."""
    if report.failed:
        return FAILED if report.when == "call" else ERROR
    if report.skipped:
        return XFAILED if hasattr(report, "wasxfail") else SKIPPED
    return PASSED if report.when == "call" else None


def reason_of(report: pytest.TestReport) -> str:
    """Why a phase failed or was skipped; empty if it passed."""
    if report.passed:
        return ""
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    text = report.longreprtext
    return text.partition("\n")[2].lstrip("\n") if text.startswith(_WORKER) else text


def _revision(root: Path) -> str:
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--tags"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
