"""The whole of a qualification: suites in turn, one card."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mynah.qualify.build import Builder
from mynah.qualify.session import SUITE, Suite, events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mynah.qualify.card import Card
    from mynah.qualify.session import Event
    from mynah.qualify.target import Target


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked for beside the board."""

    suites: Sequence[Path] = ()
    """A user's own tests, run after the package's."""
    recordings: Path | None = None
    """A user's own recordings of the wake word."""
    may_flash: bool = False
    """Whether a real board's flash may be overwritten; its settings are lost."""
    pytest_options: Sequence[str] = field(default_factory=tuple)


def qualify(target: Target, wishes: Wishes, listen: Callable[[Event], object]) -> Card:
    """Measure a board; takes minutes.

    Args:
        target: the board.
        wishes: what else is asked for.
        listen: called with what happens, as `mynah.qualify.collect` tells it.

    Raises:
        MynahError: pytest could not run a suite.
    """
    started = time.time()
    builder = Builder()
    options = [*target.options, *(["--flash"] if wishes.may_flash else []), *wishes.pytest_options]
    recordings = wishes.recordings
    own = ["--score-recordings", str(recordings.resolve())] if recordings is not None else []
    suites = [Suite(SUITE, [*options, *own]), *(Suite(path, options) for path in wishes.suites)]
    for suite in suites:
        for event in events(suite):
            builder.take(event)
            listen(event)
    return builder.card(target.name, target.kind, is_virtual=target.is_virtual, started=started)
