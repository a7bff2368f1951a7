"""Run the demo's steps in order, time them, and stop at the first that fails."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mynah.demo.stage import Stage
from mynah.demo.steps import STEPS
from mynah.errors import MynahError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mynah.demo.sound import Sound


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What to show."""

    sound: Sound
    """What is played into the microphone."""
    model: str
    """Name of a shipped wake-word model."""
    out: Path
    """Folder that the log, the picture and the captured sounds go to."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """How one step went; ``figures`` are what it measured, in the order of the table."""

    name: str
    title: str
    ok: bool
    seconds: float
    figures: dict[str, Any]
    error: str | None = None


@dataclass(slots=True)
class DemoResult:
    """How the demo went; ``files`` are what it leaves on purpose."""

    steps: list[StepResult] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    error: MynahError | None = None

    @property
    def ok(self) -> bool:
        """Whether every step was shown."""
        return self.error is None

    def as_dict(self) -> dict[str, Any]:
        """The result for ``--json``."""
        return {
            "ok": self.ok,
            "seconds": round(sum(step.seconds for step in self.steps), 3),
            "steps": [
                {
                    "name": step.name,
                    "ok": step.ok,
                    "seconds": round(step.seconds, 3),
                    "figures": step.figures,
                    **({"error": step.error} if step.error else {}),
                }
                for step in self.steps
            ],
            "files": self.files,
        }


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the demo tells what it does; each is called from the demo's threads."""

    step: Callable[[int, int, str], None]
    """Step number, of how many, its title."""
    progress: Callable[[str, float], None]
    """What is under way and how far it is, 0 to 1."""
    line: Callable[[str], None]
    """A line of the board's log."""
    done: Callable[[StepResult], None]
    """A step ended."""


def run_demo(options: DemoOptions, listener: Listener) -> DemoResult:
    """Show every step on one virtual board; the board is gone when this returns.

    A step that fails ends the demo: its error is in the result.
    """
    result = DemoResult()
    with Stage(options.sound, options.model, options.out, listener) as stage:
        for number, (name, title, show) in enumerate(STEPS, 1):
            listener.step(number, len(STEPS), title)
            started = time.monotonic()
            figures: dict[str, Any] = {}
            error: MynahError | None = None
            try:
                show(stage, figures)
            except MynahError as failure:
                error = failure
            step = StepResult(
                name,
                title,
                error is None,
                time.monotonic() - started,
                figures,
                str(error) if error else None,
            )
            result.steps.append(step)
            listener.done(step)
            if error is not None:
                result.error = error
                break
        result.files = {name: str(path) for name, path in stage.files.items()}
    return result
