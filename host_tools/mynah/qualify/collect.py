"""Tells `mynah qualify` what a test session finds, one JSON object a line, while it runs."""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mynah.hil.pool import DEVICE, EVIDENCE, POOL
from mynah.hil.report.model import in_short
from mynah.hil.results import outcome_of, reason_of
from mynah.logs.resets import is_brown_out
from mynah.qualify.score import KEY, SCORES

if TYPE_CHECKING:
    from collections.abc import Generator

OPTION = "--score-events"
RECORDINGS = "--score-recordings"
_DATA = "mynah_score"  # attribute of a test's report, which xdist brings to the controller


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that are between `mynah qualify` and its tests."""
    parser.addoption(OPTION, type=int, help=argparse.SUPPRESS)
    parser.addoption(RECORDINGS, help=argparse.SUPPRESS)


def pytest_configure(config: pytest.Config) -> None:
    """Tell what happens, but in xdist's workers, whose reports come to the controller."""
    descriptor = config.getoption(OPTION)
    if descriptor is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Teller(descriptor), "mynah-score-teller")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a test's last report what the card wants to know of it."""
    report = yield
    if call.when == "teardown":
        setattr(report, _DATA, _data_of(item))
    return report


class Teller:
    """Writes one line for each thing that happens."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._outcomes: dict[str, tuple[str, str]] = {}
        self._seconds: dict[str, float] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell which tests there are."""
        self._tell("tests", tests=[_describe(item) for item in session.items])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell that a test begins."""
        self._tell("start", test=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one phase of a test; tell all of it when the last has come."""
        name = report.nodeid
        self._seconds[name] = self._seconds.get(name, 0.0) + report.duration
        outcome = outcome_of(report)
        if outcome is not None and self._outcomes.get(name, ("passed", ""))[0] == "passed":
            self._outcomes[name] = (outcome, _in_a_line(reason_of(report)))
        data = getattr(report, _DATA, None)
        if data is not None:
            outcome, reason = self._outcomes.get(name, ("error", "it did not run"))
            seconds = round(self._seconds[name], 3)
            self._tell("end", test=name, outcome=outcome, reason=reason, seconds=seconds, **data)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of a file that cannot be read."""
        if report.failed:
            reason = _in_a_line(report.longreprtext)
            self._tell("unreadable", test=report.nodeid, reason=reason)

    def _tell(self, event: str, **what: Any) -> None:
        line = json.dumps({"event": event} | what) + "\n"
        data = line.encode()
        while data:
            data = data[os.write(self._descriptor, data) :]


def _describe(item: pytest.Item) -> dict[str, Any]:
    function = getattr(item, "function", None)
    words = item.name.partition("[")[0].removeprefix("test_").replace("_", " ")
    documentation = inspect.getdoc(function) if function is not None else None
    title = documentation.splitlines()[0].rstrip(".") if documentation else words.capitalize()
    entry = item.config.stash[POOL].entry_of(item)
    parameters = item.name.partition("[")[2].rstrip("]")
    if entry is not None:  # the board's name is on the card already
        parameters = f"-{parameters}-".replace(f"-{entry.name}-", "-").strip("-")
    return {
        "test": item.nodeid,
        "section": Path(item.nodeid.partition("::")[0]).stem.removeprefix("test_"),
        "title": f"{title} ({parameters})" if parameters else title,
        "scores": [str(name) for mark in item.iter_markers(SCORES) for name in mark.args],
    }


def _data_of(item: pytest.Item) -> dict[str, Any]:
    found: dict[str, Any] = {"score": None, "figures": [], "board": None}
    if KEY in item.stash:
        found["score"] = item.stash[KEY].as_data()
    elif EVIDENCE in item.stash:
        found["figures"] = item.stash[EVIDENCE].as_data()["figures"]
    device = item.stash.get(DEVICE, None)
    if device is not None:
        board = device.board
        panics = [crash.lines for crash in device.crashes if crash.kind == "panic"]
        n_brownouts = sum(any(map(is_brown_out, lines)) for lines in panics)
        found["board"] = {
            "port": board.port,
            "firmware": board.firmware,
            "brownouts": n_brownouts,
            "crashes": len(panics) - n_brownouts,
        }
    return found


def _in_a_line(reason: str) -> str:
    """The exception's own words of what pytest shows, in a line."""
    return re.sub(r"^[\w.]*(?:Error|Failed|Exception): ", "", in_short(reason).strip())[:300]
