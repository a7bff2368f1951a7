"""The plugin's options, and the boards and the software that follow from them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mynah.errors import MynahError, UsageError
from mynah.hil import benchfile
from mynah.hil.benchfile import STARTED, VIRTUAL, BenchBoard
from mynah.hil.board import DEFAULT
from mynah.hil.software import Software

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRMWARE_INI = "mynah_firmware"
READY_INI = "mynah_ready"

_LABGRID = "labgrid"  # labgrid's own pytest plugin, by its entry point
_ENVIRONMENT = "lg_env"


def bench_boards(config: pytest.Config) -> list[BenchBoard]:
    """The boards that the tests run on: bench file's, farm's, command line's, or a virtual one.

    Raises:
        pytest.UsageError: the options contradict each other, or the bench file is off.
    """
    names, ports = config.getoption("--board"), config.getoption("--port")
    bench = config.getoption("--bench")
    try:
        if bench:
            if ports:
                raise UsageError("--bench says where the boards are: it goes without --port")
            return _chosen(benchfile.load(Path(bench)), names)
        farm = _of_farm(config)
        if farm and not ports:
            return _chosen(farm, names)
        return _named(names, ports)
    except MynahError as error:
        raise pytest.UsageError(str(error)) from None


def software(config: pytest.Config, board: BenchBoard = DEFAULT) -> Software:
    """What runs on a board: as the command line says, or its entry, or the project's settings.

    Raises:
        pytest.UsageError: there is no such folder.
    """
    what, ready = config.getoption("--firmware"), config.getoption("--board-ready")
    if not what and board.firmware is not None:
        what, ready = board.firmware, ready or board.ready
    else:
        what, ready = what or config.getini(FIRMWARE_INI), ready or config.getini(READY_INI)
    try:
        return Software.named(what, root=config.rootpath, ready=ready or None)
    except MynahError as error:
        raise pytest.UsageError(str(error)) from None


def _of_farm(config: pytest.Config) -> list[BenchBoard]:
    """The targets with our driver of labgrid's environment file, if its plugin has one."""
    if not config.pluginmanager.hasplugin(_LABGRID):
        if config.getoption(_ENVIRONMENT, None):
            raise UsageError(
                "--lg-env needs labgrid: pip install 'mynah-speaker[farm]' in an environment of "
                "its own (docs/farm.md)"
            )
        return []
    path = config.getoption(_ENVIRONMENT) or os.environ.get("LG_ENV")
    if not path:
        return []
    from labgrid.pytestplugin.hooks import LABGRID_ENV_KEY

    from mynah.farm.targets import boards_of

    return boards_of(path, lambda: config.stash.get(LABGRID_ENV_KEY, None))


def _chosen(boards: list[BenchBoard], names: Sequence[str]) -> list[BenchBoard]:
    known = {board.name: board for board in boards}
    for name in names:
        if name not in known:
            raise UsageError(f"the bench has no board {name!r}; it has: {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)] if names else boards


def _named(names: Sequence[str], ports: Sequence[str]) -> list[BenchBoard]:
    if not ports:
        if names:
            raise UsageError("--board says what is on --port: give that, too")
        return [DEFAULT]
    if len(names) not in {0, 1, len(ports)}:
        raise UsageError(
            f"{len(names)} --board for {len(ports)} --port: give one for all, or one for each"
        )
    types: list[str | None] = [*names] * (len(ports) if len(names) == 1 else 1)
    types = types or [None] * len(ports)
    boards = [_on_port(kind, port) for kind, port in zip(types, ports, strict=True)]
    return _with_names(boards)


def _on_port(kind: str | None, port: str) -> BenchBoard:
    if port in STARTED:
        return BenchBoard(kind or VIRTUAL, type=kind or VIRTUAL, port=port)
    return BenchBoard(Path(kind).stem if kind else port, type=kind, port=port)


def _with_names(boards: list[BenchBoard]) -> list[BenchBoard]:
    """The same with names that are there once."""
    ports = [board.port for board in boards if not board.is_virtual]
    if len(set(ports)) < len(ports):
        raise UsageError("the same --port was given twice")
    names = [board.name for board in boards]
    return [
        board if names.count(board.name) == 1 else replace(board, name=f"{board.name}-{number}")
        for number, board in enumerate(boards, 1)
    ]
