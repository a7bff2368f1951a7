"""The whole of a qualification: suites in turn, one card."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mynah.errors import BoardError
from mynah.qualify.build import Builder
from mynah.qualify.card import FAILED, PASSED
from mynah.qualify.collect import RECORDINGS
from mynah.qualify.measures import catalogue, with_limits
from mynah.qualify.session import SUITE, Suite, events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    limits: Path | None = None
    """A file of limits of a user's own."""
    evidence: bool = False
    """Whether to keep the package's tests' logs and sounds, as a page."""


def qualify(
    target: Target, wishes: Wishes, listen: Callable[[Event], object]
) -> tuple[Card, bytes | None]:
    """Measure a board; takes minutes. The card, and the page of `Wishes.evidence`.

    Args:
        target: the board.
        wishes: what else is asked for.
        listen: called with what happens, as `mynah.qualify.collect` tells it.

    Raises:
        UsageError: the file of limits is off.
        MynahError: pytest could not run a suite, or not one function passed.
    """
    started = time.time()
    builder = Builder(with_limits(wishes.limits) if wishes.limits is not None else catalogue())
    with tempfile.TemporaryDirectory(prefix="mynah-qualify-") as folder:
        page = Path(folder, "evidence.html")
        for suite in _suites(target, wishes, page):
            for event in events(suite):
                builder.take(event)
                listen(event)
        evidence = page.read_bytes() if page.exists() else None
    card = builder.card(target.name, target.kind, is_virtual=target.is_virtual, started=started)
    if not card.count(PASSED):
        why = next((f.note for f in card.functions if f.outcome == FAILED), "all were skipped")
        raise BoardError(f"no function of board {target.name} passed, so there is no card: {why}")
    return card, evidence


def _suites(target: Target, wishes: Wishes, page: Path) -> list[Suite]:
    options = [*target.options, *(["--flash"] if wishes.may_flash else [])]
    own = ["--report", str(page)] if wishes.evidence else []
    if wishes.recordings is not None:
        own += [RECORDINGS, str(wishes.recordings.resolve())]
    return [Suite(SUITE, [*options, *own]), *(Suite(path, options) for path in wishes.suites)]
