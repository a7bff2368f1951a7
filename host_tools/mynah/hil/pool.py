"""The boards of one test session: which there are, which are broken, who uses which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mynah.errors import MynahError
from mynah.hil import options
from mynah.hil.board import DEFAULT, HilBoard, features_of, kind_of
from mynah.hil.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mynah.hil.benchfile import BenchBoard
    from mynah.hil.device import Device

_BOARD = "board"


class Pool:
    """The boards that the options name.

    Raises:
        pytest.UsageError: an option is off.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.entries: Sequence[BenchBoard] = options.bench_boards(config)
        """What the bench file or the command line say of each."""
        self.broken: dict[str, str] = {}
        """Why tests are skipped, by the name of the board."""
        self.opened: dict[str, HilBoard] = {}
        """The boards that are open in this process, by their names."""
        self._features: dict[str, frozenset[str]] = {}
        if config.getoption("--firmware"):
            options.software(config)  # a wrong name is told before the first test

    @property
    def is_shared(self) -> bool:
        """Whether others could use these boards: not a virtual one of this session's own."""
        return list(self.entries) != [DEFAULT]

    def make(self, entry: BenchBoard) -> HilBoard:
        """A board, not open yet.

        Raises:
            pytest.UsageError: an option is off.
        """
        config = self._config
        try:
            software = options.software(config, entry)
        except pytest.UsageError as error:
            pytest.fail(str(error), pytrace=False)
        try:
            return HilBoard(
                entry,
                software,
                flash=config.getoption("--flash"),
                wait_s=config.getoption("--board-wait"),
                patience_s=config.getoption("--board-patience"),
            )
        except MynahError as error:
            raise pytest.UsageError(str(error)) from None

    def sweep(self) -> None:
        """Have what killed sessions kept of borrowed boards given back."""
        for entry in self.entries:
            if entry.lender is not None:
                entry.lender.sweep()

    def entry_of(self, item: pytest.Item) -> BenchBoard | None:
        """The board that a test runs on; None: on none."""
        if _BOARD not in getattr(item, "fixturenames", ()):
            return None
        callspec = getattr(item, "callspec", None)
        params = callspec.params if callspec is not None else {}
        entry: BenchBoard = params.get(_BOARD, self.entries[0])
        return entry

    def missing(self, entry: BenchBoard, item: pytest.Item) -> str | None:
        """Why a test cannot run on a board by its marks; None if it can."""
        needed = {str(name) for mark in item.iter_markers("needs") for name in mark.args}
        if not needed:
            return None
        if entry.name not in self._features:
            try:
                self._features[entry.name] = features_of(entry, kind_of(entry))
            except MynahError as error:
                raise pytest.UsageError(str(error)) from None
        there = self._features[entry.name]
        lacking = ", ".join(sorted(needed - there))
        if not lacking:
            return None
        return f"board {entry.name} has no {lacking}; it has: {', '.join(sorted(there))}"

    def declare_broken(self, board: HilBoard, error: MynahError) -> None:
        """Skip what is still to run on a board; the test that met the error fails."""
        board.broken = f"board {board.name} is broken: {error}"
        self.broken[board.name] = board.broken.splitlines()[0]


POOL = pytest.StashKey[Pool]()
"""Where the configuration keeps the pool."""
DEVICE: pytest.StashKey[Device] = pytest.StashKey()
"""Where a test keeps the device that it uses."""
EVIDENCE = pytest.StashKey[Evidence]()
"""Where a test keeps what it leaves for the report."""
