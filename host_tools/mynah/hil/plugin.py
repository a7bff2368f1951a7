"""The pytest plugin: tests that run on boards, real ones or a virtual one.

This is what ``pytest11`` names: options, marks, which test runs on which board. The fixtures are
in `mynah.hil.fixtures`, tests inside MicroPython in `mynah.hil.upy`, report and history in
`mynah.hil.results`, scorecards in `mynah.qualify`. See ``docs/hil.md``.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import pytest

from mynah.hil.board import READY_S
from mynah.hil.parts import MissingPartError
from mynah.hil.pool import DEVICE, POOL, Pool

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

pytest_plugins = [
    "mynah.hil.fixtures",
    "mynah.hil.upy",
    "mynah.hil.results",
    "mynah.qualify.score",
    "mynah.qualify.collect",
]

_BOARD = "board"
_LOG_LINES = 30


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that name boards and what runs on them."""
    group = parser.getgroup("mynah", "boards for hardware-in-the-loop tests")
    group.addoption(
        "--port",
        action="append",
        default=[],
        metavar="PORT",
        help="device path or rfc2217://HOST:PORT of a board, 'virtual', or 'virtual-fast'; may be "
        "repeated; default: one virtual board",
    )
    group.addoption(
        "--board",
        action="append",
        default=[],
        metavar="NAME",
        help="board file (name or path) of the board on --port; with --bench: run on this board "
        "of it; may be repeated",
    )
    group.addoption("--bench", metavar="FILE", help="bench file (TOML): the boards of a desk")
    group.addoption(
        "--firmware",
        metavar="DIR",
        help="what runs on the boards: a folder that is their filesystem, 'none' (plain "
        "MicroPython, the default) or 'speaker' (Mynah's own)",
    )
    group.addoption(
        "--board-ready",
        metavar="PATTERN",
        help="the line by which the firmware tells that it is ready (a regular expression)",
    )
    group.addoption(
        "--flash",
        action="store_true",
        help="put MicroPython and the firmware on real boards first; what is on them is lost",
    )
    group.addoption(
        "--board-wait",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long to wait for a port that another test session has",
    )
    group.addoption(
        "--board-patience",
        type=float,
        default=READY_S,
        metavar="SECONDS",
        help=f"how long a board's start may take (default: {READY_S:g})",
    )
    if (
        importlib.util.find_spec("labgrid") is None
    ):  # its plugin has the option, else ours refuses it
        group.addoption("--lg-env", metavar="FILE", help="boards of a labgrid farm: needs labgrid")
    parser.addini("mynah_firmware", "as --firmware, relative to the root folder", default="none")
    parser.addini("mynah_ready", "as --board-ready", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Explain the mark; find out which boards there are."""
    config.addinivalue_line(
        "markers", "needs(*features): skip on boards that have not got all of these features"
    )
    if POOL not in config.stash:
        config.stash[POOL] = Pool(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give back the boards of workers that were killed."""
    pool = config.stash.get(POOL, None)
    if pool is not None and not hasattr(config, "workerinput"):
        pool.sweep()


@pytest.hookimpl(optionalhook=True, tryfirst=True)  # xdist's own would answer: one for each core
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """``-n auto``: one worker for each board, where boards are named."""
    pool = config.stash[POOL] = Pool(config)  # xdist asks before `pytest_configure`
    return len(pool.entries) if pool.is_shared else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of each board in one worker."""
    pool = config.stash[POOL]
    if not pool.is_shared:
        return None
    from mynah.hil.workers import BoardScheduling

    return BoardScheduling(config, log, [entry.name for entry in pool.entries])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses a board once on each that is named."""
    pool = metafunc.config.stash[POOL]
    if _BOARD in metafunc.fixturenames and pool.is_shared:
        names = [entry.name for entry in pool.entries]
        metafunc.parametrize(_BOARD, pool.entries, indirect=True, ids=names, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what a board cannot do."""
    pool = config.stash[POOL]
    for item in items:
        entry = pool.entry_of(item)
        missing = pool.missing(entry, item) if entry is not None else None
        if missing:
            item.add_marker(pytest.mark.skip(reason=missing))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the rest on a board that was found broken."""
    pool = item.config.stash[POOL]
    entry = pool.entry_of(item)
    if entry is not None and entry.name in pool.broken:
        pytest.skip(pool.broken[entry.name])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A traceback or a panic in the board's log fails the test; what the bench lacks skips it."""
    try:
        yield
    except MissingPartError as error:
        pytest.skip(str(error))
    device = item.stash.get(DEVICE, None)
    crashes = device.unexpected_crashes() if device is not None else []
    if device is not None and crashes:
        sources = device.board.software.sources
        text = "\n".join(crash.explained(sources) for crash in crashes)
        pytest.fail(
            f"the board's program failed:\n{text}\nwhole log: {device.log_path}", pytrace=False
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the board's log with a failure."""
    report = yield
    device = item.stash.get(DEVICE, None)
    if device is not None and report.failed and call.when != "teardown":
        last = "\n".join(device.lines[-_LOG_LINES:])
        report.sections.append((f"board log ({device.log_path})", last))
    return report
