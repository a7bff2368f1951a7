"""The demo on a terminal: steps, progress and the board's log on stderr, the table on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from mynah.demo.result import DemoResult, Listener, StepResult

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


class Screen:
    """Shows a demo while it runs; a context manager. Everything goes to stderr."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def listener(self) -> Listener:
        """What `run_demo` tells this screen."""
        return Listener(self._step, self._advance, self._line, self._done)

    def _step(self, number: int, count: int, title: str) -> None:
        self._console.print(f"[bold]{number}/{count} {title}[/bold]")

    def _advance(self, what: str, share: float) -> None:
        if self._task is None:
            self._task = self._progress.add_task(what, total=1.0)
        self._progress.update(self._task, completed=share, description=what)

    def _line(self, line: str) -> None:
        if not self._quiet:
            self._console.print(f"  [dim]{escape(line)}[/dim]", soft_wrap=True)

    def _done(self, step: StepResult) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        mark = "[green]done[/green]" if step.ok else "[red]failed[/red]"
        self._console.print(f"  {mark} in {step.seconds:.1f} s")


def print_report(result: DemoResult) -> None:
    """Print the table of what was shown and the files that stay, on stdout."""
    table = Table(title="What was shown", title_justify="left", show_lines=False)
    table.add_column("step", style="bold", no_wrap=True)
    table.add_column("s", justify="right")
    table.add_column("figure")
    table.add_column("value", overflow="fold")
    for step in result.steps:
        rows = [*step.figures.items()]
        if step.error:
            rows.append(("failed", step.error))
        for index, (name, value) in enumerate(rows):
            first = index == 0
            table.add_row(
                step.name if first else "",
                f"{step.seconds:.1f}" if first else "",
                name.replace("_", " "),
                escape(_shown(value)),
                end_section=index == len(rows) - 1,
            )
    console = Console()
    console.print(table)
    for name, path in result.files.items():
        console.print(f"{name}: {escape(path)}", soft_wrap=True)


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
