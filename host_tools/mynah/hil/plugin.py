"""The pytest plugin: tests that run on a board, virtual unless ``--port`` names a real one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mynah.hil.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mynah.hil.bench import Bench


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--port`` and ``--board``."""
    group = parser.getgroup("mynah", "boards for hardware-in-the-loop tests")
    group.addoption(
        "--port",
        metavar="URL",
        help="device path or rfc2217:// of the board under test; default: a virtual board",
    )
    group.addoption(
        "--board",
        default=None,
        metavar="NAME",
        help="board file of the board on --port (default: virtual)",
    )


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The board under test with the firmware on it: virtual, or the one on ``--port``."""
    from mynah.hil.bench import open_bench

    port = request.config.getoption("--port")
    board = request.config.getoption("--board")
    with open_bench(port, board) as bench:
        yield bench


@pytest.fixture
def console(bench: Bench, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Console]:
    """The board's console for one test, with a log file of its own."""
    name = re.sub(r"[^\w.-]", "_", request.node.name)
    with Console(bench.url, log_path=tmp_path / f"{name}.log") as console:
        yield console
