"""Run the demo's steps in order, time them, and stop at the first that fails."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mynah.demo.result import DemoResult, StepResult
from mynah.demo.stage import Stage
from mynah.demo.steps import STEPS
from mynah.errors import MynahError

if TYPE_CHECKING:
    from mynah.demo.result import DemoOptions, Listener


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
