"""What a demo is asked, what it tells while it runs, and how it went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mynah.demo.sound import Sound
    from mynah.errors import MynahError


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
